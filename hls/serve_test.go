package hls

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestStatus(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, g *gateway) {
		g.live(t)
		m := g.media(t, "")
		open := m.MediaSequence + len(m.Segments)
		msn := func(n int) string { return mediaName + "?_HLS_msn=" + strconv.Itoa(n) }
		for _, c := range []struct {
			method, file string
			code         int
			kind, cache  string
		}{
			{"GET", "index.m3u8", 200, "application/vnd.apple.mpegurl", "public, max-age=1"},
			{"HEAD", "index.m3u8", 200, "application/vnd.apple.mpegurl", "public, max-age=1"},
			{"GET", "stream.m3u8", 200, "application/vnd.apple.mpegurl", "public, max-age=1"},
			{"GET", m.Map.URI, 200, "video/mp4", "public, max-age=3600, immutable"},
			{"GET", m.Segments[0].URI, 200, "video/mp4", "public, max-age=3600, immutable"},
			{"HEAD", m.Segments[0].URI, 200, "video/mp4", "public, max-age=3600, immutable"},
			{"GET", m.Parts[0].URI, 200, "video/mp4", "public, max-age=3600, immutable"},
			{"GET", m.PreloadHint.URI, 200, "video/mp4", "public, max-age=3600, immutable"},
			{"GET", "nothing.mp4", 404, "text/plain; charset=utf-8", "no-store"},
			{"GET", "seg1.mp4", 404, "text/plain; charset=utf-8", "no-store"},
			{"GET", "part99999999.mp4", 404, "text/plain; charset=utf-8", "no-store"},
			{"GET", "init1.mp4", 404, "text/plain; charset=utf-8", "no-store"},
			{"GET", "stream.m3u8/..", 404, "text/plain; charset=utf-8", "no-store"},
			{"POST", "index.m3u8", 405, "text/plain; charset=utf-8", "no-store"},
			{"OPTIONS", "index.m3u8", 204, "", ""},
			{"GET", msn(open + 2), 400, "text/plain; charset=utf-8", ""},
			{"GET", msn(open) + "&_HLS_part=99", 400, "text/plain; charset=utf-8", ""},
			{"GET", msn(1), 200, "application/vnd.apple.mpegurl", "public, max-age=1"},
			{"GET", msn(-1), 400, "text/plain; charset=utf-8", ""},
			{"GET", mediaName + "?_HLS_part=1", 400, "text/plain; charset=utf-8", ""},
			{"GET", mediaName + "?%zz", 400, "text/plain; charset=utf-8", ""},
			{"GET", mediaName + "?_HLS_skip=YES", 200, "application/vnd.apple.mpegurl", "public, max-age=1"},
			{"GET", msn(open), 200, "application/vnd.apple.mpegurl", "public, max-age=1"},
			{"GET", msn(open + 2), 200, "application/vnd.apple.mpegurl", "public, max-age=1"},
		} {
			w := g.do(t.Context(), c.method, c.file)
			h := w.Result().Header
			if w.Code != c.code || h.Get("Content-Type") != c.kind || h.Get("Cache-Control") != c.cache {
				t.Errorf("%s %s: %d %q %q, want %d %q %q (%s)", c.method, c.file, w.Code, h.Get("Content-Type"), h.Get("Cache-Control"),
					c.code, c.kind, c.cache, w.Body)
			}
			if n := w.Body.Len(); w.Code == 200 && (c.method == "HEAD") != (n == 0) {
				t.Errorf("%s %s: %d bytes", c.method, c.file, n)
			} else if c.method == "GET" && w.Code == 200 && h.Get("Content-Length") != strconv.Itoa(n) {
				t.Errorf("%s: length %s, body %d", c.file, h.Get("Content-Length"), n)
			}
		}
		// What a password protects is for one viewer only.
		if c := g.do(t.Context(), "GET", m.Parts[0].URI, "Authorization", "Basic eDp5").Header().Get("Cache-Control"); c != "private, max-age=3600, immutable" {
			t.Errorf("Cache-Control with a password: %s", c)
		}
	})
}

// TestFirstViewer joins at all moments of a GOP: the first viewer of a stream gets
// a picture within a part's length.
func TestFirstViewer(t *testing.T) {
	for _, name := range []string{"h264-aac", "h265-opus", "h264-bframes"} {
		c := load(t, name)
		for at := 3 * time.Second; at < 5*time.Second; at += 90 * time.Millisecond {
			inBubble(t, Options{}, func(t *testing.T, g *gateway) {
				g.play(t, c)
				time.Sleep(at)
				begin := time.Now()
				g.get(t, indexName)
				m := g.media(t, "")
				g.get(t, m.Map.URI)
				if len(m.Parts) == 0 || !m.Parts[0].Independent {
					t.Fatalf("%s after %v: no independent part", name, at)
				}
				samples(t, g.get(t, m.Map.URI), g.get(t, m.Parts[0].URI))
				if d := time.Since(begin); d > 300*time.Millisecond {
					t.Errorf("%s after %v: %v", name, at, d)
				}
				if len(m.Segments) < 2 {
					t.Errorf("%s: %d segments; players want some", name, len(m.Segments))
				}
			})
		}
	}
}

