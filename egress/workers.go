// Package egress holds what outputs share: workers that make something of a
// stream once for all its viewers, on demand.
package egress

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/camgate/camgate"
)

// Worker makes one output of one stream for all its viewers. Run blocks until
// ctx ends it (it returns nil or ctx's error then) or it cannot go on. Run is
// called once; a worker that died is replaced by a new one.
type Worker interface {
	Run(ctx context.Context) error
}

// restartInterval is how often the worker of one stream is started at the most
// when it dies by itself, so that one that fails at once does not spin.
const restartInterval = time.Second

// Key is what there is one worker for: a stream, or something that is made of it. Name
// is that of the stream, for the log.
type Key interface {
	comparable
	Name() string
}

// Workers keeps one worker for each stream that is used: started with the first
// use, kept warm for a while after the last one, and replaced when it died.
type Workers[K Key, W Worker] struct {
	idle time.Duration
	make func(K) W
	log  *slog.Logger

	ctx    context.Context // of all workers; Run ends it
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	entries map[K]*entry[W]
}

type entry[W Worker] struct {
	worker W
	cancel context.CancelFunc
	before <-chan struct{} // end of the worker before this one; nil: there was none
	done   chan struct{}   // closed when Run returned; err is set then
	err    error

	// Guarded by Workers.mu.
	leases   int
	unused   time.Time   // since when there are no leases
	timer    *time.Timer // ends a worker that is not used; made with the first release
	stopping bool        // it was idle: the next use starts another worker
}

// NewWorkers makes workers with make when they are needed. They stay for idle
// after the last lease was released; zero stops them at once.
func NewWorkers[K Key, W Worker](idle time.Duration, make func(K) W, log *slog.Logger) *Workers[K, W] {
	ctx, cancel := context.WithCancel(context.Background())
	return &Workers[K, W]{
		idle: idle, make: make, log: log,
		ctx: ctx, cancel: cancel,
		entries: map[K]*entry[W]{},
	}
}

// Run blocks until ctx ends; then it stops all workers and waits for them.
func (ws *Workers[K, W]) Run(ctx context.Context) error {
	<-ctx.Done()
	ws.mu.Lock()
	ws.closed = true
	ws.mu.Unlock()
	ws.cancel()
	ws.wg.Wait()
	return nil
}

// Use returns a lease of the stream's worker and starts the worker if need be.
// The caller releases it. Use fails with ErrClosed once Run has ended, and with
// what the worker died of when that was less than a second after its start.
func (ws *Workers[K, W]) Use(s K) (*Lease[W], error) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.closed {
		return nil, camgate.ErrClosed
	}
	e := ws.entries[s]
	switch {
	case e == nil:
		e = ws.start(s, nil)
	case e.stopping:
		e = ws.start(s, e.done)
	case e.ended():
		return nil, e.failure()
	}
	e.leases++
	return &Lease[W]{Worker: e.worker, release: ws.release, e: e}, nil
}

// start makes a worker and lets it run when the one before it has ended; mu is held.
func (ws *Workers[K, W]) start(s K, before <-chan struct{}) *entry[W] {
	ctx, cancel := context.WithCancel(ws.ctx)
	e := &entry[W]{worker: ws.make(s), cancel: cancel, before: before, done: make(chan struct{})}
	ws.entries[s] = e
	ws.wg.Go(func() {
		defer cancel()
		ws.run(ctx, s, e)
	})
	return e
}

func (ws *Workers[K, W]) run(ctx context.Context, s K, e *entry[W]) {
	if e.before != nil {
		<-e.before
	}
	started := time.Now()
	log := ws.log.With("stream", s.Name())
	log.Debug("worker started")
	err := e.worker.Run(ctx)
	switch {
	case ctx.Err() != nil:
		log.Debug("worker stopped")
	case err == nil, camgate.IsGone(err), errors.Is(err, camgate.ErrNotReady):
		log.Debug("worker ended", "err", err)
	default:
		log.Warn("worker failed", "err", err)
	}
	wait := restartInterval - time.Since(started)
	ws.mu.Lock()
	e.err = err
	close(e.done)
	if wait <= 0 || ctx.Err() != nil {
		ws.forget(s, e)
	}
	ws.mu.Unlock()
	select {
	case <-time.After(wait):
	case <-ctx.Done():
	}
	ws.mu.Lock()
	ws.forget(s, e)
	ws.mu.Unlock()
}

// forget lets the next use start another worker; mu is held.
func (ws *Workers[K, W]) forget(s K, e *entry[W]) {
	if ws.entries[s] == e {
		delete(ws.entries, s)
	}
}

func (ws *Workers[K, W]) release(e *entry[W]) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	e.leases--
	if e.leases > 0 {
		return
	}
	e.unused = time.Now()
	switch {
	case ws.idle <= 0:
		e.stop()
	case e.timer == nil:
		e.timer = time.AfterFunc(ws.idle, func() { ws.expire(e) })
	default:
		e.timer.Reset(ws.idle)
	}
}

// expire ends a worker unless it was used since the timer was set.
func (ws *Workers[K, W]) expire(e *entry[W]) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if e.leases == 0 && time.Since(e.unused) >= ws.idle {
		e.stop()
	}
}

func (e *entry[W]) stop() {
	e.stopping = true
	e.cancel()
}

func (e *entry[W]) ended() bool {
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}

// failure is what the ended worker died of, in words for the next user.
func (e *entry[W]) failure() error {
	if e.err == nil {
		return camgate.ErrNotReady
	}
	return fmt.Errorf("%w: it will be tried again", e.err)
}

// Lease keeps a worker running until Release.
type Lease[W Worker] struct {
	Worker W

	release  func(*entry[W])
	e        *entry[W]
	released atomic.Bool
}

// Release gives the lease back; more than once does no harm.
func (l *Lease[W]) Release() {
	if !l.released.Swap(true) {
		l.release(l.e)
	}
}

// Done is closed when the worker has ended, whatever the reason.
func (l *Lease[W]) Done() <-chan struct{} { return l.e.done }

// Err returns what the worker ended with; valid after Done.
func (l *Lease[W]) Err() error {
	if !l.e.ended() {
		return nil
	}
	return l.e.err
}
