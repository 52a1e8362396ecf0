package hls

import (
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

func TestNothingToCarry(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, g *gateway) {
		start(t, g.stream, camgate.MJPEG, camgate.PCMA)
		w := g.do(t.Context(), "GET", indexName)
		if w.Code != 406 || !strings.Contains(w.Body.String(), "MJPEG: HLS cannot carry it") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if n, _ := g.stream.Demand(); n != 0 {
			t.Error("a worker was started for nothing")
		}
	})
}

func TestNotReady(t *testing.T) {
	inBubble(t, Options{Start: 3 * time.Second}, func(t *testing.T, g *gateway) {
		begin := time.Now()
		w := g.do(t.Context(), "GET", indexName)
		if w.Code != 503 || w.Header().Get("Retry-After") == "" || time.Since(begin) != 3*time.Second {
			t.Errorf("%d %v after %v", w.Code, w.Header(), time.Since(begin))
		}
		// A stream that has tracks and no pictures yet is not ready either.
		start(t, g.stream, camgate.H264, camgate.AAC)
		if w := g.do(t.Context(), "GET", mediaName); w.Code != 503 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if w := g.do(t.Context(), "GET", "seg1.mp4"); w.Code != 404 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// start puts tracks on a stream and publishes nothing.
func start(t *testing.T, s *camgate.Stream, codecs ...camgate.Codec) {
	t.Helper()
	var tracks []*camgate.Track
	for _, c := range codecs {
		o := camgate.TrackOptions{Codec: c}
		if c == camgate.AAC {
			o.Params = &camgate.Params{Config: []byte{0x11, 0x90}} // LC, 48 kHz, stereo
		}
		tr, err := ingest.NewTrack(o)
		if err != nil {
			t.Fatal(err)
		}
		tracks = append(tracks, tr)
	}
	if _, err := s.Start(tracks); err != nil {
		t.Fatal(err)
	}
}

func TestIdle(t *testing.T) {
	inBubble(t, Options{Warm: 30 * time.Second}, func(t *testing.T, g *gateway) {
		g.live(t)
		g.get(t, mediaName)
		time.Sleep(29 * time.Second)
		if n, _ := g.stream.Demand(); n != 1 {
			t.Errorf("demand %d while it is kept warm, and viewers have left", n)
		}
		begin := time.Now()
		g.get(t, mediaName)
		if time.Since(begin) != 0 {
			t.Error("it was not warm")
		}
		time.Sleep(31 * time.Second)
		if n, _ := g.stream.Demand(); n != 0 {
			t.Errorf("demand %d when idle", n)
		}
	})
}

func TestViewers(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, g *gateway) {
		g.stream = camgate.NewRendition("cam", camgate.StreamLimits{MaxReaders: 2})
		g.live(t)
		time.Sleep(viewerTimeout + time.Second)
		for i, c := range []struct {
			remote, agent string
			code          int
		}{
			{"192.0.2.1:1000", "one", 200},
			{"192.0.2.1:1001", "one", 200}, // another connection of the same viewer
			{"192.0.2.1:1002", "two", 200},
			{"192.0.2.2:1003", "one", 503},
		} {
			if w := g.do(t.Context(), "GET", mediaName, "remote", c.remote, "User-Agent", c.agent); w.Code != c.code {
				t.Errorf("viewer %d: %d %s", i, w.Code, w.Body)
			}
		}
		var listed, sent int
		for _, r := range g.stream.Info().Readers {
			if r.Protocol == "hls" && !r.Internal {
				listed++
				sent += int(r.Bytes)
			}
		}
		if listed != 2 || sent == 0 {
			t.Errorf("%d viewers listed, %d bytes", listed, sent)
		}
		time.Sleep(viewerTimeout + 2*time.Second)
		if n, _ := g.stream.Demand(); n != 1 {
			t.Errorf("demand %d after the viewers left", n)
		}
	})
}
