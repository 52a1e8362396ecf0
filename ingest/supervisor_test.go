package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

func TestBackoff(t *testing.T) { bubble(t, testBackoff) }

func testBackoff(t *testing.T) {
	away, refused := camgate.ErrConnectionFailed, fmt.Errorf("%w: 401", camgate.ErrAuthFailed)
	const second = time.Second
	tests := []struct {
		err  error
		live time.Duration
		want time.Duration
	}{
		{away, 0, second}, {away, 0, 2 * second}, {away, 0, 2 * second}, {away, 0, 2 * second}, // for two minutes
		{away, 9 * second, 2 * second}, {away, 0, 2 * second}, {away, 9 * second, 2 * second},
		{away, 10 * second, second}, {away, 59 * second, 5900 * time.Millisecond},
		{away, time.Minute, second / 2}, {away, 0, second}, {away, 0, 2 * second},
		{refused, 0, time.Minute}, {refused, time.Hour, time.Minute}, {away, 0, second},
		{away, time.Minute, second / 2}, {camgate.ErrUntrusted, 0, time.Minute},
		{away, time.Minute, second / 2}, {camgate.ErrNoVideoTrack, 0, second}, {camgate.ErrUnsupportedCodec, 0, 2 * second},
		{camgate.ErrNoVideoTrack, 0, 2 * second}, {camgate.ErrNoVideoTrack, 0, 2 * second},
		{nil, 2 * time.Minute, 0},
		{camgate.ErrNoVideoTrack, 0, time.Minute}, {away, 0, 4 * second}, {away, 0, 8 * second},
		{away, 0, 16 * second}, {away, 0, 30 * second}, {away, 0, 30 * second}, {camgate.ErrUnsupportedCodec, 0, time.Minute},
	}
	var b Backoff
	for i, tt := range tests {
		if tt.err == nil {
			time.Sleep(tt.live)
			continue
		}
		if got := b.Next(tt.err, tt.live); got < tt.want*9/10 || got > tt.want*11/10 {
			t.Errorf("step %d: %v, want %v with a jitter of a tenth", i, got, tt.want)
		}
	}
	for range 100 {
		b.Next(away, 0)
	}
	if got := b.Next(away, 0); got > 33*time.Second {
		t.Errorf("after many: %v", got)
	}
	seen := map[time.Duration]bool{}
	for range 10 {
		seen[b.Next(away, 0)] = true
	}
	if len(seen) < 5 {
		t.Error("there is no jitter")
	}
}

func TestRetries(t *testing.T) {
	bubble(t, func(t *testing.T) {
		away := fmt.Errorf("%w: refused", camgate.ErrConnectionFailed)
		src := newFake("cam", fails(away), fails(away), fails(away), plays(70*time.Second, fails(away)), fails(away), plays(forever, nil))
		s := supervise(t, Options{}, src)
		s.is(camgate.StateRetrying, away, 1)
		wait(1200 * time.Millisecond)
		s.is(camgate.StateRetrying, away, 2)
		wait(6 * time.Second)
		s.is(camgate.StateLive, nil, 0)
		wait(src.began()[3] + 70*time.Second + 300*time.Millisecond - time.Since(src.epoch))
		s.is(camgate.StateRetrying, away, 1)
		wait(10 * time.Second)
		s.is(camgate.StateLive, nil, 0)
		src.waits(t, time.Second, 2*time.Second, 2*time.Second)
		if n := len(src.began()); n != 6 {
			t.Errorf("%d attempts", n)
		}
		s.end(0)
		// One about each time it went away, not one for each attempt.
		if got := strings.Count(s.log.String(), "source failed"); got != 2 {
			t.Errorf("%d lines about failures:\n%s", got, &s.log)
		}
	})
}

// While it is tried again, a viewer is told what went wrong before.
func TestConnectingKeepsCause(t *testing.T) {
	bubble(t, func(t *testing.T) {
		away := fmt.Errorf("%w: refused", camgate.ErrConnectionFailed)
		s := supervise(t, Options{}, newFake("cam", fails(away), hangs))
		wait(2 * time.Second)
		s.is(camgate.StateConnecting, away, 1)
		s.end(0)
	})
}

func TestRefusedPassword(t *testing.T) {
	bubble(t, func(t *testing.T) {
		refused := fmt.Errorf("%w: 401", camgate.ErrAuthFailed)
		src := newFake("cam", fails(refused))
		s := supervise(t, Options{}, src)
		s.is(camgate.StateFailed, refused, 1)
		wait(10 * time.Minute)
		src.waits(t, time.Minute, time.Minute, time.Minute)
		if n := len(src.began()); n > 12 {
			t.Errorf("%d attempts in ten minutes", n)
		}
		wait(time.Hour)
		s.end(0)
		// One line, and a second one as it is still so an hour later.
		if got := strings.Count(s.log.String(), "source failed"); got != 2 {
			t.Errorf("%d lines:\n%s", got, &s.log)
		}
	})
}

func TestSourceThatEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := supervise(t, Options{}, newFake("cam", plays(time.Second, fails(nil))))
		wait(1200 * time.Millisecond)
		s.is(camgate.StateRetrying, camgate.ErrConnectionFailed, 1)
		s.end(0)
	})
}

