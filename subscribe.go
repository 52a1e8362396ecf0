package camgate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Ready waits until the stream has tracks, and returns them. A stream whose source
// is away for now but has been there is ready: readers wait for its return. While
// Ready waits it counts as demand, so that an on-demand source starts. It ends
// with ErrNotReady when ctx does, or at once when the source has failed and its
// next attempt is not due yet.
func (s *Stream) Ready(ctx context.Context) ([]*Track, error) {
	release := s.Hold()
	defer release()
	for {
		s.mu.Lock()
		ch, closed, status := s.changed, s.closed, s.status
		s.mu.Unlock()
		if closed {
			return nil, &StreamError{"read", s.name, ErrClosed}
		}
		if g := s.gen.Load(); g != nil {
			return g.tracks, nil
		}
		if status.failed(time.Now()) {
			return nil, notReady(s.name, status)
		}
		select {
		case <-ch:
		case <-ctx.Done():
			return nil, notReady(s.name, status)
		}
	}
}

func notReady(name string, status Status) error {
	err := ErrNotReady
	switch {
	case errors.Is(status.Err, ErrTooManyStreams): // it is the gateway that suffers
		err = status.Err
	case status.Err != nil:
		// Not wrapped: what the source suffers is not the viewer's error.
		err = fmt.Errorf("%w: %s: %v", ErrNotReady, status.State, status.Err)
	}
	return &StreamError{"read", name, err}
}

// Tracks returns the current tracks, nil when the source has not named any yet.
func (s *Stream) Tracks() []*Track {
	if g := s.gen.Load(); g != nil {
		return g.tracks
	}
	return nil
}

// Limits returns the stream's limits, for renditions of it.
func (s *Stream) Limits() StreamLimits { return s.limits }

// Subscribe makes a reader that lives until Close or the end of ctx. It fails with
// ErrTracksChanged when it is asked for a track that the stream has no more.
func (s *Stream) Subscribe(ctx context.Context, opts SubscribeOptions) (*Reader, error) {
	r, err := s.subscribe(ctx, opts)
	if err == nil && r.needKey {
		s.RequestKeyframe()
	}
	return r, err
}

func (s *Stream) subscribe(ctx context.Context, opts SubscribeOptions) (*Reader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.gen.Load()
	switch {
	case s.closed:
		return nil, &StreamError{"read", s.name, ErrClosed}
	case g == nil:
		return nil, &StreamError{"read", s.name, ErrNotReady}
	case !g.has(opts.Tracks):
		return nil, &StreamError{"read", s.name, ErrTracksChanged}
	case opts.Internal:
	default:
		if err := s.full(); err != nil {
			return nil, err
		}
	}
	r := newReader(s, g, opts)
	s.nextID++
	r.id = s.nextID
	if s.variant != nil && !opts.Internal {
		if err := s.variant.parent.admit(r); err != nil { // the order of the locks: a variant's, then its stream's
			r.ring.leave()
			return nil, err
		}
	}
	s.readers[r] = struct{}{}
	if !opts.Internal {
		s.viewers++
	}
	s.demand++
	s.broadcast()
	// A context that has ended already closes the reader at once: in a goroutine
	// that waits in unsubscribe until mu is free.
	r.unhook = context.AfterFunc(ctx, r.Close)
	return r, nil
}

func (s *Stream) unsubscribe(r *Reader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.readers[r]; !ok {
		return
	}
	r.unhook()
	delete(s.readers, r)
	r.ring.leave()
	if !r.opts.Internal {
		s.viewers--
		if s.variant != nil {
			s.variant.parent.dismiss(r)
		}
	}
	s.demand--
	s.count(r)
	s.broadcast()
}

// count adds up what a reader has had that leaves.
func (s *Stream) count(r *Reader) {
	st := r.Stats()
	s.bytesOut.Add(st.Bytes)
	for i, n := range st.Skipped {
		s.skipped[i].Add(n)
	}
}

// Hold counts as demand for the stream until release is called.
func (s *Stream) Hold() (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.demand++
	s.broadcast()
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.demand--
		s.broadcast()
	})
}

// Demand returns how many read the stream or wait for it, and a channel that is
// closed when that may have changed.
func (s *Stream) Demand() (n int, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.demand, s.changed
}
