package webrtc

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
	"github.com/camgate/camgate/ingest/unpack"
)

// inlet takes the packets of one track of a publisher to the stream.
type inlet struct {
	publisher   *publisher
	writer      *ingest.Writer
	track       int
	kind        camgate.Kind
	payloadType uint8
	nacks       bool          // the publisher sends again what is asked for
	ssrc        atomic.Uint32 // 0: nothing came yet
	heard       atomic.Int64  // when the first packet came, Unix ns; 0: none did
	log         *slog.Logger

	mu      sync.Mutex
	window  window
	d       unpack.Depacketizer
	lost    int // packets missing since the access unit before
	told    time.Time
	damaged int
}

func newInlet(x *publisher, w *ingest.Writer, i int) *inlet {
	r := x.plan.routes[i]
	in := &inlet{
		publisher: x, writer: w, track: i, kind: r.track.Kind, payloadType: r.codec.payloadType,
		d: unpack.For(r.track.Codec, &x.server.units), log: x.log.With("track", i),
	}
	for _, f := range r.codec.feedback {
		in.nacks = in.nacks || f == "nack"
	}
	in.window.patience = reorderPatience
	return in
}

// packet takes one packet as it arrives.
func (in *inlet) packet(pkt *rtp.Packet, now time.Time) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.heard.CompareAndSwap(0, now.UnixNano())
	in.publisher.server.received.packets.Add(1)
	in.window.push(pkt, now, in.next)
}

// tick returns which packets are to be asked for, and whether others were given up.
func (in *inlet) tick(now time.Time) (missing []uint16, lost bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.nacks {
		missing = in.window.ask(now)
	}
	gone := in.window.lost
	in.window.giveUp(now, in.next)
	if n := in.window.lost - gone; n > 0 {
		in.publisher.server.received.missed.Add(uint64(n))
		in.complain(now, n, nil)
		return missing, true
	}
	return missing, false
}

// next takes packets in their order; missing says how many are not there before it.
func (in *inlet) next(pkt *rtp.Packet, at time.Time, missing int) {
	in.lost += missing
	pts := in.publisher.clock.time(in.track, pkt.Timestamp, at)
	err := in.d.Push(pkt, pts, func(au [][]byte, pts int64, key bool) {
		sample := ingest.Sample{Track: in.track, PTS: pts, AU: au, Lost: in.lost, RandomAccess: key}
		in.lost = 0
		if err := in.writer.Write(sample); err != nil {
			in.complain(at, 0, err)
		}
	})
	if err != nil {
		in.complain(at, 0, err)
	}
}

// complaintPause is how often damage is told of at the most.
const complaintPause = 10 * time.Second

func (in *inlet) complain(now time.Time, missing int, err error) {
	in.damaged += missing
	if now.Sub(in.told) < complaintPause {
		return
	}
	args := []any{"packets_lost", in.damaged}
	if err != nil {
		args = append(args, "err", err)
	}
	in.log.Warn("the stream arrives damaged", args...)
	in.told, in.damaged = now, 0
}

const (
	// windowSize is how many packets wait for those before them; a power of two.
	windowSize = 1024
	// reorderPatience is how long a missing packet is waited for that is not asked for.
	reorderPatience = 80 * time.Millisecond
	// A missing packet is asked for when it is that late, as some only come out of order,
	// at the most nackTries times, at intervals that follow the round trip.
	nackAfter = 8 * time.Millisecond
	nackTries = 8
	nackEvery = 25 * time.Millisecond
	// minPatience and maxPatience bound how long it is waited for: three round trips.
	minPatience = 150 * time.Millisecond
	maxPatience = 600 * time.Millisecond
	// strays is how many packets in a row, of numbers far from those expected, make the
	// new beginning of a sequence.
	strays = 5
)

// window puts packets in order, and knows what is missing.
type window struct {
	begun   bool
	next    uint16 // number that is to be handed on
	newest  uint16
	packets [windowSize]arrived
	missing []gap // oldest first
	lost    int   // given up in all

	patience time.Duration // as long as nothing was asked for
	trip     time.Duration // from asking to getting; 0: not known

	stray, strayAt int
}

