package ingest

import (
	"time"

	"github.com/camgate/camgate"
)

const (
	// A source's clock has jumped, and is anchored anew, when a timestamp comes
	// earlier or later than the one before it let expect, or goes back by more than
	// pictures are reordered, even when there is one a second. A late one is more
	// likely to have been held up.
	maxEarly = 5 * time.Second
	maxLate  = 10 * time.Second
	maxBack  = 5 * time.Second
	// Where pictures are not reordered, and of sound, a step back is a fault. A small
	// one is evened out, a larger one is a jump.
	maxRepair = 500 * time.Millisecond
	// maxAge is of a sample that tells when it was taken.
	maxAge = time.Second
	// A source's clock that runs faster or slower than ours, or that began with a
	// burst of pictures of the past, may be as far away as that; over it, it is
	// brought back, so slowly (one part in slew) that nobody hears or sees it.
	maxAhead  = 5 * time.Second
	maxBehind = 10 * time.Second
	slew      = 200
)

// place moves a timestamp of the source onto the stream's clock. All tracks of a
// session move by the same amount, so they stay in sync. It reports false for what
// was to be heard before the picture that set the clock: on the stream's clock,
// that may be the time of the session before. back says that it may be shown before
// what came before it.
func (w *Writer) place(t *camgate.Track, st *onTrack, pts int64, taken time.Time, back bool) (placed int64, ok bool) {
	now := w.stream.Now()
	at := now
	if !taken.IsZero() {
		at = min(max(w.stream.At(taken), now-maxAge), now)
	}
	if !w.anchored {
		w.anchored = true
		from := w.anchor(t, pts, at)
		for i, t := range w.tracks {
			st := &w.state[i]
			st.offset, st.floor = w.offset, t.Ticks(from)
		}
		w.lead = from - now
	}
	if !st.written {
		st.lead = w.lead
	}
	furthest := maxRepair
	if back {
		furthest = maxBack
	}
	out := pts + t.Ticks(st.offset)
	if st.jumped(t, out, now, furthest) {
		w.meter.reset()
		// A source's tracks jump together, but not in the same moment.
		if out = pts + t.Ticks(w.offset); st.jumped(t, out, now, furthest) {
			st.lead = w.anchor(t, pts, at) - now
			out = pts + t.Ticks(w.offset)
		}
		st.offset, st.discontinuity = w.offset, true
		if st.written {
			st.floor = st.last + 1
		}
	}
	if t.Kind != camgate.Video && out < st.floor {
		return 0, false
	}
	st.lead = t.Duration(out) - now
	w.lead = st.lead
	switch passed := now - w.now; {
	case st.lead > maxAhead:
		w.move(-passed / slew)
	case st.lead < -maxBehind:
		w.move(passed / slew)
	}
	w.now = now
	if st.written && (out == st.last || out < st.last && !back) {
		out = st.last + 1 // no output can play it backwards
	}
	st.last, st.written = out, true
	return out, true
}

// jumped reports whether out is no PTS that can follow on what the track had, of
// which it may be that far behind.
func (st *onTrack) jumped(t *camgate.Track, out int64, now, back time.Duration) bool {
	lead := t.Duration(out) - now
	return lead > st.lead+maxEarly || lead < st.lead-maxLate || st.written && out < st.last-t.Ticks(back)
}

// anchor sets the clock: pts is now, but after all that was published.
func (w *Writer) anchor(t *camgate.Track, pts int64, now time.Duration) (at time.Duration) {
	at = max(now, w.stream.Newest()+time.Millisecond)
	w.offset = at - t.Duration(pts)
	return at
}

// move brings the clocks of source and stream nearer to each other.
func (w *Writer) move(by time.Duration) {
	w.offset += by
	for i := range w.state {
		w.state[i].offset += by
	}
}