func TestTimeouts(t *testing.T) {
	tests := []struct {
		name string
		does func(context.Context, *camgate.Stream) error
		// by 2 s after the beginning, and a second before the timeout
		early, late camgate.State
		timeout     time.Duration
		text        string
	}{
		{"no connection", hangs, camgate.StateConnecting, camgate.StateConnecting, 15 * time.Second, "no connection"},
		{"no media", plays(0, hangs), camgate.StateWaitingKeyframe, camgate.StateWaitingKeyframe, 15 * time.Second, "no picture to start with"},
		{"no key picture", playsLetters("N", forever, nil), camgate.StateWaitingKeyframe, camgate.StateWaitingKeyframe, 15 * time.Second, "no keyframe to start with"},
		{"stalls", playsSlowly(5*time.Second, hangs), camgate.StateLive, camgate.StateStalled, 14 * time.Second, "no picture for 10s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				src := newFake("cam", tt.does, plays(forever, nil))
				s := supervise(t, Options{}, src)
				wait(2 * time.Second)
				s.is(tt.early, nil, 0)
				wait(tt.timeout - 3*time.Second)
				s.is(tt.late, map[string]error{"no key picture": errNoKeyframe, "stalls": camgate.ErrTimeout}[tt.name], 0)
				wait(1200 * time.Millisecond)
				s.is(camgate.StateRetrying, camgate.ErrTimeout, 1)
				if err := fmt.Sprint(s.Status().Err); !strings.Contains(err, tt.text) {
					t.Errorf("%q says nothing of %q", err, tt.text)
				}
				wait(2 * time.Second)
				s.is(camgate.StateLive, nil, 0)
				s.end(0)
			})
		})
	}
}

func TestStallThatEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		pause := func(ctx context.Context, s *camgate.Stream) error {
			wait(6 * time.Second)
			return plays(forever, nil)(ctx, s)
		}
		s := supervise(t, Options{}, newFake("cam", playsSlowly(4*time.Second, pause)))
		wait(4 * time.Second)
		s.is(camgate.StateLive, nil, 0)
		wait(4 * time.Second)
		s.is(camgate.StateStalled, camgate.ErrTimeout, 0)
		wait(4 * time.Second)
		s.is(camgate.StateLive, nil, 0)
		s.end(0)
	})
}

// It is waited for, and not started twice.
func TestSourceThatIsSlowToEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		running := 0
		slow := func(ctx context.Context, s *camgate.Stream) error {
			running++
			defer func() { running-- }()
			if running > 1 {
				t.Error("it runs twice")
			}
			<-ctx.Done()
			wait(7 * time.Second)
			return errors.New("interrupted")
		}
		src := newFake("cam", slow)
		s := supervise(t, Options{}, src)
		wait(21 * time.Second)
		s.is(camgate.StateConnecting, nil, 0)
		wait(1100 * time.Millisecond)
		s.is(camgate.StateRetrying, camgate.ErrTimeout, 1)
		wait(5 * time.Second)
		s.end(8 * time.Second)
		if running != 0 {
			t.Error("it still runs")
		}
	})
}

func TestFallback(t *testing.T) {
	away, refused := fmt.Errorf("%w: refused", camgate.ErrConnectionFailed), fmt.Errorf("%w: 401", camgate.ErrAuthFailed)
	t.Run("next one at once", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			main, sub := newFake("main", fails(away)), newFake("sub", plays(forever, nil))
			s := supervise(t, Options{}, main, sub)
			s.is(camgate.StateLive, nil, 0)
			if got := s.Status().Source; got != "sub" {
				t.Errorf("source %q", got)
			}
			s.end(0)
		})
	})
	t.Run("one step of backoff a round", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			main, sub := newFake("main", fails(away)), newFake("sub", fails(away))
			s := supervise(t, Options{}, main, sub)
			s.is(camgate.StateRetrying, away, 1)
			wait(20 * time.Second)
			main.waits(t, time.Second, 2*time.Second, 2*time.Second, 2*time.Second)
			if !slices.Equal(main.began(), sub.began()) {
				t.Errorf("tried at %v and %v", main.began(), sub.began())
			}
			s.end(0)
		})
	})
	t.Run("the one that worked comes first", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			main := newFake("main", fails(away))
			sub := newFake("sub", plays(2*time.Second, fails(away)), plays(2*time.Second, fails(away)), fails(away), plays(forever, nil))
			s := supervise(t, Options{}, main, sub)
			wait(15 * time.Second)
			s.is(camgate.StateLive, nil, 0)
			if len(main.began()) != 2 || len(sub.began()) != 4 {
				t.Errorf("main tried at %v, sub at %v", main.began(), sub.began())
			}
			s.end(0)
		})
	})
	t.Run("a refused password is not asked for more often", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			main, sub := newFake("main", fails(refused)), newFake("sub", fails(away))
			s := supervise(t, Options{}, main, sub)
			s.is(camgate.StateFailed, refused, 1)
			wait(5 * time.Minute)
			main.waits(t, time.Minute, time.Minute, time.Minute)
			s.end(0)
		})
	})
}
