package rendition

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest/encode"
)

func TestEncoded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := (&workshop{}).add(worker{name: "soft", able: true})
		b := newBench(t, shop, Settings{Width: 320, Height: 180, Bitrate: 1e5})
		defer b.close()
		if sound := b.watch(t, 100, 40*time.Millisecond); sound < 90 {
			t.Errorf("%d pieces of sound", sound)
		}
		if d := b.child.Now() - b.last.Time(); d > 50*time.Millisecond {
			t.Errorf("the newest picture is %v old", d)
		}
		works := shop.works()
		if len(works) != 1 || works[0].settings.Width != 320 || works[0].settings.Codec != camgate.H264 || works[0].format.Codec != camgate.H264 || works[0].format.Width == 0 {
			t.Errorf("%+v", works)
		}
		if info := b.child.Info(); info.Encoder != "soft" || len(info.Warnings) != 0 || info.Tracks[0].Params().Width == 0 || info.Status.State != camgate.StateLive {
			t.Errorf("%+v", info)
		}
		before := b.last
		for !b.last.RandomAccess || b.last == before { // right behind a keyframe
			b.watch(t, 1, 40*time.Millisecond)
		}
		b.child.RequestKeyframe()
		came := false
		for range 3 {
			b.watch(t, 1, 40*time.Millisecond)
			came = came || b.last.RandomAccess
		}
		if !came {
			t.Error("no keyframe although one was asked for")
		}
	})
}

// An encoder that fails is replaced by the next one; viewers stay, and hear of it.
func TestDemotion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := (&workshop{}).add(worker{name: "hard", dies: 60}).add(worker{name: "soft", able: true, delay: 200 * time.Millisecond})
		b := newBench(t, shop, Settings{Bitrate: 1e5})
		defer b.close()
		b.watch(t, 150, time.Second)
		info := b.child.Info()
		if info.Encoder != "soft" || len(info.Warnings) != 1 || !strings.Contains(info.Warnings[0], "hard failed") || !strings.Contains(info.Warnings[0], "soft encodes in its place") {
			t.Errorf("%q, %q", info.Encoder, info.Warnings)
		}
		if info.Status.State != camgate.StateLive || info.Status.Reconnects != 0 {
			t.Errorf("%+v", info.Status)
		}
		shop.mu.Lock()
		shop.demoted = nil
		shop.mu.Unlock()
		b.watch(t, 25*60*11, time.Second) // it is tried again, and dies again
		if n := len(shop.works()); n < 4 {
			t.Errorf("%d sessions", n)
		}
	})
}

// Pictures that nobody can decode are no encoder's fault: it is not put behind the others,
// and tried again when the source is.
func TestInputThatCannotBeDecoded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := (&workshop{}).add(worker{name: "hard", dies: 60, fails: encode.ErrInput}).add(worker{name: "soft"})
		b := newBench(t, shop, Settings{Bitrate: 1e5})
		defer b.close()
		b.watch(t, 60, 40*time.Millisecond)
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		if st := b.child.Status(); st.State != camgate.StateRetrying || !errors.Is(st.Err, camgate.ErrDecoder) {
			t.Errorf("%s: %v", st.State, st.Err)
		}
		b.watch(t, 50, 5*time.Second)
		if info := b.child.Info(); info.Encoder != "hard" || info.Status.State != camgate.StateLive || len(info.Warnings) != 0 {
			t.Errorf("%q, %s, %q", info.Encoder, info.Status.State, info.Warnings)
		}
		for _, w := range shop.works() {
			if w.name != "hard" {
				t.Errorf("%s was taken", w.name)
			}
		}
	})
}

func TestNoEncoder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		p := newPair(t, false, func(parent, _ *camgate.Stream) camgate.Source {
			return New(Options{Parent: parent, Want: Settings{Bitrate: 1e5}, Encoders: &workshop{}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		})
		defer p.stop()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if n := strings.Count(log.String(), "the picture cannot be encoded"); n != 1 {
			t.Errorf("told %d times:\n%s", n, log.String())
		}
		if st := p.child.Status(); !errors.Is(st.Err, camgate.ErrEncoderUnavailable) || st.State != camgate.StateRetrying {
			t.Errorf("%s: %v", st.State, st.Err)
		}
	})
}

// What the parent has kept is heard from its first picture on, however long the encoder
// takes to begin.
func TestSoundOfTheFirstPictures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := (&workshop{}).add(worker{name: "soft", delay: 300 * time.Millisecond})
		s := newStage(t, VariantOptions{Encoders: shop})
		defer s.stop()
		time.Sleep(500 * time.Millisecond) // the keyframe is a while ago
		stream, reader, leave := s.watch(t, camgate.Variant{Video: camgate.H265})
		defer leave()
		first := next(t, reader)
		due := first.Time()
		if age := stream.Now() - due; first.Track.Kind != camgate.Video || age < 600*time.Millisecond {
			t.Errorf("begins with %s of %v ago", first.Track.Codec, age)
		}
		for range 50 {
			u := next(t, reader)
			for u.Track.Kind != camgate.Audio {
				u = next(t, reader)
			}
			if d := u.Time() - due; d < -40*time.Millisecond || d > 40*time.Millisecond {
				t.Fatalf("sound at %v, %v after it was due", u.Time(), d)
			}
			due = u.Time() + 40*time.Millisecond
		}
	})
}
