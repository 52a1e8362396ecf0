package ingest

import (
	"time"

	"github.com/camgate/camgate"
)

// maxCompanionLag is how late what a companion recorded may be, and how far ahead its
// clock: whatever is more is no time of this stream.
const maxCompanionLag = 5 * time.Second

// accompany publishes what was recorded beside the source, at its time on the stream's
// clock: where the pictures are that came in that moment.
func (w *Writer) accompany(track int, recorded time.Time, au [][]byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || !w.anchored && w.main >= 0 {
		return // the picture sets the clock
	}
	t, st := w.tracks[track], &w.state[track]
	if lag := time.Since(recorded); lag > maxCompanionLag || lag < -maxCompanionLag {
		st.discontinuity = true
		return
	}
	out := t.Ticks(w.stream.At(recorded))
	switch {
	case out < st.floor, st.written && out < st.last-t.Ticks(maxRepair):
		st.discontinuity = true
		return
	case st.written && out <= st.last:
		out = st.last + 1
	}
	t.NoteArrival()
	st.last, st.written = out, true
	u := &camgate.Unit{Track: t, PTS: out, AU: au, RandomAccess: true, Discontinuity: st.discontinuity}
	st.discontinuity = false
	w.stream.Publish(u)
}
