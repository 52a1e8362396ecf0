package sound

import (
	"time"

	"github.com/camgate/camgate/ingest/ts"
)

// wallOf is the time of the system's clock near now of which a timestamp is what is left
// after its wraps.
func wallOf(pts int64, now time.Time) time.Time {
	ticks := now.Unix()*ts.Clock + int64(now.Nanosecond())*ts.Clock/int64(time.Second)
	const half = ts.Wrap / 2
	off := (pts-ticks+half)&(ts.Wrap-1) - half
	return now.Add(time.Duration(off) * (time.Second / 1000) / (ts.Clock / 1000))
}

// sampleClock counts samples, and follows the recorded times so slowly that nobody hears
// it: these have the jitter of the system's scheduler.
type sampleClock struct {
	due  time.Time
	away int // frames in a row that were far from when they were due
}

const (
	// Frames that are so far away follow a gap, if it is so many of them: a recorder that
	// was not let run has them all at once, and is then on time again.
	maxJump   = 60 * time.Millisecond
	certainly = 8
	// following is over how many frames a difference is made up for.
	following = 64
)

// time returns the time of a frame that was recorded at, and lasts so long.
func (c *sampleClock) time(at time.Time, lasts time.Duration) time.Time {
	off := at.Sub(c.due)
	switch far := off > maxJump || off < -maxJump; {
	case c.due.IsZero(), far && c.away == certainly:
		c.due, c.away, off = at, 0, 0
	case far:
		c.away++
		off = 0
	default:
		c.away = 0
	}
	out := c.due.Add(off / following)
	c.due = out.Add(lasts)
	return out
}
