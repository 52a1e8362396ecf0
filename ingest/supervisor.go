package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/camgate/camgate"
)

// Options shape the supervision of a source. Zero values mean the defaults.
type Options struct {
	OnDemand     bool          // run the source only while somebody wants the stream
	Linger       time.Duration // how long to go on after the last one left; default 10 s
	StallTimeout time.Duration // without a complete access unit; default 10 s
	StartTimeout time.Duration // until the first access unit; default 15 s
	Logger       *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Linger == 0 {
		o.Linger = 10 * time.Second
	}
	if o.StallTimeout == 0 {
		o.StallTimeout = 10 * time.Second
	}
	if o.StartTimeout == 0 {
		o.StartTimeout = 15 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

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
}

// NewSupervisor makes a supervisor; sources are tried in their order.
func NewSupervisor(s *camgate.Stream, sources []camgate.Source, opts Options) *Supervisor {
	opts = opts.withDefaults()
	sup := &Supervisor{stream: s, sources: sources, opts: opts, log: opts.Logger.With("stream", s.Name()), told: map[string]time.Time{}}
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
	for ctx.Err() == nil {
		if sup.opts.OnDemand && !sup.awaitDemand(ctx) {
			break
		}
		sup.attempt(ctx)
	}
	return ctx.Err()
}

// attempt runs one source once, and waits afterwards as long as it should.
func (sup *Supervisor) attempt(ctx context.Context) {
	source := sup.sources[sup.now]
	sup.setState(camgate.StateConnecting, sup.err, 0)
	run, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	var err error
	go func() {
		defer close(done)
		err = source.Run(run, sup.stream)
	}()
	live := sup.watch(run, cancel, done)
	<-done
	cancel(nil)
	cause := context.Cause(run)
	switch {
	case ctx.Err() != nil:
		return
	case errors.Is(cause, errNoDemand):
		sup.log.Info("source stopped: nobody wants it", "source", source.String())
		sup.err, sup.round = nil, nil
		sup.setState(camgate.StateIdle, nil, 0)
		return
	case cause != nil && !errors.Is(cause, context.Canceled):
		err = cause // we ended it, and know better why
	case err == nil:
		err = fmt.Errorf("%w: the source ended", camgate.ErrConnectionFailed)
	}
	sup.pause(ctx, source, err, live)
}

// pause waits before the next attempt: the next source of the list at once, and
// after the last one as long as the backoff says, or until the device answers. When
// one of them refused our password, the backoff is that of the refusal: it must not
// be asked more often because another one is away, too.
func (sup *Supervisor) pause(ctx context.Context, source camgate.Source, err error, live time.Duration) {
	sup.err = err
	if live > 0 || sup.round == nil || camgate.Retry(err) == camgate.RetrySlow {
		sup.round = err
	}
	if live == 0 { // else it worked: it is the one to come back to
		sup.now = (sup.now + 1) % len(sup.sources)
		if sup.now > 0 {
			sup.news(source, err)("source failed, trying the next one")
			return
		}
	}
	state, wait := camgate.StateRetrying, sup.backoff.Next(sup.round, live)
	if camgate.Retry(sup.round) == camgate.RetrySlow {
		state = camgate.StateFailed
	}
	sup.err, sup.round = sup.round, nil
	sup.setState(state, sup.err, wait)
	sup.news(source, err)("source failed", "retry_in", wait.Round(time.Millisecond))
	wake, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if k, ok := sup.sources[sup.now].(camgate.Knocker); ok && state == camgate.StateRetrying {
		knock(wake, k)
		return
	}
	<-wake.Done()
}

// remindAfter is how often a source that keeps failing for the same reason is logged.
const remindAfter = time.Hour

// news is the logger for a failure. One that is no news, as it is the same as before,
// is for who looks closely: a camera that is away for a night is one line, not a
// thousand.
func (sup *Supervisor) news(source camgate.Source, err error) func(string, ...any) {
	log := sup.log.With("source", source.String(), "err", err)
	key := source.String() + "\n" + err.Error()
	if last, ok := sup.told[key]; ok && time.Since(last) < remindAfter {
		return log.Debug
	}
	if len(sup.told) >= maxTold {
		clear(sup.told)
	}
	sup.told[key] = time.Now()
	return log.Warn
}

// maxTold bounds the reasons that are remembered.
const maxTold = 16

func (sup *Supervisor) setState(state camgate.State, err error, retryIn time.Duration) {
	st := camgate.Status{State: state, Err: err, Source: sup.sources[sup.now].String()}
	if state != camgate.StateLive && state != camgate.StateStalled {
		st.Retries = sup.backoff.Failures()
	}
	if retryIn > 0 {
		st.Retry = time.Now().Add(retryIn)
	}
	sup.stream.SetStatus(st)
}

var errNoDemand = errors.New("nobody wants the stream")

// awaitDemand blocks until somebody wants the stream; false when ctx ended.
func (sup *Supervisor) awaitDemand(ctx context.Context) bool {
	for {
		n, changed := sup.stream.Demand()
		if n > 0 {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// knockInterval is how often a device that is away is asked for.
const knockInterval = 2 * time.Second

// knock returns when the device answers again after it did not, or ctx ends. A
// device that answers all the time has another trouble, and the backoff stands.
func knock(ctx context.Context, k camgate.Knocker) {
	away := false
	for {
		err := k.Knock(ctx)
		if ctx.Err() != nil || err == nil && away {
			return
		}
		away = away || err != nil
		select {
		case <-time.After(knockInterval):
		case <-ctx.Done():
			return
		}
	}
}
