package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camgate/camgate"
)

// playsBoth delivers key pictures and sound; the picture freezes after a while, the
// sound goes on.
func playsBoth(freeze time.Duration) func(context.Context, *camgate.Stream) error {
	return func(ctx context.Context, s *camgate.Stream) error {
		video, _ := NewTrack(camgate.TrackOptions{Codec: camgate.H264, Params: paramsOf(camgate.H264, "SP")})
		audio, _ := NewTrack(camgate.TrackOptions{Codec: camgate.PCMA})
		w, err := NewWriter(s, []*camgate.Track{video, audio})
		if err != nil {
			return err
		}
		defer w.Close()
		for at := time.Duration(0); ; at += 40 * time.Millisecond {
			if at < freeze {
				_ = w.Write(picture("I", at))
			}
			_ = w.Write(Sample{Track: 1, PTS: int64(at / (125 * time.Microsecond)), AU: [][]byte{make([]byte, 320)}})
			if !sleep(ctx, 40*time.Millisecond) {
				return ctx.Err()
			}
		}
	}
}

func TestFrozenPictureWithSound(t *testing.T) {
	bubble(t, func(t *testing.T) {
		src := newFake("cam", playsBoth(5*time.Second), playsBoth(forever))
		s := supervise(t, Options{}, src)
		wait(7200 * time.Millisecond)
		s.is(camgate.StateRetrying, camgate.ErrTimeout, 1)
		wait(10 * time.Second)
		s.is(camgate.StateLive, nil, 0)
		if st := s.Status(); st.Attempts != 2 || st.Reconnects != 1 || !strings.Contains(st.LastErr.Error(), "no picture") {
			t.Errorf("%+v", st)
		}
		s.end(0)
		for _, line := range []string{"source failed", "no picture for 2", "source is live"} {
			if !strings.Contains(s.log.String(), line) {
				t.Errorf("no line %q in\n%s", line, &s.log)
			}
		}
	})
}

func TestSourceOfSoundAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		plays := func(d time.Duration) func(context.Context, *camgate.Stream) error {
			return func(ctx context.Context, s *camgate.Stream) error {
				track, _ := NewTrack(camgate.TrackOptions{Codec: camgate.PCMA})
				w, err := NewWriter(s, []*camgate.Track{track})
				if err != nil {
					return err
				}
				defer w.Close()
				for at := time.Duration(0); at < d; at += 20 * time.Millisecond {
					_ = w.Write(Sample{PTS: int64(at / (125 * time.Microsecond)), AU: [][]byte{make([]byte, 160)}})
					if !sleep(ctx, 20*time.Millisecond) {
						return ctx.Err()
					}
				}
				return hangs(ctx, s)
			}
		}
		s := supervise(t, Options{}, newFake("mic", plays(30*time.Second), plays(forever)))
		wait(30 * time.Second)
		s.is(camgate.StateLive, nil, 0)
		wait(5 * time.Second)
		s.is(camgate.StateStalled, camgate.ErrTimeout, 0)
		wait(8 * time.Second)
		s.is(camgate.StateLive, nil, 0)
		s.end(0)
	})
}

// A source that never ends is named, and another attempt made; it cannot publish.
func TestSourceThatNeverEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var free atomic.Bool
		var errLate, errStart atomic.Value
		deaf := func(ctx context.Context, s *camgate.Stream) error {
			track, _ := NewTrack(camgate.TrackOptions{Codec: camgate.H264, Params: paramsOf(camgate.H264, "SP")})
			w, err := NewWriter(s, []*camgate.Track{track})
			if err != nil {
				return err
			}
			_ = w.Write(picture("I", 0))
			for !free.Load() {
				wait(time.Second)
			}
			errLate.Store(w.Write(picture("I", time.Minute)))
			_, err = NewWriter(s, []*camgate.Track{track})
			errStart.Store(err)
			return errors.New("at last")
		}
		src := newFake("cam", deaf, plays(time.Hour, fails(camgate.ErrConnectionFailed)), plays(forever, nil))
		s := supervise(t, Options{}, src)
		wait(30 * time.Second)
		s.is(camgate.StateLive, nil, 0)
		if !strings.Contains(s.log.String(), "does not end") {
			t.Errorf("not named:\n%s", &s.log)
		}
		units := s.Units()
		wait(10 * time.Second)
		if n := s.Units() - units; n < 240 || n > 260 {
			t.Errorf("%d pictures in ten seconds", n)
		}
		free.Store(true)
		wait(2 * time.Second)
		if err, _ := errLate.Load().(error); !errors.Is(err, camgate.ErrClosed) {
			t.Errorf("it could write: %v", err)
		}
		if err, _ := errStart.Load().(error); !errors.Is(err, camgate.ErrClosed) {
			t.Errorf("it could begin: %v", err)
		}
		wait(2 * time.Hour)
		s.is(camgate.StateLive, nil, 0)
		s.end(0)
	})
}

