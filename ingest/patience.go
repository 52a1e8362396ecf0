package ingest

import (
	"time"

	"github.com/camgate/camgate"
)

const (
	// stallHasty is how long a source that sent steadily may be silent. A stall that was
	// found that early, and cured by connecting anew, doubles it for who stalls again.
	stallHasty = 2 * time.Second
	// A source is steady when pictures come for at least steadyFor with no more than
	// steadyGap between them.
	steadyFor = 600 * time.Millisecond
	steadyGap = 350 * time.Millisecond
	// maxHasty bounds how often it is doubled; it is bounded by StallTimeout, too.
	maxHasty = 8
	// forgetPatience is how long a source has to be live until it is hurried again.
	forgetPatience = 10 * time.Minute
)

// experience is what is remembered of a source from one session to the next.
type experience struct {
	dark    bool // nobody answered the last time
	patient bool // it pauses at times, and connecting anew is no cure
	hasty   bool // its last session was given up early
}

func (w *watchdog) known() *experience { return &w.sup.known[w.s.index] }

// patience is how long the source may be silent. One that has sent picture upon
// picture up to now does not stop for seconds: it is gone, whatever its connection says.
// Others may send one a second, when something moves, or when somebody asks for one.
func (w *watchdog) patience() time.Duration {
	limit := w.stall
	if w.last.Sub(w.run) < steadyFor || w.run.IsZero() || w.known().patient || !w.motion() {
		return limit
	}
	return min(limit, max(stallHasty<<min(w.sup.hasty, maxHasty), 2*w.gap))
}

// motion tells whether the pictures are a stream: stills and MJPEG may be sent when
// they change only.
func (w *watchdog) motion() bool {
	for _, t := range w.sup.stream.Tracks() {
		if t.Kind == camgate.Video {
			return t.Codec == camgate.H264 || t.Codec == camgate.H265
		}
	}
	return false
}

// learn notes what came of the haste. It is forgotten when the source was live for long.
func (w *watchdog) learn() {
	sup, known := w.sup, w.known()
	if w.since.IsZero() {
		w.first(time.Now())
	}
	switch live := w.live(); {
	case live >= forgetPatience:
		known.patient, sup.hasty = false, 0
	case live >= backoffReset:
		sup.hasty = 0
	}
	if known.hasty = w.hasty; w.hasty {
		sup.hasty++
	}
}

// first notes how long it took until the first picture. Where the session after one that
// was given up early has none for long, the source has nothing to show at times, and a
// new connection does not change that.
func (w *watchdog) first(now time.Time) {
	if w.known().hasty && !w.connected.IsZero() && now.Sub(w.connected) >= w.stall/2 {
		w.known().patient = true
	}
}
