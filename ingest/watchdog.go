package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/camgate/camgate"
)

// watchTick is how often a source is looked at.
const watchTick = 100 * time.Millisecond

// watchdog looks after one session.
type watchdog struct {
	sup       *Supervisor
	s         *session
	begun     time.Time
	count     uint64        // of access units that keep it alive
	last      time.Time     // when the last one came, or the session began
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
	w := &watchdog{sup: sup, s: s, begun: time.Now(), last: time.Now()}
	if s.begun.After(w.begun) {
		w.begun = s.begun
	}
	_, w.count = w.alive()
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

// alive counts the access units that show that a source is well: pictures, and of a
// source without any, sound. A frozen picture with sound to it is a frozen picture.
func (w *watchdog) alive() (kind camgate.Kind, n uint64) {
	kind = camgate.Data
	for _, t := range w.sup.stream.Tracks() {
		switch {
		case t.Kind == camgate.Video:
			return t.Kind, t.Arrived()
		case t.Kind == camgate.Audio && kind != camgate.Audio:
			kind, n = camgate.Audio, t.Arrived()
		case t.Kind == kind:
			n += t.Arrived()
		}
	}
	return kind, n
}

// look takes notice of what came, and of what the source's Writer says.
func (w *watchdog) look(now time.Time) {
	sup := w.sup
	if _, n := w.alive(); n != w.count {
		gap := now.Sub(w.last)
		if !w.since.IsZero() {
			w.gap = max(w.gap, gap)
		}
		if w.run.IsZero() || gap > steadyGap {
			w.run = now
		}
		w.count, w.last = n, now
	}
	st := sup.stream.Status()
	if st.State != camgate.StateConnecting && w.connected.IsZero() {
		w.connected = now
	}
	if st.State == camgate.StateLive && w.since.IsZero() {
		w.since = now
		w.first(now)
		sup.err = nil
		sup.dark[w.s.index] = false
		clear(sup.told)
	}
	if st.State != sup.state {
		sup.note(st.State, st.Err)
	}
}

// judge ends a session from which too long nothing came.
func (w *watchdog) judge(now time.Time) {
	sup, quiet := w.sup, now.Sub(w.last)
	switch {
	case w.since.IsZero():
		// Pictures may come, and none be fit to begin with.
		if begun := now.Sub(w.begun); begun >= sup.opts.StartTimeout {
			w.cut(w.noStart(begun))
		}
	case quiet >= sup.opts.StallTimeout:
		w.cut(w.tooQuiet(quiet))
	case quiet >= w.patience():
		w.hasty = true
		w.cut(w.tooQuiet(quiet))
	case quiet >= sup.opts.StallTimeout/4:
		if sup.state == camgate.StateLive {
			sup.setState(camgate.StateStalled, w.tooQuiet(quiet), 0)
		}
	case sup.state == camgate.StateStalled:
		sup.setState(camgate.StateLive, nil, 0)
	}
	if sup.opts.OnDemand {
		w.demand(now)
	}
}

// soundLate is after how long of pictures it is told that there is no sound to them.
const soundLate = 10 * time.Second

// listen tells of sound that the source describes and does not send.
func (w *watchdog) listen(now time.Time) {
	if w.since.IsZero() || now.Sub(w.since) < soundLate {
		return
	}
	text := ""
	for _, t := range w.sup.stream.Tracks() {
		if t.Kind == camgate.Audio && t.Arrived() == 0 {
			text = fmt.Sprintf("the source announces sound (%s) and sends none", t.Codec)
		}
	}
	w.sup.stream.Warn("sound", text)
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

// tooQuiet says what it is that does not come any more.
func (w *watchdog) tooQuiet(quiet time.Duration) error {
	what := "no data"
	switch kind, _ := w.alive(); kind {
	case camgate.Video:
		what = "no picture"
	case camgate.Audio:
		what = "no sound"
	case camgate.Data:
	}
	return fmt.Errorf("%w: %s for %s", camgate.ErrTimeout, what, quiet.Round(100*time.Millisecond))
}
