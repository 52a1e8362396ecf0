package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/camgate/camgate"
)

// watchdog looks after one session.
type watchdog struct {
	pulse
	sup       *Supervisor
	s         *session
	begun     time.Time
	connected time.Time     // when the source began to deliver, pictures or not
	since     time.Time     // when it was live first
	run       time.Time     // begin of the steady pictures that last is of
	gap       time.Duration // the longest one so far
	hasty     bool          // it was ended for a silence that is short of the configured one
	unused    time.Time     // since when nobody wants it; zero: somebody does
}

// watch follows a session until it has ended, or a better one is there to take its
// place: it ends it when no pictures come, or when nobody wants them. It returns
// for how long the stream was live.
func (sup *Supervisor) watch(ctx context.Context, s *session) (live time.Duration, better *session) {
	w := &watchdog{pulse: newPulse(sup.stream, sup.opts.StallTimeout), sup: sup, s: s, begun: time.Now()}
	if s.begun.After(w.begun) {
		w.begun = s.begun
	}
	defer w.learn()
	ticker := time.NewTicker(watchTick)
	defer ticker.Stop()

	var seekers sync.WaitGroup
	defer seekers.Wait()
	seeking, stop := context.WithCancel(s.ctx)
	defer stop()
	found := make(chan *session)
	_, picked, switched := sup.control.get()
	if s.index > 0 && picked < 0 {
		seekers.Go(func() { sup.seekBetter(ctx, seeking, s, found) })
	}
	for {
		select {
		case <-switched:
			var on bool
			before := picked
			if on, picked, switched = sup.control.get(); !on || picked >= 0 && picked != s.index || picked < 0 && before >= 0 && s.index > 0 {
				if picked < 0 {
					sup.now = 0
				}
				s.cancel(errSwitched)
			} else if picked >= 0 {
				stop() // it is the one that is wanted
			}
		case <-s.done:
			w.look(time.Now())
			return w.live(), nil
		case <-s.ctx.Done():
			stop()
			sup.end(s, nil)
			return w.live(), nil
		case better := <-found:
			return w.live(), better
		case now := <-ticker.C:
			w.look(now)
			w.judge(now)
			w.listen(now)
		}
	}
}

// live is how long the session delivered; 0: never.
func (w *watchdog) live() time.Duration {
	if w.since.IsZero() {
		return 0
	}
	return max(w.last.Sub(w.since), 1)
}

// look takes notice of what came, and of what the source's Writer says.
func (w *watchdog) look(now time.Time) {
	sup := w.sup
	if gap, ok := w.beat(now); ok {
		if !w.since.IsZero() {
			w.gap = max(w.gap, gap)
		}
		if w.run.IsZero() || gap > steadyGap {
			w.run = now
		}
	}
	st := sup.stream.Status()
	if st.State != camgate.StateConnecting && w.connected.IsZero() {
		w.connected = now
	}
	if st.State == camgate.StateLive && w.since.IsZero() {
		w.since = now
		w.first(now)
		sup.err = nil
		w.known().dark = false
		clear(sup.told)
	}
	if st.State != sup.state {
		sup.note(st.State, st.Err)
	}
}

// judge ends a session from which too long nothing came.
func (w *watchdog) judge(now time.Time) {
	sup, quiet, why := w.sup, w.quiet(now), w.stalled(now)
	switch {
	case w.since.IsZero():
		// Pictures may come, and none be fit to begin with.
		if begun := now.Sub(w.begun); begun >= sup.opts.StartTimeout {
			w.cut(w.noStart(begun))
		}
	case quiet >= w.stall:
		w.cut(w.tooQuiet(now))
	case quiet >= w.patience():
		w.hasty = true
		w.cut(w.tooQuiet(now))
	case why != nil && sup.state == camgate.StateLive:
		sup.setState(camgate.StateStalled, why, 0)
	case why == nil && sup.state == camgate.StateStalled:
		sup.setState(camgate.StateLive, nil, 0)
	}
	if sup.opts.OnDemand {
		w.demand(now)
	}
}

// soundLate is after how long of pictures it is told that there is no sound to them.
const soundLate = 10 * time.Second

// listen tells of sound that the source describes and does not send. That of a companion
// is not the source's, and who records it knows better.
func (w *watchdog) listen(now time.Time) {
	if w.since.IsZero() || now.Sub(w.since) < soundLate {
		return
	}
	text := ""
	for _, t := range w.sup.stream.Tracks() {
		if t.Kind == camgate.Audio && t.Arrived() == 0 && w.sup.stream.Companion() == nil {
			text = fmt.Sprintf("the source announces sound (%s) and sends none", t.Codec)
		}
	}
	w.sup.stream.Warn("unheard", text)
}

// cut ends the session.
func (w *watchdog) cut(why error) {
	if w.s.cut.IsZero() {
		w.s.cut = time.Now()
	}
	w.s.cancel(why)
}

func (w *watchdog) demand(now time.Time) {
	n, _ := w.sup.stream.Demand()
	switch {
	case n > 0:
		w.unused = time.Time{}
	case w.unused.IsZero():
		w.unused = now
	case now.Sub(w.unused) >= w.sup.opts.Linger:
		w.s.cancel(errNoDemand)
	}
}

// noStart says what it was that did not come in the beginning.
func (w *watchdog) noStart(after time.Duration) error {
	after = after.Round(time.Second)
	st := w.sup.stream.Status()
	switch {
	case st.State == camgate.StateConnecting:
		return fmt.Errorf("%w: no connection for %s", camgate.ErrTimeout, after)
	case errors.Is(st.Err, errNoKeyframe), errors.Is(st.Err, errNoSets):
		return fmt.Errorf("%w: no picture to start with for %s: %w", camgate.ErrTimeout, after, st.Err)
	}
	return fmt.Errorf("%w: no picture to start with for %s", camgate.ErrTimeout, after)
}
