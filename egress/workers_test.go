package egress

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camgate/camgate"
)

// fakeWorker runs until ctx ends or fail gives it a reason to end.
type fakeWorker struct {
	fail    chan error
	running *atomic.Int32
	most    *atomic.Int32 // most that ran at one time
	slow    time.Duration // how long it takes to end
}

func (w *fakeWorker) Run(ctx context.Context) error {
	if n := w.running.Add(1); n > w.most.Load() {
		w.most.Store(n)
	}
	defer w.running.Add(-1)
	select {
	case err := <-w.fail:
		return err
	case <-ctx.Done():
		time.Sleep(w.slow) // in the bubble: fake time
		return ctx.Err()
	}
}

type fixture struct {
	*Workers[*camgate.Stream, *fakeWorker]
	stream        *camgate.Stream
	made          atomic.Int32
	running, most atomic.Int32
	slow          time.Duration
}

// withWorkers runs f in a bubble; at the end Run must return with nothing left.
func withWorkers(t *testing.T, idle time.Duration, f func(t *testing.T, ws *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fx := &fixture{stream: camgate.NewRendition("cam", camgate.StreamLimits{})}
		fx.Workers = NewWorkers(idle, func(*camgate.Stream) *fakeWorker {
			fx.made.Add(1)
			return &fakeWorker{fail: make(chan error, 1), running: &fx.running, most: &fx.most, slow: fx.slow}
		}, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := fx.Run(ctx); err != nil {
				t.Errorf("Run: %v", err)
			}
		})
		defer wg.Wait()
		defer cancel()
		f(t, fx)
		cancel()
		wg.Wait()
		if n := fx.running.Load(); n != 0 {
			t.Errorf("%d workers run after Run", n)
		}
		if _, err := fx.Use(fx.stream); !errors.Is(err, camgate.ErrClosed) {
			t.Errorf("Use after Run: %v, want ErrClosed", err)
		}
	})
}

func (fx *fixture) use(t *testing.T) *Lease[*fakeWorker] {
	t.Helper()
	l, err := fx.Use(fx.stream)
	if err != nil {
		t.Fatalf("Use: %v", err)
	}
	return l
}

func (fx *fixture) expect(t *testing.T, made, running int32) {
	t.Helper()
	synctest.Wait()
	if m, r := fx.made.Load(), fx.running.Load(); m != made || r != running {
		t.Fatalf("%d made and %d running, want %d and %d", m, r, made, running)
	}
}

func TestWorkersShareOne(t *testing.T) {
	withWorkers(t, time.Minute, func(t *testing.T, fx *fixture) {
		fx.expect(t, 0, 0)
		var leases []*Lease[*fakeWorker]
		for range 100 {
			leases = append(leases, fx.use(t))
		}
		fx.expect(t, 1, 1)
		for _, l := range leases {
			l.Release()
			l.Release()
		}
		time.Sleep(59 * time.Second)
		fx.expect(t, 1, 1)
		fx.use(t).Release() // keeps it warm again
		time.Sleep(59 * time.Second)
		fx.expect(t, 1, 1)
		time.Sleep(2 * time.Second)
		fx.expect(t, 1, 0)
		if len(fx.entries) != 0 {
			t.Errorf("%d entries left", len(fx.entries))
		}
		l := fx.use(t)
		fx.expect(t, 2, 1)
		time.Sleep(time.Hour) // held: idle does not apply
		fx.expect(t, 2, 1)
		l.Release()
	})
}

func TestWorkersStopAtOnce(t *testing.T) {
	withWorkers(t, 0, func(t *testing.T, fx *fixture) {
		fx.use(t).Release()
		fx.expect(t, 1, 0)
	})
}

func TestWorkersOneAtATime(t *testing.T) {
	withWorkers(t, 0, func(t *testing.T, fx *fixture) {
		fx.slow = 5 * time.Second
		l := fx.use(t)
		synctest.Wait()
		l.Release()
		l = fx.use(t) // while the one before takes its time to end
		time.Sleep(time.Second)
		fx.expect(t, 2, 1)
		time.Sleep(10 * time.Second)
		fx.expect(t, 2, 1)
		if n := fx.most.Load(); n != 1 {
			t.Errorf("%d workers ran at one time", n)
		}
		l.Release()
	})
}

func TestWorkersFailure(t *testing.T) {
	withWorkers(t, time.Minute, func(t *testing.T, fx *fixture) {
		l := fx.use(t)
		if err := l.Err(); err != nil {
			t.Errorf("Err while it runs: %v", err)
		}
		l.Worker.fail <- camgate.ErrUnsupportedCodec
		<-l.Done()
		if err := l.Err(); !errors.Is(err, camgate.ErrUnsupportedCodec) {
			t.Errorf("Err: %v", err)
		}
		l.Release()
		if _, err := fx.Use(fx.stream); !errors.Is(err, camgate.ErrUnsupportedCodec) {
			t.Errorf("Use right after a failure: %v", err)
		}
		fx.expect(t, 1, 0)
		time.Sleep(restartInterval + time.Millisecond)
		l = fx.use(t)
		fx.expect(t, 2, 1)

		// One that ran for a while is replaced at once.
		time.Sleep(restartInterval)
		l.Worker.fail <- nil
		<-l.Done()
		l = fx.use(t)
		fx.expect(t, 3, 1)

		l.Worker.fail <- nil
		<-l.Done()
		if _, err := fx.Use(fx.stream); !errors.Is(err, camgate.ErrNotReady) {
			t.Errorf("Use right after an early end: %v", err)
		}
	})
}

func TestWorkersOfStreams(t *testing.T) {
	withWorkers(t, time.Minute, func(t *testing.T, fx *fixture) {
		fx.use(t)
		other, err := fx.Use(camgate.NewRendition("other", camgate.StreamLimits{}))
		if err != nil {
			t.Fatal(err)
		}
		fx.expect(t, 2, 2)
		other.Worker.fail <- camgate.ErrDecoder
		fx.expect(t, 2, 1)
	})
}
