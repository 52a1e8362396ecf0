package rtsp

import (
	"time"

	"github.com/camgate/camgate"
)

// hurrySpan is the time into which the cached pictures are squeezed: about one
// picture's worth, and with a tick of 1/90000 s enough for thousands of them.
const hurrySpan = 40 * time.Millisecond

// hurry moves the timestamps of cached units towards the live edge. A player shows
// pictures at the pace of their timestamps, counted from the first one: one that
// gets a GOP of two seconds would stay two seconds behind for ever. With the
// cached pictures squeezed into hurrySpan it shows them in one go, and is live.
type hurry struct {
	edge  time.Duration // time of the newest cached unit
	total time.Duration // from the first cached unit to edge; 0: nothing to squeeze
	until *camgate.Reader
}

// newHurry squeezes what comes from first up to the newest unit that was there
// when reader subscribed.
func newHurry(first *camgate.Unit, reader *camgate.Reader, outs []*outTrack) hurry {
	h := hurry{edge: first.Time(), until: reader}
	for _, out := range outs {
		if out.track.Kind == camgate.Audio {
			continue
		}
		if edge := reader.Edge(out.track); edge != nil {
			h.edge = max(h.edge, edge.Time())
		}
	}
	if d := h.edge - first.Time(); d > hurrySpan {
		h.total = d
	}
	return h
}

// ahead returns by how much a unit moves.
func (h hurry) ahead(u *camgate.Unit) time.Duration {
	if h.total == 0 || !h.until.Cached(u) {
		return 0
	}
	behind := h.edge - u.Time()
	if behind <= 0 {
		return 0
	}
	// The order stays: what is left of behind grows with it.
	return behind - time.Duration(float64(behind)*(float64(hurrySpan)/float64(h.total)))
}

// shift is ahead in ticks, to be added to an RTP timestamp.
func (h hurry) shift(u *camgate.Unit) uint32 {
	if h.total == 0 {
		return 0
	}
	return uint32(u.Track.Ticks(h.ahead(u)))
}

// pace slows down what a reader gets before it is at the live edge: datagrams that
// come faster than it decodes pictures are lost in front of it. The zero value
// does not slow down anything.
type pace struct {
	begin time.Time     // when the first unit left
	first time.Duration // its time
	rate  float64       // media time per time
}

const (
	paceRate  = 5           // how much faster than live at the least
	paceUntil = time.Second // when the cached units have to be out
)

// newPace begins with the unit first of a cache of the given length.
func newPace(first *camgate.Unit, cached time.Duration) pace {
	return pace{time.Now(), first.Time(), max(paceRate, 1+cached.Seconds()/paceUntil.Seconds())}
}

func (p pace) on() bool { return p.rate != 0 }

// wait returns when u may leave, or has nowhere to go any more.
func (p pace) wait(u *camgate.Unit, gone <-chan struct{}) {
	if !p.on() {
		return
	}
	due := p.begin.Add(time.Duration(float64(u.Time()-p.first) / p.rate))
	d := time.Until(due)
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-gone:
	}
}
