package ingest

import (
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// Viewers of a stream that is published to keep their sessions while nobody does.
func TestSlateOfPublished(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := camgate.NewRendition("test", camgate.StreamLimits{})
		AwaitPublisher(s)
		go func() { _ = ShowSlate(t.Context(), s) }() // the bubble waits for it
		wait(5 * time.Second)
		if s.Newest() != 0 {
			t.Error("something is shown before there was a picture")
		}
		publish := func() *Publication {
			t.Helper()
			p, err := Publish(s, "obs", quiet)
			if err != nil {
				t.Fatal(err)
			}
			w, err := p.Start([]*camgate.Track{newH264(t)})
			if err != nil {
				t.Fatal(err)
			}
			for i, letters := range []string{"SPI", "N", "N"} {
				if err := w.Write(picture(letters, time.Duration(i)*40*time.Millisecond)); err != nil {
					t.Fatal(err)
				}
				wait(40 * time.Millisecond)
			}
			return p
		}
		p := publish()
		wait(5 * time.Second)
		if s.Info().Still {
			t.Error("shown again while it is published")
		}
		units := s.Units()
		r, err := s.Subscribe(t.Context(), camgate.SubscribeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for range 3 { // what is there
			if _, ok := r.Poll(); !ok {
				t.Fatal("no picture")
			}
		}
		p.Close()
		went := s.Now()
		for i := range 10 {
			u, err := r.Next()
			if err != nil || !u.RandomAccess || u.AU[len(u.AU)-1][0] != 0x65 {
				t.Fatal(u, err)
			}
			if late := s.Now() - went; late > time.Duration(i+1)*slateInterval {
				t.Errorf("picture %d after %v", i, late)
			}
		}
		if info := s.Info(); !info.Still || info.OfflineSince.IsZero() || info.Status.State != camgate.StateIdle || s.Units() != units {
			t.Errorf("%+v", info)
		}
		p = publish()
		if u, err := r.Next(); err != nil || !u.RandomAccess || s.Info().Still {
			t.Error(u, err)
		}
		p.Close()
	})
}
