package webrtc

import (
	"context"
	"time"

	"github.com/pion/rtcp"

	"github.com/camgate/camgate"
)

const (
	// poll is how often sound is looked for while pictures catch up.
	poll = 5 * time.Millisecond
	// keyframePatience is how long a viewer that asked for a keyframe waits for one
	// of the source before it gets the cached GOP once more; replayPause is how
	// often that may happen.
	keyframePatience = 250 * time.Millisecond
	replayPause      = 2 * time.Second
	// soundAfter is how long after the pictures sound begins. A browser takes about as
	// long to open its loudspeaker; what comes before waits in its buffer, and all that
	// follows is late for as long as it takes to play that faster: seconds.
	soundAfter = 300 * time.Millisecond
)

// viewer is the sending side of a session: all of it happens in one goroutine.
type viewer struct {
	*session
	climb    *climb    // nil: there is nothing to choose from
	begins   bool      // the reader is at its beginning
	hurries  bool      // what is sent is sent faster than in real time
	asked    time.Time // when the viewer asked for a keyframe; zero: it did not
	replayed time.Time
	reportAt time.Time
	soundAt  time.Time // when sound begins
}

func newViewer(s *session) *viewer {
	v := &viewer{session: s, climb: s.newClimb()}
	if s.now.has(camgate.Video) {
		v.soundAt = time.Now().Add(soundAfter)
	}
	return v
}

// play sends units until the reader ends.
func (v *viewer) play() error {
	for {
		if err := v.catchUp(); err != nil {
			return err
		}
		if err := v.live(); err != nil {
			return err
		}
		if v.begins {
			v.begins = false
			continue
		}
		// The picture is broken and the source does not help, or it comes from a variant of
		// the stream now: again from the cache.
		v.replayed, v.asked = time.Now(), time.Time{}
		if err := v.subscribe(v.transport.path.Load().remote.String()); err != nil {
			return err
		}
	}
}

// live sends units as they come. It returns nil when the cached GOP is to be sent
// again.
func (v *viewer) live() error {
	for {
		u, err := v.reader.Load().Next()
		if err != nil {
			if v.climb != nil && v.climb.ladder.rung > 0 && v.ctx.Err() == nil {
				return v.fall()
			}
			return v.reason(err)
		}
		if u.Track.Reorders() {
			return v.goOver()
		}
		v.send(u, v.shift(u))
		if v.steer(u) || v.broken(u) {
			return nil
		}
	}
}

// shift is what a lane's timestamps differ by from the stream's. It keeps them from
// going back right after catching up.
func (v *viewer) shift(u *camgate.Unit) uint32 {
	l := v.lane(u.Track)
	if l == nil {
		return 0
	}
	l.align(u)
	if !l.hurried {
		return l.base
	}
	if behind := int32(l.stamp - u.RTPTime() - l.base); behind >= 0 && l.track.Duration(int64(behind)) < time.Second {
		return l.base + uint32(behind) + uint32(l.track.Ticks(time.Millisecond))
	}
	l.hurried = false
	return l.base
}

// broken reports whether the viewer has waited for a keyframe in vain.
func (v *viewer) broken(u *camgate.Unit) bool {
	now := time.Now()
	if v.keyframe.Swap(false) && v.asked.IsZero() {
		v.asked = now
	}
	if v.asked.IsZero() || u.Track.Kind != camgate.Video || v.climb.turning() {
		return false
	}
	if u.RandomAccess {
		v.asked = time.Time{}
		return false
	}
	return now.Sub(v.asked) > keyframePatience && now.Sub(v.replayed) > replayPause
}

// reason turns the end of the reader into that of the session.
func (v *viewer) reason(err error) error {
	if cause := context.Cause(v.ctx); cause != nil {
		return cause
	}
	return err
}

