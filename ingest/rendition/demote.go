package rendition

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest/encode"
)

// follow finds out how to go on after a run has ended; an error: not at all.
func (e *encoding) follow(ctx context.Context, all *sync.WaitGroup, r *run) error {
	e.mu.Lock()
	shown := r == e.current
	if shown {
		e.current = nil
	}
	if r == e.next {
		e.next = nil
	}
	current, waiting := e.current, e.next != nil || e.current != nil
	e.mu.Unlock()
	switch err := r.err; {
	case errors.Is(err, errReplaced):
		return nil
	case errors.Is(err, camgate.ErrTracksChanged), errors.Is(err, camgate.ErrClosed):
		return err
	case errors.Is(err, errNewFormat), errors.Is(err, encode.ErrTimes):
		if e.source.fits(e.main) {
			return errNewSettings
		}
		e.source.log.Debug("encoder begins anew", "encoder", r.encoder.Name(), "reason", err)
	case errors.Is(err, encode.ErrInput):
		if !waiting {
			return err
		}
		if current != nil && current.settings != r.settings { // which it could decode
			e.source.noEffect(e.stream, err)
			current.settings = r.settings // not again and again
		}
	default:
		if err == nil {
			err = fmt.Errorf("%w: %s ended", camgate.ErrEncoderUnavailable, r.encoder.Name())
		}
		e.source.demote(e.stream, r.encoder, err)
	}
	if waiting {
		return nil
	}
	if time.Since(r.began) < restart {
		select {
		case <-time.After(restart):
		case <-ctx.Done():
		}
	}
	return e.start(ctx, all)
}

// restart is how often runs begin that end by themselves, at the most.
const restart = 250 * time.Millisecond

// improve begins a run with a better encoder than the one that works, if there is one
// again.
func (e *encoding) improve(ctx context.Context, all *sync.WaitGroup) {
	e.mu.Lock()
	r, busy := e.current, e.next != nil
	e.mu.Unlock()
	if r == nil || busy {
		return
	}
	settings, _ := e.settings()
	list, err := e.source.encoders.Choose(ctx, formatOf(e.main), settings.encoded())
	if err != nil || len(list) == 0 || list[0].Name() == r.encoder.Name() {
		return
	}
	if err := e.start(ctx, all); err != nil {
		e.source.log.Debug("no better encoder", "err", err)
	}
}

// demote notes that an encoder failed.
func (s *Source) demote(stream *camgate.Stream, encoder Encoder, err error) {
	s.encoders.Demote(encoder, err)
	s.log.Warn("encoder failed", "encoder", encoder.Name(), "err", err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = fmt.Sprintf("the encoder %s failed: %v", encoder.Name(), err)
	s.failedName = encoder.Name()
	stream.Warn("encoder", s.failed)
}

// tell says what encodes from now on, and what that is instead of.
func (s *Source) tell(stream *camgate.Stream, encoder Encoder) {
	name := ""
	if encoder != nil {
		name = encoder.Name()
	}
	s.mu.Lock()
	before, failed := s.using, s.failed
	if s.failedName == name || name == "" {
		s.failed, s.failedName, failed = "", "", ""
	}
	if s.using = name; name != "" {
		s.told = ""
	}
	s.mu.Unlock()
	stream.SetEncoder(name)
	if failed != "" {
		failed += "; " + name + " encodes in its place"
	}
	stream.Warn("encoder", failed)
	if before != name && name != "" {
		s.log.Info("encoder at work", "encoder", name)
	}
}
