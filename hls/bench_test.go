package hls

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// discard is a client that throws everything away.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// warmed is a Server whose stream has been read for a while.
func warmed(b *testing.B) (*gateway, *snapshot) {
	b.Helper()
	g := serve(b)
	w, err := ingest.NewWriter(g.stream, load(b, "h264-aac").tracks(b))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(w.Close)
	for _, sm := range load(b, "h264-aac").samples {
		if err := w.Write(sm); err != nil {
			b.Fatal(err)
		}
	}
	lease, err := g.workers.Use(g.stream)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(lease.Release)
	for s := lease.Worker.now.Load(); ; s = lease.Worker.now.Load() {
		if !s.empty() {
			return g, s
		}
		select {
		case <-s.next:
		case <-time.After(5 * time.Second):
			b.Fatal("not ready")
		}
	}
}

// BenchmarkServe is what camgate adds to a request of net/http.
func BenchmarkServe(b *testing.B) {
	g, s := warmed(b)
	for what, file := range map[string]string{
		"playlist": mediaName, "index": indexName,
		"part":    name{filePart, s.open.parts[0].id}.String(),
		"segment": name{fileSegment, s.segments[0].msn}.String(),
		"token":   mediaName + "?token=abc",
	} {
		b.Run(what, func(b *testing.B) {
			r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://host/cam/"+file, nil)
			if err != nil {
				b.Fatal(err)
			}
			r.RemoteAddr = "192.0.2.1:1234"
			w := discard{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				if err := g.Handle(w, r, g.stream, r.URL.Path[len("/cam/"):]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRender is the work once per part, whatever the number of viewers.
func BenchmarkRender(b *testing.B) {
	_, s := warmed(b)
	b.Run("playlist", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.renderMedia(0, "")
		}
	})
	b.Run("gzip", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var r rendering
			r.get(s.zipper, func() []byte { return s.renderMedia(0, "") }).gzip()
		}
	})
}

// BenchmarkCut cuts four seconds of a stream into parts.
func BenchmarkCut(b *testing.B) {
	c := load(b, "h264-aac")
	tracks := c.tracks(b)
	for i, t := range tracks {
		t.ID = i
	}
	for i, sm := range c.samples {
		if sm.Track == 0 {
			c.samples[i].RandomAccess = len(sm.AU) > 2
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		g := segmenter{opts: Options{}.withDefaults(), askKey: func() {}}
		g.begin(tracks)
		for _, sm := range c.samples {
			if err := g.write(&camgate.Unit{Track: tracks[sm.Track], PTS: sm.PTS, AU: sm.AU, RandomAccess: sm.RandomAccess}); err != nil {
				b.Fatal(err)
			}
		}
		g.flush()
		if len(g.complete) < 2 {
			b.Fatal(len(g.complete))
		}
	}
}