func TestBlockingReload(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, g *gateway) {
		g.live(t)
		m := g.media(t, "")
		for range 25 { // over two borders of segments
			begin := time.Now()
			query := next(m)
			n := g.media(t, query)
			if d := time.Since(begin); d < 150*time.Millisecond && m.MediaSequence == n.MediaSequence && len(m.Parts) == len(n.Parts) {
				t.Fatalf("%s returned after %v with nothing new", query, d)
			} else if d > 250*time.Millisecond {
				t.Fatalf("%s returned after %v only", query, d)
			}
			msn, parts := m.MediaSequence+len(m.Segments), len(m.Parts)
			nmsn, nparts := n.MediaSequence+len(n.Segments), len(n.Parts)
			if nmsn == msn && nparts != parts+1 || nmsn == msn+1 && (parts != 9 || nparts != 0) && nparts != 1 || nmsn > msn+1 {
				t.Fatalf("from %d.%d to %d.%d", msn, parts, nmsn, nparts)
			}
			m = n
		}
		// Without a part it waits for the whole segment.
		msn := m.MediaSequence + len(m.Segments)
		if n := g.media(t, "?_HLS_msn="+strconv.Itoa(msn)); n.MediaSequence+len(n.Segments) != msn+1 {
			t.Errorf("waited for segment %d, got up to %d", msn, n.MediaSequence+len(n.Segments)-1)
		}
		// The hinted part comes with the playlist that lists it.
		m = g.media(t, "")
		begin := time.Now()
		hinted := g.get(t, m.PreloadHint.URI)
		if d := time.Since(begin); d < 10*time.Millisecond || d > 200*time.Millisecond {
			t.Errorf("the hinted part came after %v", d)
		}
		if hinted != g.get(t, m.PreloadHint.URI) {
			t.Error("the hinted part is another one later")
		}
	})
}

func TestBlockedRequestEndsWithItsClient(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, g *gateway) {
		c := load(t, "h264-aac")
		g.wg.Go(func() { play(g.ctx, t, g.stream, c, 5*time.Second) })
		time.Sleep(3 * time.Second)
		g.get(t, indexName)
		time.Sleep(5 * time.Second) // the source is away now
		m := g.media(t, "")
		for _, file := range []string{mediaName + next(m), m.PreloadHint.URI} {
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan time.Time, 1)
			g.wg.Go(func() {
				g.do(ctx, "GET", file)
				ended <- time.Now()
			})
			time.Sleep(500 * time.Millisecond)
			select {
			case <-ended:
				t.Fatalf("%s did not wait", file)
			default:
			}
			cancel()
			gone := time.Now()
			if at := <-ended; at != gone {
				t.Errorf("%s went on for %v without its client", file, at.Sub(gone))
			}
		}
		// A client that stays gets the playlist as it is, and may ask again.
		w := g.do(t.Context(), "GET", mediaName+next(m))
		if w.Code != 200 || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("source away: %d %v", w.Code, w.Header())
		}
	})
}

func TestSameBytesForAll(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, g *gateway) {
		g.live(t)
		m := g.media(t, "")
		bodies := make([]string, 50)
		ends := make([]time.Time, len(bodies))
		var wg sync.WaitGroup
		for i := range bodies {
			wg.Go(func() {
				bodies[i] = g.get(t, mediaName+next(m)+"&_HLS_skip=YES")
				ends[i] = time.Now()
			})
		}
		wg.Wait()
		for i := range bodies {
			if bodies[i] != bodies[0] || ends[i] != ends[0] {
				t.Fatalf("client %d got another playlist, or at another time", i)
			}
		}
		lease, err := g.workers.Use(g.stream)
		if err != nil {
			t.Fatal(err)
		}
		defer lease.Release()
		s := lease.Worker.now.Load()
		media, index := s.media(directives{}), s.multivariant(directives{})
		if s.media(directives{}) != media || s.multivariant(directives{}) != index {
			t.Error("a playlist is rendered for each request")
		}
	})
}

func TestGzip(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, g *gateway) {
		g.live(t)
		for accept, zipped := range map[string]bool{
			"": false, "gzip": true, "br, gzip;q=0.5, *": true, "gzip;q=0": false, "deflate": false, "x-gzipped": false, "GZIP": true, "gzip;q=x": false,
		} {
			w := g.do(t.Context(), "GET", mediaName, "Accept-Encoding", accept)
			if got := w.Header().Get("Content-Encoding") == "gzip"; got != zipped {
				t.Errorf("%q: gzip %v", accept, got)
			}
			if w.Header().Get("Vary") != "Accept-Encoding" {
				t.Errorf("%q: no Vary", accept)
			}
			if !zipped {
				continue
			}
			z, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			plain, err := io.ReadAll(z)
			if err != nil || !bytes.HasPrefix(plain, []byte("#EXTM3U\n")) {
				t.Errorf("%v: %.20s", err, plain)
			}
		}
	})
}

// TestToken: what is in the query of the first request goes with all others.
func TestToken(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, g *gateway) {
		g.live(t)
		const token = "?token=a%22b%0Ac&_HLS_msn=3"
		if body := g.get(t, indexName+token); !strings.Contains(body, "\nstream.m3u8?token=a%22b%0Ac\n") {
			t.Errorf("index:\n%s", body)
		}
		m := g.media(t, token)
		for _, uri := range []string{m.Map.URI, m.Segments[0].URI, m.Parts[0].URI, m.PreloadHint.URI} {
			if !strings.HasSuffix(uri, ".mp4?token=a%22b%0Ac") {
				t.Errorf("URI %s", uri)
			}
			g.get(t, uri)
		}
	})
}