func TestReturnToTheBetterSource(t *testing.T) {
	away := fmt.Errorf("%w: refused", camgate.ErrConnectionFailed)
	bubble(t, func(t *testing.T) {
		main := newFake("main", fails(away), fails(away), playsLetters("N", forever, nil), plays(forever, nil))
		sub := newFake("sub", plays(forever, nil))
		s := supervise(t, Options{}, main, sub)
		r, err := s.Subscribe(t.Context(), camgate.SubscribeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		last, most := time.Duration(0), time.Duration(0)
		go func() {
			for {
				u, err := r.Next()
				if err != nil {
					return
				}
				if last > 0 {
					most = max(most, u.Time()-last)
				}
				last = u.Time()
			}
		}()
		wait(20 * time.Second)
		if got := s.Status().Source; got != "sub" {
			t.Fatalf("runs %q", got)
		}
		wait(15 * time.Minute)
		synctest.Wait()
		if got := s.Status(); got.Source != "main" || got.State != camgate.StateLive {
			t.Errorf("%+v", got)
		}
		if most > 100*time.Millisecond {
			t.Errorf("viewers were without a picture for %v", most)
		}
		if n := len(main.began()); n != 4 {
			t.Errorf("main tried at %v", main.began())
		}
		if n := len(sub.began()); n != 1 {
			t.Errorf("sub tried at %v", sub.began())
		}
		s.end(0)
	})
}

// remote is a fake that names its device.
type remote struct {
	*fake
	device string
}

func (r remote) Device() string { return r.device }

func TestDials(t *testing.T) {
	bubble(t, func(t *testing.T) {
		dials := NewDials(2)
		opts := Options{Dials: dials, MinDialInterval: 3 * time.Second}
		a, b := newFake("a", plays(forever, nil)), newFake("b", plays(forever, nil))
		c := newFake("c", plays(forever, nil))
		one := supervise(t, opts, remote{a, "cam:554"})
		two := supervise(t, opts, remote{b, "cam:554"})
		wait(4 * time.Second)
		if at := b.began(); len(at) != 1 || at[0] != 3*time.Second {
			t.Errorf("the second one of the device connected at %v", at)
		}
		three := supervise(t, opts, remote{c, "other:554"})
		three.is(camgate.StateRetrying, camgate.ErrTooManyStreams, 1)
		if _, err := three.Ready(t.Context()); !errors.Is(err, camgate.ErrTooManyStreams) {
			t.Errorf("a viewer is told %v", err)
		}
		one.end(0)
		wait(35 * time.Second)
		three.is(camgate.StateLive, nil, 0)
		two.end(0)
		three.end(0)

		opts.SingleConnection = true
		one = supervise(t, opts, remote{newFake("a", plays(forever, nil)), "printer"})
		two = supervise(t, opts, remote{newFake("b", plays(forever, nil)), "printer"})
		two.is(camgate.StateRetrying, camgate.ErrConnectionFailed, 1)
		one.end(0)
		two.end(0)
	})
}

// A camera that takes one client is not asked for its better stream while it sends
// the other one; that comes first when the other one ends.
func TestReturnWithOneConnection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		main := newFake("main", fails(camgate.ErrConnectionFailed), plays(forever, nil))
		sub := newFake("sub", plays(time.Hour, fails(camgate.ErrConnectionFailed)))
		s := supervise(t, Options{SingleConnection: true}, remote{main, "cam"}, remote{sub, "cam"})
		wait(50 * time.Minute)
		if len(main.began()) != 1 {
			t.Errorf("main tried at %v", main.began())
		}
		wait(15 * time.Minute)
		if got := s.Status().Source; got != "main" {
			t.Errorf("runs %q", got)
		}
		s.end(0)
	})
}

func TestSlate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		src := newFake("cam", plays(5*time.Second, fails(camgate.ErrConnectionFailed)), hangs, plays(forever, nil))
		s := supervise(t, Options{Slate: true}, src)
		wait(10 * time.Second)
		info := s.Info()
		if !info.Still || info.OfflineSince.Sub(src.epoch).Round(100*time.Millisecond) != 5*time.Second {
			t.Errorf("%+v", info)
		}
		r, err := s.Subscribe(t.Context(), camgate.SubscribeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for range 5 {
			u, err := r.Next()
			if err != nil || !u.RandomAccess || s.Now()-u.Time() > 2*time.Second {
				t.Fatal(u, err)
			}
		}
		wait(20 * time.Second)
		s.is(camgate.StateLive, nil, 0)
		if info := s.Info(); info.Still || !info.OfflineSince.IsZero() {
			t.Errorf("%+v", info)
		}
		s.end(0)
	})
}

func TestIdleWhenNobodyWantsIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := supervise(t, Options{OnDemand: true}, newFake("cam", fails(camgate.ErrConnectionFailed)))
		if _, err := s.Ready(t.Context()); !errors.Is(err, camgate.ErrNotReady) {
			t.Error(err)
		}
		wait(5 * time.Second)
		s.is(camgate.StateIdle, nil, 1)
		if s.Status().LastErr == nil {
			t.Error("what went wrong is forgotten")
		}
		s.end(0)
	})
}

func TestFlapping(t *testing.T) {
	bubble(t, func(t *testing.T) {
		away := camgate.ErrConnectionFailed
		main, sub := newFake("main", plays(2*time.Second, fails(away))), newFake("sub", plays(forever, nil))
		s := supervise(t, Options{}, main, sub)
		wait(20 * time.Second)
		if got := s.Status().Source; got != "sub" {
			t.Errorf("runs %q", got)
		}
		wait(time.Hour)
		if n := len(main.began()); n > 15 {
			t.Errorf("main tried %d times in an hour", n)
		}
		s.end(0)
	})
}