// catchUp sends the cached GOP, and what comes in the meantime.
func (v *viewer) catchUp() error {
	r := v.reader.Load()
	var c catchUp
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		for u, ok := r.Poll(); ok; u, ok = r.Poll() {
			switch l := v.lane(u.Track); {
			case l == nil:
			case u.Track.Kind != camgate.Video, c.track != nil && u.Track != c.track:
				v.send(u, v.shift(u))
			default:
				c.track = u.Track
				l.align(u)
				c.add(u)
			}
		}
		if len(c.queue) == 0 {
			return nil
		}
		now := time.Now()
		if c.start.IsZero() {
			c.begin(now, v.lane(c.track).base)
			v.measured(&c)
		}
		if wait := c.due.Sub(now); wait > time.Millisecond {
			timer.Reset(min(wait, poll))
			select {
			case <-timer.C:
				continue
			case <-v.ctx.Done():
				return context.Cause(v.ctx)
			}
		}
		if v.missed.Swap(false) {
			c.ease(now)
		}
		l := v.lane(c.track)
		u, shift := c.next(now, l)
		l.hurried = true
		v.send(u, shift)
		v.hurries = true
		v.steer(u)
		v.hurries = false
		if now := v.reader.Load(); now != r { // of another rendition
			r, c = now, catchUp{}
		}
	}
}

// measured takes the rate of the stream from its cache, and keeps the speed of catching
// up to what is known of the network.
func (v *viewer) measured(c *catchUp) {
	if v.climb == nil || c.own == 0 {
		return
	}
	if rate := &v.climb.ladder.rates[v.climb.ladder.rung]; *rate == 0 {
		*rate = c.own * 8 * 1.03
	}
	if of := v.judgement(); of.full && of.carries > 0 {
		c.rate = min(c.rate, max(of.carries/8, catchUpLeast*c.own))
	}
}

func (v *viewer) lane(t *camgate.Track) *lane {
	for _, l := range v.lanes {
		if l.track == t {
			return l
		}
	}
	return nil
}

// fits reports whether each packet has room in a batch. Only what a source packed
// itself, in a codec that is passed through, may not.
func fits(p *camgate.Packets) bool {
	const overhead = camgate.RTPHeader + stampSize + originalSize + 20 // and the longest SRTP tag
	for i := range p.Len() {
		if len(p.Payload(i)) > packetRoom-overhead {
			return false
		}
	}
	return true
}

// send sends a unit with its timestamps moved by shift, and the reports that are
// due.
func (v *viewer) send(u *camgate.Unit, shift uint32) {
	if u.Track.Kind == camgate.Audio && time.Now().Before(v.soundAt) {
		return
	}
	l := v.lane(u.Track)
	if l == nil || !fits(u.Packets()) || v.climb != nil && v.climb.hush && u.Track.Kind == camgate.Video {
		return
	}
	if l.overlaps {
		if l.stamped && int32(u.RTPTime()+shift-l.stamp) <= 0 {
			return
		}
		l.overlaps = false
	}
	if reports := v.sendMedia(l, u, shift); reports != nil {
		v.transport.writeRTCP(reports)
	}
}

func (v *viewer) sendMedia(l *lane, u *camgate.Unit, shift uint32) (reports []rtcp.Packet) {
	b := v.server.batches.get()
	defer v.server.batches.put(b)
	var err error
	pause := v.pause(l, u)
	began := time.Now()
	for i := 0; i < u.PacketCount(); {
		if i, reports, err = v.pack(b, l, u, i, pause, shift); err != nil {
			v.end(err)
			return nil
		}
		v.transport.send(b)
		if pause > 0 && i < u.PacketCount() && !v.rest(time.Until(began.Add(time.Duration(i)*pause))) {
			return nil
		}
	}
	return reports
}

// pack makes packets of a unit, from one on, as many as the batch has room for, or as may
// follow each other with that pause. It returns which one is next, and after the last one
// the reports that are due.
func (v *viewer) pack(b *batch, l *lane, u *camgate.Unit, i int, pause time.Duration, shift uint32) (next int, reports []rtcp.Packet, err error) {
	most := u.PacketCount()
	if pause > 0 {
		most = min(most, i+piece(pause))
	}
	t := v.transport
	t.mu.Lock()
	defer t.mu.Unlock()
	if l.flight != nil {
		l.flight.leave(time.Now())
	}
	sent := 0
	for ; i < most && !b.full(); i++ {
		n, err := l.send(b, t.local, u, i, shift)
		if err != nil {
			return i, nil, err
		}
		sent += n
	}
	v.reader.Load().Sent(sent)
	if i < u.PacketCount() {
		return i, nil, nil
	}
	first := l.newest == nil
	l.newest, l.newestBase = u, l.base
	if now := time.Now(); first || now.After(v.reportAt) {
		reports = v.report(now)
		if v.reportAt.IsZero() {
			v.reportAt = now.Add(reportFirst)
		} else if !first {
			v.reportAt = now.Add(reportInterval)
		}
	}
	return i, reports, nil
}
