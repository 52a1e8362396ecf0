package ingest

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camgate/camgate"
)

// fake is a source that does what a test says, attempt by attempt; the last one
// again and again.
type fake struct {
	name  string
	does  []func(ctx context.Context, s *camgate.Stream) error
	epoch time.Time

	mu    sync.Mutex
	tried []time.Duration
}

func newFake(name string, does ...func(context.Context, *camgate.Stream) error) *fake {
	return &fake{name: name, does: does, epoch: time.Now()}
}

func (f *fake) String() string { return f.name }

func (f *fake) Run(ctx context.Context, s *camgate.Stream) error {
	f.mu.Lock()
	n := len(f.tried)
	f.tried = append(f.tried, time.Since(f.epoch))
	f.mu.Unlock()
	return f.does[min(n, len(f.does)-1)](ctx, s)
}

// began returns when the attempts began, from the beginning of the test.
func (f *fake) began() []time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.tried)
}

// waits returns the pauses between the attempts, rounded to what the jitter leaves.
func (f *fake) waits(t *testing.T, want ...time.Duration) {
	t.Helper()
	began := f.began()
	if len(began) < len(want)+1 {
		t.Fatalf("%s: %d attempts at %v, want %d", f.name, len(began), began, len(want)+1)
	}
	for i, w := range want {
		if got := began[i+1] - began[i]; got < w*9/10-time.Millisecond || got > w*11/10+time.Millisecond {
			t.Errorf("%s: pause %d is %v, want %v with a jitter of a tenth", f.name, i, got, w)
		}
	}
}

// The things that a fake can do.

func fails(err error) func(context.Context, *camgate.Stream) error {
	return func(context.Context, *camgate.Stream) error { return err }
}

// hangs connects to nothing.
func hangs(ctx context.Context, _ *camgate.Stream) error {
	<-ctx.Done()
	return ctx.Err()
}

// plays delivers key pictures for a while, then does what comes after.
func plays(d time.Duration, then func(context.Context, *camgate.Stream) error) func(context.Context, *camgate.Stream) error {
	return playsLetters("I", d, then)
}

func playsLetters(letters string, d time.Duration, then func(context.Context, *camgate.Stream) error) func(context.Context, *camgate.Stream) error {
	return playsPaced(letters, 40*time.Millisecond, d, then)
}

// playsSlowly delivers a key picture a second.
func playsSlowly(d time.Duration, then func(context.Context, *camgate.Stream) error) func(context.Context, *camgate.Stream) error {
	return playsPaced("I", time.Second, d, then)
}

func playsPaced(letters string, pace, d time.Duration, then func(context.Context, *camgate.Stream) error) func(context.Context, *camgate.Stream) error {
	return func(ctx context.Context, s *camgate.Stream) error {
		track, err := NewTrack(camgate.TrackOptions{Codec: camgate.H264, Params: paramsOf(camgate.H264, "SP")})
		if err != nil {
			return err
		}
		w, err := NewWriter(s, []*camgate.Track{track})
		if err != nil {
			return err
		}
		defer w.Close()
		for at := time.Duration(0); at < d; at += pace {
			if err := w.Write(picture(letters, at)); err != nil {
				return err
			}
			select {
			case <-time.After(pace):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return then(ctx, s)
	}
}

const forever = 1000 * time.Hour

// supervised runs a supervisor until the test ends.
type supervised struct {
	*camgate.Stream
	t    *testing.T
	log  bytes.Buffer
	stop context.CancelFunc
	done chan error
}

func supervise(t *testing.T, opts Options, sources ...camgate.Source) *supervised {
	t.Helper()
	s := &supervised{Stream: camgate.NewRendition("test", camgate.StreamLimits{}), t: t, done: make(chan error, 1)}
	opts.Logger = slog.New(slog.NewTextHandler(&s.log, nil))
	sup := NewSupervisor(s.Stream, sources, opts)
	var ctx context.Context
	ctx, s.stop = context.WithCancel(t.Context())
	go func() { s.done <- sup.Run(ctx) }()
	synctest.Wait()
	return s
}

// end stops the supervisor, which has to be done by within.
func (s *supervised) end(within time.Duration) {
	s.t.Helper()
	s.stop()
	began := time.Now()
	if err := <-s.done; !errors.Is(err, context.Canceled) {
		s.t.Errorf("Run ended with %v", err)
	}
	if took := time.Since(began); took > within {
		s.t.Errorf("Run took %v to end", took)
	}
	if st := s.Status(); st.State != camgate.StateIdle || st.Err != nil || !st.Retry.IsZero() {
		s.t.Errorf("after the end: %+v", st)
	}
	if release, err := s.Claim("somebody else"); err != nil {
		s.t.Error(err)
	} else {
		release()
	}
}

// is fails unless the stream has that state, cause and number of retries.
func (s *supervised) is(state camgate.State, cause error, retries int) {
	s.t.Helper()
	synctest.Wait()
	st := s.Status()
	if st.State != state || !errors.Is(st.Err, cause) || (st.Err != nil) != (cause != nil) || st.Retries != retries {
		s.t.Errorf("state %q, error %v, %d retries; want %q, %v, %d", st.State, st.Err, st.Retries, state, cause, retries)
	}
	if due := state == camgate.StateRetrying || state == camgate.StateFailed; due != st.Retry.After(time.Now()) {
		s.t.Errorf("state %q: next attempt at %v, now it is %v", state, st.Retry, time.Now())
	}
}
