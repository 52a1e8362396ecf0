package mjpeg

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/child"
)

// snapshots decodes keyframes: each once, however many ask for it.
type snapshots struct {
	server *Server
	slots  chan struct{}

	mu      sync.Mutex
	closed  bool
	work    sync.WaitGroup
	entries map[wanted]*snapshot
}

// snapshot is the newest keyframe of one stream that was decoded, or is just now.
type snapshot struct {
	key  *camgate.Unit
	as   shape
	used time.Time // guarded by snapshots.mu

	once sync.Once
	done chan struct{} // closed when the following is set
	pic  *picture
	err  error
	at   time.Time
}

func newSnapshots(s *Server) *snapshots {
	return &snapshots{
		server: s, slots: make(chan struct{}, s.opts.MaxSnapshots),
		entries: map[wanted]*snapshot{},
	}
}

// run forgets what nobody asks for any more, until ctx ends; then it waits for the
// decoders, which end with the server.
func (ss *snapshots) run(ctx context.Context) {
	const interval, keep = 10 * time.Second, 30 * time.Second
	t := time.NewTicker(interval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			ss.mu.Lock()
			ss.closed = true
			ss.mu.Unlock()
			ss.server.stop()
			ss.work.Wait()
			return
		case now := <-t.C:
			ss.mu.Lock()
			for want, e := range ss.entries {
				if now.Sub(e.used) > keep {
					delete(ss.entries, want)
				}
			}
			ss.mu.Unlock()
		}
	}
}

// cached returns a picture that was made before and is not older than age; nil: there is none.
func (ss *snapshots) cached(want wanted, begin time.Time, age time.Duration) *picture {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	e := ss.entries[want]
	if e == nil {
		return nil
	}
	select {
	case <-e.done:
		if e.err == nil && begin.Sub(e.pic.at) <= age {
			e.used = begin
			return e.pic
		}
	default:
	}
	return nil
}

// get returns the picture of a keyframe, or one that is as good.
func (ss *snapshots) get(ctx context.Context, want wanted, key *camgate.Unit) (*picture, error) {
	ss.mu.Lock()
	if ss.closed {
		ss.mu.Unlock()
		return nil, camgate.ErrClosed
	}
	e := ss.entries[want]
	if e == nil || !e.serves(key, ss.server.opts.SnapshotAge) {
		e = &snapshot{key: key, as: want.shape, used: time.Now(), done: make(chan struct{})}
		ss.entries[want] = e
		ss.bound(want.stream)
		ss.work.Go(func() { ss.decode(e) }) //nolint:contextcheck // it is for all who wait, and for those to come
	}
	e.used = time.Now()
	ss.mu.Unlock()
	select {
	case <-e.done:
		return e.pic, e.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// bound forgets the shape of a stream's picture that was asked for least lately, when there
// are more than may be; mu is held.
func (ss *snapshots) bound(stream *camgate.Stream) {
	var oldest wanted
	var n int
	for want, e := range ss.entries {
		if want.stream != stream {
			continue
		}
		if n++; n == 1 || e.used.Before(ss.entries[oldest].used) {
			oldest = want
		}
	}
	if n > 1+ss.server.opts.MaxRenditions {
		delete(ss.entries, oldest)
	}
}

// serves reports whether who wants key is served by e.
func (e *snapshot) serves(key *camgate.Unit, age time.Duration) bool {
	select {
	case <-e.done:
		return e.err == nil && e.key == key || time.Since(e.at) < age
	default:
		return true // in a moment
	}
}

func (e *snapshot) finish(pic *picture, err error) {
	e.once.Do(func() {
		e.pic, e.err, e.at = pic, err, time.Now()
		close(e.done)
	})
}

// decode makes the picture. Who waits for it may go: it is for all of them, and
// for those to come.
func (ss *snapshots) decode(e *snapshot) {
	ctx, cancel := context.WithTimeout(ss.server.ctx, ss.server.opts.SnapshotTimeout)
	defer cancel()
	select {
	case ss.slots <- struct{}{}:
		defer func() { <-ss.slots }()
	case <-ctx.Done():
		e.finish(nil, ss.server.tooManyDecoders())
		return
	}
	path, err := ss.server.ffmpeg()
	if err != nil {
		e.finish(nil, err)
		return
	}
	ss.server.counters.snapshots.Add(1)
	err = child.Run(ctx, ss.server.single(path, e.as), func(p *child.Process) error {
		// How it goes on says more than an error of the pipe does.
		if out, err := newInput(p.Stdin, e.key.Track); err == nil {
			_ = out.Picture(e.key.AU, e.key.RandomAccess, 0)
		}
		p.Stdin.Close()
		file, _, err := newSMJPEG(p.Stdout).next()
		switch {
		case errors.Is(err, errNotSMJPEG):
			return fmt.Errorf("%w: %w", errNoPicture, err)
		case err != nil:
			return nil // how it ended says more
		}
		e.finish(&picture{file: file, at: e.key.NTP}, nil)
		return nil
	})
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%w: the decoder took more than %v", camgate.ErrTimeout, ss.server.opts.SnapshotTimeout)
	} else if err == nil {
		err = errNoPicture
	}
	e.finish(nil, ofDecoder(err)) // unless there is a picture
}
