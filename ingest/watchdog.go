package ingest

import (
	"context"
	"fmt"
	"time"

	"github.com/camgate/camgate"
)

// watch follows an attempt until done: it ends it (by cancel) when no access units
// come, or when nobody wants them. It returns for how long the stream was live.
func (sup *Supervisor) watch(ctx context.Context, cancel context.CancelCauseFunc, done <-chan struct{}) (live time.Duration) {
	const tick = 250 * time.Millisecond
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var (
		units  = sup.stream.Units()
		last   = time.Now() // when an access unit came last, or the attempt began
		since  time.Time    // when the first one came
		unused time.Time    // since when nobody wants them
		stalls = false
	)
	for {
		select {
		case <-done:
			if !since.IsZero() {
				live = time.Since(since)
			}
			return live
		case <-ctx.Done():
			// The source is on its way out; it has to come to done by itself.
			<-done
			if !since.IsZero() {
				live = time.Since(since)
			}
			return live
		case now := <-ticker.C:
			if n := sup.stream.Units(); n != units {
				units, last = n, now
				if since.IsZero() {
					since = now
					sup.err = nil
					clear(sup.told)
					sup.log.Info("source is live", "source", sup.sources[sup.now].String())
				} else if stalls {
					stalls = false
					sup.setState(camgate.StateLive, nil, 0)
				}
			}
			quiet, limit := now.Sub(last), sup.opts.StallTimeout
			if since.IsZero() {
				limit = sup.opts.StartTimeout
			}
			if quiet >= limit {
				cancel(sup.tooQuiet(quiet))
			} else if !since.IsZero() && !stalls && quiet >= limit/4 {
				stalls = true
				sup.setState(camgate.StateStalled, nil, 0)
			}
			if sup.opts.OnDemand {
				sup.watchDemand(now, &unused, cancel)
			}
		}
	}
}

func (sup *Supervisor) watchDemand(now time.Time, unused *time.Time, cancel context.CancelCauseFunc) {
	n, _ := sup.stream.Demand()
	switch {
	case n > 0:
		*unused = time.Time{}
	case unused.IsZero():
		*unused = now
	case now.Sub(*unused) >= sup.opts.Linger:
		cancel(errNoDemand)
	}
}

// tooQuiet says what it was that did not come.
func (sup *Supervisor) tooQuiet(quiet time.Duration) error {
	what := "no picture or sound"
	switch sup.stream.Status().State {
	case camgate.StateConnecting:
		what = "no connection"
	case camgate.StateWaitingKeyframe:
		what = "no picture to start with"
	}
	return fmt.Errorf("%w: %s for %s", camgate.ErrTimeout, what, quiet.Round(time.Second))
}
