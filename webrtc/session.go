package webrtc

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/camgate/camgate"
)

const (
	// connectTimeout is how long a viewer has to connect after the answer.
	connectTimeout = 15 * time.Second
	// closeGrace is how long a session that ends has for goodbyes.
	closeGrace = 300 * time.Millisecond
)

// session is one viewer of one stream.
type session struct {
	*resource
	lanes   []*lane           // by route
	mic     *microphone       // nil: the viewer is not heard
	smaller []*camgate.Stream // renditions that the viewer may be sent in the stream's place, best first
	// observed says that it matters what the viewer's network carries.
	observed bool

	reader   atomic.Pointer[camgate.Reader]
	from     atomic.Pointer[camgate.Stream] // that is read: the stream, or a variant of it
	keyframe atomic.Bool                    // the viewer cannot go on without one
	joined   atomic.Bool                    // the viewer connected
	missed   atomic.Bool                    // the viewer missed packets since this was looked at

	served bool  // the viewer connected; of run alone
	now    *plan // what is sent: that of the answer, or one with a variant in its place; of run alone

	// Guarded by transport.mu.
	resends bucket
	spread  spread     // of pictures
	flight  *estimator // nil: the viewer does not tell of packets
	told    verdict    // what it tells where there is none
	reports reports
}

// run serves the viewer until it leaves or the stream has other tracks.
func (s *session) run() {
	stop := context.AfterFunc(s.ctx, s.abort)
	err := s.serve()
	s.cancel(err)
	if s.served {
		s.goodbye()
	}
	s.mic.shut()
	s.transport.close()
	s.mic.wait()
	stop()
	if r := s.reader.Load(); r != nil {
		r.Close()
	}
	s.now.end()
	s.tell(context.Cause(s.ctx))
}

// abort frees a session that ends and hangs in a write to a viewer which does not
// take it.
func (s *session) abort() {
	select {
	case <-s.done:
	case <-time.After(closeGrace):
		s.transport.abort()
	}
}

// tell logs the end.
func (s *session) tell(cause error) {
	switch {
	case errors.Is(cause, errNoConnect):
		s.log.Info("reader did not connect", "reason", cause)
	case len(s.lanes) == 0:
		s.log.Info("talk ends", "reason", cause)
	case expected(cause):
		s.log.Info("reader left", "reason", cause)
	default:
		s.log.Warn("reader failed", "err", cause)
	}
}

func (s *session) serve() error {
	ctx, cancel := context.WithTimeoutCause(s.ctx, s.server.opts.connectTimeout, errNoConnect)
	defer cancel()
	if err := s.transport.connect(ctx, s.log); err != nil {
		return err
	}
	s.served = true
	remote := s.transport.path.Load().remote.String()
	s.log = s.log.With("remote", remote)
	if len(s.lanes) == 0 {
		return s.serveTalk()
	}
	if err := s.subscribe(remote); err != nil {
		return err
	}
	s.server.joined.Add(1)
	s.joined.Store(true)
	way, _ := s.way()
	s.log.Info("reader joined", pathAttrs(way)...)
	s.observe(time.Now())
	v := newViewer(s)
	defer v.climb.end()
	return v.play()
}

// reading are the options of the reader of a plan.
func (s *session) reading(p *plan, remote string) camgate.SubscribeOptions {
	return camgate.SubscribeOptions{Tracks: p.tracks(), LiveAudio: true, Protocol: "webrtc", Remote: remote, Logger: s.log}
}

// subscribe makes the reader at the live edge of now. The one that kept the
// viewer's place so far goes first.
func (s *session) subscribe(remote string) error {
	if r := s.reader.Load(); r != nil {
		r.Close()
	}
	from := s.now.stream
	s.from.Store(from)
	r, err := from.Subscribe(s.ctx, s.reading(s.now, remote))
	if err != nil {
		return err
	}
	s.reader.Store(r)
	s.tellPath()
	now := from.Tracks()
	for _, t := range s.now.tracks() {
		if !slices.Contains(now, t) {
			return camgate.ErrTracksChanged // while the viewer connected
		}
	}
	return nil
}
