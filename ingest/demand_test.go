package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camgate/camgate"
)

func TestOnDemand(t *testing.T) {
	bubble(t, func(t *testing.T) {
		src := newFake("cam", plays(forever, nil))
		s := supervise(t, Options{OnDemand: true}, src)
		wait(time.Hour)
		s.is(camgate.StateIdle, nil, 0)
		if len(src.began()) != 0 {
			t.Fatal("started without anybody wanting it")
		}
		if _, err := s.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		r, err := s.Subscribe(t.Context(), camgate.SubscribeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if u, err := r.Next(); err != nil || !u.RandomAccess {
			t.Fatal(u, err)
		}
		wait(time.Minute)
		s.is(camgate.StateLive, nil, 0)
		r.Close()
		wait(9 * time.Second)
		s.is(camgate.StateLive, nil, 0)
		release := s.Hold() // somebody comes within the linger time
		wait(time.Minute)
		s.is(camgate.StateLive, nil, 0)
		release()
		wait(11 * time.Second)
		s.is(camgate.StateIdle, nil, 0)
		if len(src.began()) != 1 {
			t.Errorf("%d attempts", len(src.began()))
		}
		release = s.Hold()
		synctest.Wait()
		s.is(camgate.StateLive, nil, 0)
		release()
		s.end(0)
	})
}

// A source on demand that failed is tried again when somebody comes, and whoever
// comes gets to know what it is that fails.
func TestOnDemandAfterFailure(t *testing.T) {
	bubble(t, func(t *testing.T) {
		away := fmt.Errorf("%w: refused", camgate.ErrConnectionFailed)
		src := newFake("cam", fails(away), plays(forever, nil))
		s := supervise(t, Options{OnDemand: true}, src)
		if _, err := s.Ready(t.Context()); !errors.Is(err, camgate.ErrNotReady) {
			t.Errorf("first viewer: %v", err)
		}
		wait(time.Hour)
		if len(src.began()) != 1 {
			t.Errorf("tried %d times without anybody wanting it", len(src.began()))
		}
		if _, err := s.Ready(t.Context()); err != nil {
			t.Errorf("second viewer: %v", err)
		}
		s.end(0)
	})
}

// knocker is a source whose device is away at some times.
type knocker struct {
	*fake
	there  func(at time.Duration) bool
	knocks atomic.Int64
}

func (k *knocker) Knock(ctx context.Context) error {
	k.knocks.Add(1)
	if !k.there(time.Since(k.epoch)) {
		return camgate.ErrConnectionFailed
	}
	return nil
}

func TestKnock(t *testing.T) {
	away, refused := camgate.ErrConnectionFailed, camgate.ErrAuthFailed
	tests := []struct {
		name string
		err  error
		// there tells whether it answers, by the time since an attempt late in its absence
		there func(time.Duration) bool
		early time.Duration // by when the knock makes the next one; 0: it does not
	}{
		{"always away", away, func(time.Duration) bool { return false }, 0},
		{"always there", away, func(time.Duration) bool { return true }, 0},
		{"comes back", away, func(at time.Duration) bool { return at > 9*time.Second }, 11 * time.Second},
		{"goes and comes back", away, func(at time.Duration) bool { return at < 5*time.Second || at > 10*time.Second }, 12 * time.Second},
		{"comes back, but refused us", refused, func(at time.Duration) bool { return at > 9*time.Second }, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				k := &knocker{fake: newFake("cam", fails(tt.err))}
				var from atomic.Int64
				from.Store(int64(forever))
				k.there = func(at time.Duration) bool { return tt.there(at - time.Duration(from.Load())) }
				s := supervise(t, Options{}, k)
				wait(5 * time.Minute)
				next := func(limit time.Duration) (after time.Duration) {
					for n := s.Status().Attempts; s.Status().Attempts == n; after += 10 * time.Millisecond {
						if after > limit {
							return 0
						}
						wait(10 * time.Millisecond)
					}
					return after
				}
				if next(2*time.Minute) == 0 {
					t.Fatal("no more attempts")
				}
				from.Store(int64(time.Since(k.epoch)))
				if took := next(26 * time.Second); (took > 0) != (tt.early > 0) || took > tt.early {
					t.Errorf("the next attempt came after %s", took)
				}
				if tt.err == refused && k.knocks.Load() > 0 {
					t.Errorf("%d knocks at a device that refused us", k.knocks.Load())
				}
				s.end(0)
			})
		})
	}
}

func TestSecondSupervisor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := supervise(t, Options{}, newFake("cam", hangs))
		err := NewSupervisor(s.Stream, []camgate.Source{newFake("other", hangs)}, Options{}).Run(t.Context())
		if !errors.Is(err, camgate.ErrPublisherActive) {
			t.Error(err)
		}
		s.end(0)
	})
}
