package ingest

import (
	"context"
	"errors"
	"time"

	"github.com/camgate/camgate"
)

const (
	// A source that stands further up in the list is looked for after minBack, and
	// when it does not work, after twice as long, up to maxBack.
	minBack        = 30 * time.Second
	maxBackoffBack = 10 * time.Minute
	// proof is how long it has to deliver before it takes over.
	proof = 3 * time.Second
)

var errNotBetter = errors.New("another source goes on")

// seekBetter looks for a source from further up in the list than the one that runs,
// until ctx ends. What is found goes on until run ends, and has shown pictures, apart from the stream:
// viewers lose nothing to a source that does not work.
func (sup *Supervisor) seekBetter(run, ctx context.Context, s *session, found chan<- *session) {
	for sleep(ctx, jitter(sup.back)) {
		sup.back = min(2*sup.back, maxBackoffBack)
		for i := range s.index {
			better := sup.prove(run, ctx, i, s)
			if better == nil {
				continue
			}
			select {
			case found <- better:
			case <-ctx.Done():
				better.cancel(errNotBetter)
				sup.end(better, nil)
			}
			return
		}
	}
}

// prove tries a source; nil: it does not work.
func (sup *Supervisor) prove(run, ctx context.Context, index int, running *session) *session {
	source := sup.sources[index]
	if sup.opts.SingleConnection && addressOf(source) != "" && addressOf(source) == addressOf(running.source) {
		return nil // to connect could end what runs
	}
	if sup.opts.Dials.knock(ctx, source) != nil {
		return nil
	}
	s, err := sup.startSession(run, index, true)
	if err != nil {
		return nil
	}
	limit := time.NewTimer(sup.opts.StartTimeout)
	defer limit.Stop()
	if sup.proves(ctx, s, limit.C) {
		return s
	}
	s.cancel(errNotBetter)
	sup.end(s, nil)
	sup.log.Debug("better source does not work yet", "source", source.String(), "err", s.ending())
	return nil
}

// proves waits until a session has delivered for a while, and then for a keyframe,
// at which it can take over.
func (sup *Supervisor) proves(ctx context.Context, s *session, limit <-chan time.Time) bool {
	for s.own.Status().State != camgate.StateLive {
		changed := s.own.Changed()
		if s.own.Status().State == camgate.StateLive {
			break
		}
		select {
		case <-changed:
		case <-limit:
			return false
		case <-s.done:
			return false
		case <-ctx.Done():
			return false
		}
	}
	if !sleep(ctx, proof) {
		return false
	}
	select {
	case <-s.done:
		return false
	default:
	}
	return s.keyframe(ctx)
}
