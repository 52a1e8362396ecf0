package ingest

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

// Supervisor keeps one stream filled from the first of its sources that works.
type Supervisor struct {
	stream  *camgate.Stream
	sources []camgate.Source
	opts    Options
	log     *slog.Logger
	backoff Backoff
	now     int                  // index of the source that is tried
	err     error                // why the attempt before ended; nil once one was live
	round   error                // the worst of the attempts since the first source was tried
	told    map[string]time.Time // failures that were logged since the stream was live last, and when
	state   camgate.State        // that was logged last
	known   []experience         // by source
	hasty   int                  // how often a session was given up early of late
	brief   int                  // how often the source was live for a moment only
	back    time.Duration        // after which a better source is looked for

	control *controlled // by people

	begin     begin          // how to publish behind a fence
	fences    atomic.Int32   // that are up
	abandoned atomic.Int32   // sources that did not end
	replaced  sync.WaitGroup // sessions that end while another one goes on
}

// NewSupervisor makes a supervisor; sources are tried in their order.
func NewSupervisor(s *camgate.Stream, sources []camgate.Source, opts Options) *Supervisor {
	opts = opts.withDefaults()
	sup := &Supervisor{
		stream: s, sources: sources, opts: opts, log: opts.Logger.With("stream", s.Name()),
		told: map[string]time.Time{}, known: make([]experience, len(sources)), back: minBack,
	}
	sup.control = newControl()
	s.SetIntake(camgate.Intake{HoldAfterLoss: opts.HoldAfterLoss, Patience: opts.StartTimeout / 2})
	sup.setState(camgate.StateIdle, nil, 0)
	return sup
}

// Run works until ctx ends. It holds the stream's claim all the time.
func (sup *Supervisor) Run(ctx context.Context) error {
	release, err := sup.stream.Claim(sup.sources[0].String())
	if err != nil {
		return err
	}
	defer release()
	defer sup.setState(camgate.StateIdle, nil, 0)
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if sup.opts.Slate {
		all.Go(func() { _ = ShowSlate(ctx, sup.stream) })
	}
	defer sup.replaced.Wait()
	for ctx.Err() == nil {
		if !sup.awaitEnabled(ctx) || sup.opts.OnDemand && !sup.awaitDemand(ctx) {
			break
		}
		if on, _, _ := sup.control.get(); on {
			sup.attempt(ctx)
		}
	}
	return ctx.Err()
}

// attempt runs one source, and better ones that come back meanwhile, and waits
// afterwards as long as it should.
func (sup *Supervisor) attempt(ctx context.Context) {
	if _, picked, _ := sup.control.get(); picked >= 0 {
		sup.now = picked
	}
	sup.setState(camgate.StateConnecting, sup.err, 0)
	s, err := sup.begins(ctx)
	if err != nil {
		sup.pause(ctx, sup.sources[sup.now], err, 0, 0)
		return
	}
	live := time.Duration(0)
	for s != nil {
		var better *session
		live, better = sup.watch(ctx, s)
		if better == nil {
			break
		}
		sup.log.Info("better source is back", "source", better.source.String(), "instead_of", s.source.String())
		sup.replace(s, better)
		s = better
	}
	cause := context.Cause(s.ctx) //nolint:contextcheck // why the session was ended, not how long this lasts
	err = s.ending()
	switch {
	case ctx.Err() != nil:
		return
	case errors.Is(cause, errSwitched):
		sup.err, sup.round, sup.brief = nil, nil, 0
		return
	case errors.Is(cause, errNoDemand):
		sup.err, sup.round = nil, nil
		sup.setState(camgate.StateIdle, nil, 0)
		return
	case cause != nil && !errors.Is(cause, context.Canceled) && !errors.Is(err, cause): // a source may say more of it
		err = cause // we ended it, and know better why
	case err == nil:
		err = fmt.Errorf("%w: the source ended", camgate.ErrConnectionFailed)
	}
	ending := time.Duration(0)
	if !s.cut.IsZero() {
		ending = time.Since(s.cut)
	}
	sup.pause(ctx, s.source, err, live, ending)
}

// begins starts a session of the source that is due.
func (sup *Supervisor) begins(ctx context.Context) (*session, error) {
	if n := sup.abandoned.Load(); n >= maxAbandoned {
		return nil, fmt.Errorf("%w: %d attempts did not end, and no more are made before one does", camgate.ErrTimeout, n)
	}
	apart := sup.fences.Load() > 0
	s, err := sup.startSession(ctx, sup.now, apart)
	if err == nil && apart {
		s.relay(sup.stream, sup.begin)
	}
	return s, err
}

var errNoDemand = errors.New("nobody wants the stream")

// awaitDemand blocks until somebody wants the stream; false when ctx ended.
func (sup *Supervisor) awaitDemand(ctx context.Context) bool {
	for {
		n, changed := sup.stream.Demand()
		if n > 0 {
			return true
		}
		if sup.state != camgate.StateIdle {
			// What went wrong is over: who comes now is not to be told of it.
			sup.err, sup.round = nil, nil
			sup.setState(camgate.StateIdle, nil, 0)
			continue
		}
		on, _, switched := sup.control.get()
		if !on {
			return true
		}
		select {
		case <-changed:
		case <-switched:
		case <-ctx.Done():
			return false
		}
	}
}
