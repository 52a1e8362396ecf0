package rtsp

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/pion/rtp"
)

const (
	// windowTime is how long packets wait for one that is missing before them: longer
	// than a network keeps a packet back that it sends another way, shorter than
	// anybody sees. windowSize bounds their number.
	windowTime = 100 * time.Millisecond
	windowSize = 512
	// restart is how many packets in a row have to come from before the window until
	// the sender counts as begun anew: a network may send a few of them twice.
	restart = 16
	// maxLate is how far before the window a packet may be that only comes late.
	maxLate = 2000
)

// arrival is an RTP packet as it came from the network.
type arrival struct {
	seq  uint16
	ssrc uint32
	data []byte
	pkt  *rtp.Packet // in place of data, where the library has read it already
	due  time.Time   // when it does not wait any longer
}

// arrivalOf is the packet in b, which has rtpFixed bytes at least.
func arrivalOf(b []byte) arrival {
	return arrival{seq: binary.BigEndian.Uint16(b[2:]), ssrc: binary.BigEndian.Uint32(b[8:]), data: b}
}

// window brings packets back into their order, and leaves out those
// that came twice. What follows a gap waits for a time, not for a number of packets:
// a microphone sends fifty a second, a camera a thousand.
type window struct {
	begun bool
	ssrc  uint32
	next  uint16    // sequence number that is to follow
	waits []arrival // in order, without what is to follow
	late  []arrival // packets in a row from before the window
}

// push takes a packet. It reports whether it is the next one, to be passed on at
// once; if not it is kept, unless it came twice or too late. All that pop returns
// has to be taken before.
func (w *window) push(a arrival, now time.Time) (next bool) {
	if !w.begun || a.ssrc != w.ssrc && len(w.waits) == 0 {
		w.begun, w.ssrc, w.next, w.late = true, a.ssrc, a.seq+1, nil
		return true
	}
	a.due = now.Add(windowTime)
	ahead := a.seq - w.next
	switch {
	case a.ssrc != w.ssrc || ahead >= maxDropout && uint32(ahead) < 1<<16-maxLate:
		// Another sequence begins; what waits comes before it.
		w.release()
		w.waits, w.late = append(w.waits, a.copy()), nil
		return false
	case ahead == 0:
		w.next, w.late = w.next+1, nil
		return true
	case ahead >= 1<<15:
		if n := len(w.late); n > 0 && a.seq != w.late[n-1].seq+1 {
			w.late = nil
		}
		if w.late = append(w.late, a.copy()); len(w.late) >= restart {
			w.waits, w.late = append(w.waits, w.late...), nil
			w.release()
		}
		return false
	}
	w.late = nil
	w.keep(a)
	if len(w.waits) >= windowSize {
		w.release()
	}
	return false
}

func (a arrival) copy() arrival {
	a.data = slices.Clone(a.data)
	return a
}

// keep makes a packet wait in its place, once.
func (w *window) keep(a arrival) {
	i := len(w.waits)
	for i > 0 && int16(w.waits[i-1].seq-a.seq) > 0 {
		i--
	}
	if i == 0 || w.waits[i-1].seq != a.seq {
		w.waits = slices.Insert(w.waits, i, a.copy())
	}
}

// release lets all that waits go.
func (w *window) release() {
	for i := range w.waits {
		w.waits[i].due = time.Time{}
	}
}

// pop returns what waits no longer: what follows on what was passed on, and what
// has waited long enough.
func (w *window) pop(now time.Time) (arrival, bool) {
	if len(w.waits) == 0 {
		return arrival{}, false
	}
	a := w.waits[0]
	if (a.seq != w.next || a.ssrc != w.ssrc) && w.deadline().After(now) {
		return arrival{}, false
	}
	w.waits = slices.Delete(w.waits, 0, 1)
	w.ssrc, w.next = a.ssrc, a.seq+1
	return a, true
}

// deadline is when pop returns something at the latest; zero: not before push.
func (w *window) deadline() (first time.Time) {
	for i, a := range w.waits {
		if i == 0 || a.due.Before(first) {
			first = a.due
		}
	}
	return first
}
