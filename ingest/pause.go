package ingest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/camgate/camgate"
)

const (
	// A source that was live for less than briefly, that often, is no better than one
	// that does not work: the next one of the list is tried.
	briefly  = 10 * time.Second
	maxBrief = 3
)

// works notes how an attempt went, and tells whether its source is the one to come
// back to.
func (sup *Supervisor) works(source camgate.Source, err error, live time.Duration) bool {
	sup.known[sup.now].dark = live == 0 && sup.stream.Status().State == camgate.StateConnecting &&
		(errors.Is(err, camgate.ErrConnectionFailed) || errors.Is(err, camgate.ErrTimeout))
	switch {
	case live == 0:
		return false
	case live >= briefly:
		sup.brief = 0
		if live >= backoffReset && sup.now == 0 {
			sup.back = minBack
		}
		if sup.now > 0 && sup.opts.SingleConnection && addressOf(source) == addressOf(sup.sources[0]) {
			sup.now = 0 // which could not be looked at meanwhile
		}
		return true
	}
	sup.brief++
	return sup.brief < maxBrief || len(sup.sources) == 1
}

// pause waits before the next attempt: the next source of the list at once, and
// after the last one as long as the backoff says, or until the device answers. When
// one of them refused our password, the backoff is that of the refusal: it must not
// be asked more often because another one is away, too. What it took to end the attempt
// is part of the pause.
func (sup *Supervisor) pause(ctx context.Context, source camgate.Source, err error, live, ending time.Duration) {
	sup.err = err
	if live > 0 || sup.round == nil || camgate.Retry(err) == camgate.RetrySlow {
		sup.round = err
	}
	_, picked, changed := sup.control.get()
	if !sup.works(source, err, live) && !errors.Is(err, camgate.ErrTooManyStreams) && picked < 0 {
		sup.brief = 0
		sup.now = (sup.now + 1) % len(sup.sources)
		if sup.now > 0 {
			sup.news(source, err)("source failed, trying the next one")
			return
		}
	}
	state, wait := camgate.StateRetrying, max(sup.backoff.Next(sup.round, live)-ending, backoffAgain/2)
	if camgate.Retry(sup.round) == camgate.RetrySlow {
		state = camgate.StateFailed
	}
	sup.err, sup.round = sup.round, nil
	sup.news(source, err)("source failed", "retry_in", wait.Round(time.Millisecond))
	sup.setState(state, sup.err, wait)
	wake, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() {
		select {
		case <-changed:
			cancel()
		case <-wake.Done():
		}
	})
	if state == camgate.StateRetrying {
		sup.knock(wake, cancel)
	}
	<-wake.Done()
}

// knockInterval is how often a device that is away is asked for.
const knockInterval = time.Second

// knock ends the pause when a device answers again after it did not. One that
// answers all the time has another trouble, and the backoff stands.
func (sup *Supervisor) knock(ctx context.Context, wake context.CancelFunc) {
	var all sync.WaitGroup
	for _, source := range sup.sources {
		if _, ok := source.(camgate.Knocker); !ok {
			continue
		}
		all.Go(func() {
			for away := false; ; {
				err := sup.opts.Dials.knock(ctx, source)
				if ctx.Err() != nil {
					return
				}
				if err == nil && away {
					wake()
					return
				}
				away = away || err != nil
				if !sleep(ctx, knockInterval) {
					return
				}
			}
		})
	}
	all.Wait()
}
