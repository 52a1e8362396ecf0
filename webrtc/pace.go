package webrtc

import (
	"time"

	"github.com/camgate/camgate"
)

const (
	// catchUpRate is the least speed in bit/s at which the cached GOP is sent: a
	// link of 20 Mbit/s takes it.
	catchUpRate = 16_000_000
	// catchUpFactor is how much faster than the stream itself it is at least.
	catchUpFactor = 4
	// catchUpSpeed is how much faster than in real time pictures follow each other at
	// most: decoders have to follow, too.
	catchUpSpeed = 5
	// catchUpEase is how much slower it goes on after the viewer missed packets, at
	// most every catchUpPause; catchUpLeast is what is left of it, in times of the
	// stream's own rate.
	catchUpEase  = 0.7
	catchUpPause = 100 * time.Millisecond
	catchUpLeast = 1.3
)

// catchUp is the way from the keyframe in the cache to the live edge. The cached
// pictures are sent faster than they were taken, each with the timestamp that a
// picture taken at the moment of its sending would have. To the viewer this is a
// stream in perfect time, with many pictures a second: it has no reason to hold any
// of them back, nor to believe that the network delays them. When the cache is
// through, true timestamps go on from there.
type catchUp struct {
	track *camgate.Track
	queue []*camgate.Unit // video, oldest first
	rate  float64         // bytes per second
	own   float64         // the stream's
	eased time.Time
	due   time.Time // when the next picture may go

	// The line of timestamps: at time start the live edge was at stamp.
	start time.Time
	stamp uint32
}

// begin sets the line of timestamps and the speed, when the first units are known.
func (c *catchUp) begin(now time.Time, base uint32) {
	edge := c.queue[len(c.queue)-1]
	c.start, c.stamp, c.due = now, edge.RTPTime()+base, now
	bytes := 0
	for _, u := range c.queue {
		bytes += u.Size()
	}
	c.rate = catchUpRate / 8
	if took := c.track.Duration(edge.PTS - c.queue[0].PTS); took > 0 {
		c.own = float64(bytes) / took.Seconds()
		c.rate = max(c.rate, catchUpFactor*c.own)
	}
}

// ease slows down: the way to the viewer does not take as much.
func (c *catchUp) ease(now time.Time) {
	if now.Sub(c.eased) > catchUpPause {
		c.eased = now
		c.rate = max(c.rate*catchUpEase, catchUpLeast*c.own)
	}
}

// add queues a picture that came. A keyframe makes all before it needless.
func (c *catchUp) add(u *camgate.Unit) {
	if u.RandomAccess {
		c.queue = c.queue[:0]
	}
	c.queue = append(c.queue, u)
}

// next takes the next picture and returns it with the shift of its timestamp.
func (c *catchUp) next(now time.Time, l *lane) (*camgate.Unit, uint32) {
	u := c.queue[0]
	c.queue = c.queue[1:]
	stamp := c.stamp + uint32(c.track.Ticks(now.Sub(c.start)))
	if live := u.RTPTime() + l.base; int32(live-stamp) > 0 {
		stamp = live // it is live already
	}
	if l.stamped && int32(stamp-l.stamp) <= 0 {
		stamp = l.stamp + uint32(c.track.Ticks(time.Millisecond))
	}
	if c.due.Before(now) {
		c.due = now
	}
	gap := time.Duration(float64(u.Size()) / c.rate * float64(time.Second))
	if len(c.queue) > 0 {
		gap = max(gap, c.track.Duration(c.queue[0].PTS-u.PTS)/catchUpSpeed)
	}
	c.due = c.due.Add(gap)
	return u, stamp - u.RTPTime()
}
