package webrtc

import (
	"encoding/binary"
	"math"
	"time"
)

// How an estimator judges. A picture leaves at once, so that each makes a queue for a
// moment: what counts is the shortest one of a while (as RFC 8289 section 3 does it).
const (
	flightSize = 2048 // packets that are remembered: a second of 20 Mbit/s
	judgeEvery = 400 * time.Millisecond
	judgeLeast = 8 // packets

	queueFull    = 80 * time.Millisecond // shortest queue of a network that has more than it carries
	queueLong    = 300 * time.Millisecond
	lossFull     = 0.10 // share of the packets
	lossHeavy    = 0.25
	lossHopeless = 0.5
	baseWindow   = 20 * time.Second // after which the shortest way is found anew, twice
	clockJump    = time.Minute      // what is further off is another clock
)

// estimator finds out how much a viewer's network carries, from when packets left and
// what the viewer says of their arrival. It is no controller of a rate: the gateway has
// a few renditions to choose from, and has to know whether one fits. So it looks for a
// queue that stays, or losses, and takes what arrives meanwhile for what the network
// carries. It is guarded by the transport's mu.
type estimator struct {
	next  uint16
	began time.Time
	at    uint32 // when what is sent now leaves, µs since began; wraps
	now   int64  // when feedback came, the same without wrapping
	ring  [flightSize]flying

	base, former int64 // shortest time under way, µs on two clocks, of this window and the one before
	window       int64 // when this window began, µs of arrival

	// Of the judgement under way.
	first, last   int64 // arrival, µs
	bytes         int
	arrived, lost int
	shortest      int64 // queue, µs
	recent        int64 // of the packet that was told of last

	verdict verdict
	told    bool // there was feedback since this was looked at
}

// flying is a packet that left.
type flying struct {
	at   uint32
	size uint16
	told bool
}

// verdict is what an estimator found out.
type verdict struct {
	count   int     // of judgements so far
	full    bool    // the network has more than it carries
	heavily bool    // much more
	rate    float64 // bit/s that arrived meanwhile
	carries float64 // bit/s that the network carries: all of it where it was full last, else at least so much
	queue   time.Duration
	lost    float64
	told    float64 // bit/s, what the viewer itself takes for what the network carries; 0: nothing
}

func newEstimator(now time.Time) *estimator {
	return &estimator{began: now, base: math.MaxInt64, former: math.MaxInt64, shortest: math.MaxInt64}
}

// leave notes when the packets that follow leave.
func (e *estimator) leave(now time.Time) { e.at = uint32(now.Sub(e.began).Microseconds()) }

// number is that of the next packet.
func (e *estimator) number() uint16 { return e.next }

// sent notes that it left.
func (e *estimator) sent(size int) {
	e.ring[e.next%flightSize] = flying{at: e.at, size: uint16(size)}
	e.next++
}

// isTransportCC tells whether a packet of a compound one is feedback on the transport.
func isTransportCC(p []byte) bool { return len(p) >= 20 && p[0]&0x1f == 15 && p[1] == 205 }

// feedback takes what a viewer says of arrivals
// (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1): one RTCP packet.
func (e *estimator) feedback(p []byte, now time.Time) {
	if !isTransportCC(p) {
		return
	}
	seq, count := binary.BigEndian.Uint16(p[12:]), int(binary.BigEndian.Uint16(p[14:]))
	arrival := int64(int32(binary.BigEndian.Uint32(p[16:]))>>8) * 64_000
	chunks := chunkReader{p: p[20:]}
	deltas := p[20:]
	for left := count; left > 0; { // the times come behind the chunks
		if len(deltas) < 2 {
			return
		}
		left -= chunkLen(binary.BigEndian.Uint16(deltas))
		deltas = deltas[2:]
	}
	e.told = true
	e.now = now.Sub(e.began).Microseconds()
	for range count {
		switch chunks.next() {
		case 0:
			e.missed(seq)
		case 1:
			if len(deltas) < 1 {
				return
			}
			arrival += int64(deltas[0]) * 250
			deltas = deltas[1:]
			e.came(seq, arrival)
		case 2:
			if len(deltas) < 2 {
				return
			}
			arrival += int64(int16(binary.BigEndian.Uint16(deltas))) * 250
			deltas = deltas[2:]
			e.came(seq, arrival)
		default: // reserved: without a time
		}
		seq++
	}
	e.judge()
}

// find returns the packet of a number, if it is told of for the first time.
func (e *estimator) find(seq uint16) *flying {
	if age := e.next - seq; age == 0 || age > flightSize {
		return nil
	}
	f := &e.ring[seq%flightSize]
	if f.told || f.size == 0 {
		return nil
	}
	f.told = true
	return f
}

func (e *estimator) missed(seq uint16) {
	if e.find(seq) != nil {
		e.lost++
	}
}

func (e *estimator) came(seq uint16, arrival int64) {
	f := e.find(seq)
	if f == nil {
		return
	}
	way := arrival - (e.now - int64(uint32(e.now)-f.at))
	if e.base != math.MaxInt64 && max(way-e.base, e.base-way) > clockJump.Microseconds() {
		e.moved()
	}
	if arrival-e.window > baseWindow.Microseconds() || e.window == 0 {
		e.window, e.former, e.base = arrival, e.base, math.MaxInt64
	}
	e.base = min(e.base, way)
	queue := way - min(e.base, e.former)
	if e.arrived == 0 {
		e.first, e.last = arrival, arrival
	} else {
		e.bytes += int(f.size)
		e.last = max(e.last, arrival)
	}
	e.arrived++
	e.shortest, e.recent = min(e.shortest, queue), queue
}

// judge judges what has arrived, once that is enough.
func (e *estimator) judge() {
	if e.arrived+e.lost < judgeLeast || e.last-e.first < judgeEvery.Microseconds() {
		return
	}
	v := &e.verdict
	v.count++
	v.rate = float64(e.bytes) * 8e6 / float64(e.last-e.first)
	v.lost = float64(e.lost) / float64(e.arrived+e.lost)
	v.queue = time.Duration(e.shortest) * time.Microsecond
	v.full = v.queue > queueFull || v.lost > lossFull
	v.heavily = v.queue > queueLong || v.lost > lossHeavy
	if v.full || v.rate > v.carries {
		v.carries = v.rate
	}
	e.forget()
}

// forget begins the next judgement.
func (e *estimator) forget() {
	e.bytes, e.arrived, e.lost, e.shortest = 0, 0, 0, math.MaxInt64
}

// moved notes that packets take another way: what was is of no use.
func (e *estimator) moved() {
	e.base, e.former, e.window = math.MaxInt64, math.MaxInt64, 0
	e.verdict.carries = 0
	e.forget()
}

// chunkLen is how many packets a chunk tells of.
func chunkLen(c uint16) int {
	switch {
	case c&0x8000 == 0:
		return int(c & 0x1fff)
	case c&0x4000 == 0:
		return 14
	}
	return 7
}

// chunkReader reads the symbols of chunks.
type chunkReader struct {
	p    []byte
	c    uint16
	left int
}

// next returns the next symbol; there is one, as the chunks were counted.
func (r *chunkReader) next() uint16 {
	for r.left == 0 {
		r.c = binary.BigEndian.Uint16(r.p)
		r.p, r.left = r.p[2:], chunkLen(r.c)
	}
	r.left--
	switch {
	case r.c&0x8000 == 0:
		return r.c >> 13 & 3
	case r.c&0x4000 == 0:
		return r.c >> r.left & 1
	}
	return r.c >> (2 * r.left) & 3
}
