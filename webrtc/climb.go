package webrtc

import (
	"context"
	"sync"
	"time"

	"github.com/camgate/camgate"
)

const (
	// keyWait is how long a smaller rendition's own keyframe is waited for: then the
	// one that is kept has to do. keyAsk is when a better one is asked for a keyframe,
	// and keyMost when it is given up.
	keyWait = 700 * time.Millisecond
	keyAsk  = 6 * time.Second
	keyMost = 20 * time.Second
	// rungSilence is how long a rendition may send nothing.
	rungSilence = 5 * time.Second
	// packetExtra is what a packet has beside its payload, in bytes.
	packetExtra = camgate.RTPHeader + stampSize + 16
	// fillMost bounds what a probe adds to one picture, in packets.
	fillMost = 100
)

// climb is how a viewer gets another rendition of its stream: another reader, at a
// keyframe, for the same lanes.
type climb struct {
	ladder  ladder
	streams []*camgate.Stream // the one that was asked for, then smaller ones
	meter   meter

	target    int           // rung that is prepared; ladder.rung: none
	prepared  chan *landing // has room for one
	preparing sync.WaitGroup
	stop      context.CancelFunc // of what is being prepared; nil: nothing was
	next      *landing           // it is there, but for its keyframe
	hush      bool               // pictures that do not come through are not sent while it is awaited
	silence   *time.Timer
	changes   int
}

// newClimb returns nil where there is nothing to choose from.
func (s *session) newClimb() *climb {
	if len(s.smaller) == 0 {
		return nil
	}
	c := &climb{streams: append([]*camgate.Stream{s.stream}, s.smaller...), prepared: make(chan *landing, 1)}
	c.ladder.rates = make([]float64, len(c.streams))
	c.ladder.probes = s.flight != nil
	return c
}

// end drops what is on its way; the session's ctx has ended, or nobody listens.
func (c *climb) end() {
	if c == nil {
		return
	}
	if c.stop != nil {
		c.stop()
	}
	c.preparing.Wait()
	select {
	case n := <-c.prepared:
		n.drop()
	default:
	}
	c.next.drop()
	if c.silence != nil {
		c.silence.Stop()
	}
}

// steer looks after each unit that was sent whether the viewer is to have another
// rendition. It returns true when that is to begin at the cached keyframe.
func (v *viewer) steer(u *camgate.Unit) (again bool) {
	c := v.climb
	if c == nil {
		return false
	}
	now := time.Now()
	if u.Track.Kind == camgate.Video {
		if !v.hurries {
			v.weigh(u, now)
		}
		if c.silence != nil {
			c.silence.Reset(rungSilence)
		}
	}
	select {
	case n := <-c.prepared:
		v.landed(n, now)
	default:
	}
	if c.next != nil {
		return v.await(now)
	}
	if c.target != c.ladder.rung {
		return false
	}
	judged := v.judgement()
	if judged.count != c.ladder.seen {
		v.tellChoice(judged)
	}
	if to := c.ladder.step(now, judged); to != c.ladder.rung {
		v.head(to)
	}
	return false
}

// weigh measures the rendition, and fills up a probe.
func (v *viewer) weigh(u *camgate.Unit, now time.Time) {
	c := v.climb
	size := u.Size() + u.PacketCount()*packetExtra
	if rate := c.meter.add(now, size); rate > 0 {
		c.ladder.rates[c.ladder.rung] = rate
	}
	if fill := c.ladder.fill(now, size); fill > 0 {
		v.pad(v.lane(u.Track), fill)
	}
}

// pad sends packets once more, which the viewer knows already, to find out whether
// its network carries as much.
func (v *viewer) pad(l *lane, bytes int) {
	if l == nil || l.repairSSRC == 0 {
		return
	}
	b := v.server.batches.get()
	defer v.server.batches.put(b)
	reader, next := v.reader.Load(), uint16(l.next) // which nobody else moves on
	for i := uint16(1); i <= fillMost && bytes > 0; i++ {
		n := v.repeat(b, l, reader, next-i)
		if n == 0 {
			break
		}
		bytes -= n
	}
	v.transport.send(b)
}

