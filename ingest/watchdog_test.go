package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// A stream of pictures that stops is given up early; whatever sends now and then is not.
func TestPatience(t *testing.T) {
	pausing := func(pause time.Duration) func(context.Context, *camgate.Stream) error {
		return plays(5*time.Second, func(ctx context.Context, s *camgate.Stream) error {
			wait(pause)
			return plays(5*time.Second, hangs)(ctx, s)
		})
	}
	tests := []struct {
		name  string
		does  func(context.Context, *camgate.Stream) error
		stall time.Duration // configured
		lasts time.Duration // of the session
	}{
		{"25 a second", plays(5*time.Second, hangs), 0, 7 * time.Second},
		{"4 a second", playsPaced("I", 250*time.Millisecond, 5*time.Second, hangs), 0, 6750 * time.Millisecond},
		{"one a second", playsSlowly(5*time.Second, hangs), 0, 14 * time.Second},
		{"too few to know", plays(400*time.Millisecond, hangs), 0, 10400 * time.Millisecond},
		{"configured shorter", plays(5*time.Second, hangs), time.Second, 6 * time.Second},
		{"it paused before", pausing(1800 * time.Millisecond), 0, 5*time.Second + 1800*time.Millisecond + 5*time.Second + 3600*time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				src := newFake("cam", tt.does, plays(forever, nil))
				s := supervise(t, Options{StallTimeout: tt.stall}, src)
				wait(30 * time.Second)
				s.is(camgate.StateLive, nil, 0)
				began := src.began()
				if len(began) != 2 {
					t.Fatalf("attempts at %v", began)
				}
				if again := began[1] - tt.lasts; again < 300*time.Millisecond || again > 900*time.Millisecond {
					t.Errorf("attempts at %v, want the second one about %s", began, tt.lasts+backoffAgain)
				}
				s.end(0)
			})
		})
	}
}

// Stills come when they change.
func TestPatienceWithStills(t *testing.T) {
	bubble(t, func(t *testing.T) {
		file := goJPEG(t, 16, 16, 50)
		stills := func(ctx context.Context, s *camgate.Stream) error {
			track, err := NewTrack(camgate.TrackOptions{Codec: camgate.MJPEG})
			if err != nil {
				return err
			}
			w, err := NewWriter(s, []*camgate.Track{track})
			if err != nil {
				return err
			}
			defer w.Close()
			for at := range 50 {
				_ = w.Write(Sample{PTS: int64(at) * 9000, AU: [][]byte{file}, RandomAccess: true})
				wait(100 * time.Millisecond)
			}
			return hangs(ctx, s)
		}
		src := newFake("cam", stills)
		s := supervise(t, Options{}, src)
		wait(12 * time.Second)
		s.is(camgate.StateStalled, camgate.ErrTimeout, 0)
		s.end(0)
	})
}

// Who stalls again soon is given more time, and all of it who has nothing to show at times.
func TestPatienceGrows(t *testing.T) {
	const second = time.Second
	lengths := func(began []time.Duration) (out []time.Duration) {
		for i := 1; i < len(began); i++ {
			out = append(out, (began[i] - began[i-1]).Round(100*time.Millisecond))
		}
		return out
	}
	t.Run("stalls again and again", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			src := newFake("cam", plays(5*second, hangs))
			s := supervise(t, Options{}, src)
			wait(2 * time.Minute)
			// Pictures for 5 s, silence of 2, 4, 8 and 10 s, and the pause.
			want := []time.Duration{7 * second, 9 * second, 13 * second, 15 * second, 15 * second}
			for i, got := range lengths(src.began())[:5] {
				if got < want[i]+400*time.Millisecond || got > want[i]+9*second {
					t.Errorf("session %d lasted %s, want %s and a pause", i, got, want[i])
				}
			}
			s.end(0)
		})
	})
	t.Run("only shows what moves", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			still := plays(0, func(ctx context.Context, s *camgate.Stream) error {
				wait(12 * second)
				return plays(5*second, hangs)(ctx, s)
			})
			src := newFake("cam", plays(5*second, hangs), still)
			s := supervise(t, Options{}, src)
			wait(7*second + 500*time.Millisecond + 12*second + 5*second + 9*second)
			s.is(camgate.StateStalled, camgate.ErrTimeout, 0)
			if n := len(src.began()); n != 2 {
				t.Errorf("attempts at %v", src.began())
			}
			s.end(0)
		})
	})
}

// What it takes to end a session is part of the pause.
func TestPauseCountsFromTheStall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		slow := plays(5*time.Second, func(ctx context.Context, _ *camgate.Stream) error {
			<-ctx.Done()
			wait(2 * time.Second)
			return errors.New("interrupted")
		})
		src := newFake("cam", slow, plays(forever, nil))
		s := supervise(t, Options{}, src)
		wait(20 * time.Second)
		if again := src.began()[1]; again < 9*time.Second || again > 9400*time.Millisecond {
			t.Errorf("attempts at %v", src.began())
		}
		s.end(0)
	})
}

// A certificate gets no better by itself.
func TestRefusedCertificate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		refused := fmt.Errorf("%w: %w", camgate.ErrConnectionFailed, camgate.ErrUntrusted)
		src := newFake("cam", fails(refused))
		s := supervise(t, Options{}, src)
		s.is(camgate.StateFailed, refused, 1)
		wait(5 * time.Minute)
		src.waits(t, time.Minute, time.Minute, time.Minute)
		s.end(0)
	})
}

// A source that is ended as nothing comes may know why, and says so.
func TestSourceKnowsWhy(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := supervise(t, Options{}, newFake("cam", func(ctx context.Context, _ *camgate.Stream) error {
			<-ctx.Done()
			return fmt.Errorf("%w: its cable is loose", context.Cause(ctx))
		}))
		wait(15*time.Second + 100*time.Millisecond)
		s.is(camgate.StateRetrying, camgate.ErrTimeout, 1)
		if err := s.Status().Err; !strings.HasSuffix(err.Error(), "no connection for 15s: its cable is loose") {
			t.Errorf("error %v", err)
		}
		s.end(time.Second)
	})
}