type arrived struct {
	pkt *rtp.Packet
	at  time.Time
}

// gap is a packet that is missing.
type gap struct {
	seq   uint16
	since time.Time
	asked time.Time
	tries int
}

// push takes a packet; out gets those whose turn it is.
func (w *window) push(pkt *rtp.Packet, now time.Time, out func(*rtp.Packet, time.Time, int)) {
	seq := pkt.SequenceNumber
	if !w.begun {
		w.begun, w.next, w.newest = true, seq, seq-1
	}
	ahead := int(int16(seq - w.next))
	if ahead < 0 && ahead > -windowSize {
		w.stray = 0
		return // twice, or too late
	}
	if ahead < 0 || ahead >= windowSize {
		if w.stray == 0 || w.strayAt != int(seq-1) {
			w.stray = 0
		}
		w.stray, w.strayAt = w.stray+1, int(seq)
		if w.stray < strays {
			return
		}
		w.flush(out)
		w.lost++
		w.next, w.newest = seq, seq-1
	}
	w.stray = 0
	if n := int(int16(seq - w.newest)); n > 0 {
		for s := w.newest + 1; s != seq; s++ {
			w.missing = append(w.missing, gap{seq: s, since: now})
		}
		w.newest = seq
	} else {
		w.found(seq, now)
	}
	w.packets[seq%windowSize] = arrived{pkt, now}
	w.deliver(0, out)
}

// found notes that a missing packet came.
func (w *window) found(seq uint16, now time.Time) {
	for i, g := range w.missing {
		if g.seq != seq {
			continue
		}
		if g.tries == 1 {
			took := now.Sub(g.asked)
			if w.trip == 0 {
				w.trip = took
			}
			w.trip += (took - w.trip) / 8
		}
		w.missing = append(w.missing[:i], w.missing[i+1:]...)
		return
	}
}

// deliver hands on what is there from next on.
func (w *window) deliver(missing int, out func(*rtp.Packet, time.Time, int)) {
	for {
		a := &w.packets[w.next%windowSize]
		if a.pkt == nil || a.pkt.SequenceNumber != w.next {
			return
		}
		pkt, at := a.pkt, a.at
		*a = arrived{}
		w.next++
		out(pkt, at, missing)
		missing = 0
	}
}

// ask returns what is to be asked for now.
func (w *window) ask(now time.Time) (seqs []uint16) {
	every := max(nackEvery, w.trip+w.trip/2)
	for i := range w.missing {
		g := &w.missing[i]
		if now.Sub(g.since) < nackAfter || g.tries >= nackTries || g.tries > 0 && now.Sub(g.asked) < every {
			continue
		}
		g.asked = now
		g.tries++
		seqs = append(seqs, g.seq)
	}
	return seqs
}

// giveUp goes past what was waited for long enough.
func (w *window) giveUp(now time.Time, out func(*rtp.Packet, time.Time, int)) {
	for len(w.missing) > 0 && w.missing[0].seq == w.next {
		if now.Sub(w.missing[0].since) < w.wait(w.missing[0].tries) {
			return
		}
		n := 0
		for len(w.missing) > 0 && w.missing[0].seq == w.next {
			w.missing = w.missing[1:]
			w.next++
			n++
		}
		w.lost += n
		w.deliver(n, out)
	}
}

// wait is how long a packet is waited for that was asked for so often.
func (w *window) wait(tries int) time.Duration {
	if tries == 0 {
		return w.patience
	}
	return min(max(3*w.trip+50*time.Millisecond, minPatience), maxPatience)
}

// flush hands on all that waits.
func (w *window) flush(out func(*rtp.Packet, time.Time, int)) {
	for len(w.missing) > 0 {
		w.missing[0].since = time.Time{}
		n := 0
		for len(w.missing) > 0 && w.missing[0].seq == w.next {
			w.missing = w.missing[1:]
			w.next++
			n++
		}
		if n == 0 {
			break
		}
		w.lost += n
		w.deliver(n, out)
	}
	w.missing = nil
	clear(w.packets[:])
}