// judgement returns what is known of the network.
func (v *viewer) judgement() verdict {
	v.transport.mu.Lock()
	defer v.transport.mu.Unlock()
	return v.network(&v.climb.ladder)
}

// network returns what was found out; the transport's mu is held.
func (s *session) network(l *ladder) verdict {
	if s.flight == nil {
		return s.told
	}
	if s.flight.told {
		s.flight.told = false
		l.queue(time.Duration(s.flight.recent) * time.Microsecond)
	}
	return s.flight.verdict
}

// head prepares another rendition while the one of now goes on.
func (v *viewer) head(to int) {
	c := v.climb
	if c.stop != nil {
		c.stop()
	}
	var ctx context.Context
	ctx, c.stop = context.WithCancel(v.ctx)
	c.target = to
	from := v.now
	// Of what is lost for the most part nothing can be shown, and it only stands in the
	// way of what is to come.
	c.hush = to > c.ladder.rung && v.judgement().lost > lossHopeless
	c.preparing.Go(func() {
		n := v.prepare(ctx, c.streams[to], from)
		n.rung = to
		select {
		case c.prepared <- n:
		case <-ctx.Done():
			n.drop()
		}
	})
}

// landed takes what was prepared.
func (v *viewer) landed(n *landing, now time.Time) {
	c := v.climb
	if n.rung != c.target || n.rung == c.ladder.rung { // the viewer has fallen meanwhile
		n.drop()
		return
	}
	if n.err != nil {
		v.log.Info("no other rendition", "rendition", c.streams[n.rung].Name(), "reason", n.err)
		c.target, c.hush = c.ladder.rung, false
		c.ladder.went(now, c.ladder.rung) // not at once again
		return
	}
	n.since = now
	c.next = n
	if n.rung > c.ladder.rung {
		c.hush = c.hush || v.judgement().heavily
		n.plan.stream.RequestKeyframe()
	}
}

// await looks whether the rendition that is prepared has a keyframe.
func (v *viewer) await(now time.Time) (again bool) {
	c, n := v.climb, v.climb.next
	for u, ok := n.reader.Poll(); ok; u, ok = n.reader.Poll() {
		if u.Track.Kind == camgate.Video && u.RandomAccess && !n.reader.Cached(u) {
			v.goTo(n, now)
			v.send(u, v.shift(u))
			return false
		}
	}
	switch waited := now.Sub(n.since); {
	case n.rung > c.ladder.rung && waited > keyWait:
		v.goTo(n, now)
		v.begins = true
		return true
	case waited > keyMost:
		c.next, c.target, c.hush = nil, c.ladder.rung, false
		n.drop()
		c.ladder.went(now, c.ladder.rung)
	case waited > keyAsk && !n.asked:
		n.asked = true
		n.plan.stream.RequestKeyframe()
	}
	return false
}

// watch ends the reader of a smaller rendition that sends nothing, for which the
// stream itself is not to blame.
func (v *viewer) watch() {
	c := v.climb
	if c.silence != nil {
		c.silence.Stop()
		c.silence = nil
	}
	if s := v.session; c.ladder.rung > 0 {
		c.silence = time.AfterFunc(rungSilence, func() { s.reader.Load().Close() })
	}
}

// fall goes back to the stream when the rendition that was read in its place ended.
func (v *viewer) fall() error {
	c := v.climb
	c.next.drop()
	c.next, c.hush = nil, false
	n := v.prepare(v.ctx, v.stream, v.now)
	if n.err != nil {
		return n.err
	}
	n.rung = 0
	v.goTo(n, time.Now())
	v.begins = true
	return nil
}

// turning tells whether another rendition is on its way.
func (c *climb) turning() bool { return c != nil && c.target != c.ladder.rung }

// of is the stream that the viewer is sent, itself or by a variant.
func (v *viewer) of() *camgate.Stream {
	if v.climb == nil {
		return v.stream
	}
	return v.climb.streams[v.climb.ladder.rung]
}

// tellChoice lets the stream's readers tell of it.
func (v *viewer) tellChoice(what verdict) {
	c := v.climb
	v.reader.Load().Chose(camgate.Choice{
		Asked: v.stream.Name(), Rendition: v.of().Name(), Estimate: int(what.carries), Changes: c.changes,
	})
}
