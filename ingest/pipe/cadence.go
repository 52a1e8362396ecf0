package pipe

import "time"

// cadence gives times to pictures that come without any: that of their arrival, without
// its jitter. It follows the source's own pace, which may change, and which pipes,
// encoders and the system's scheduler only blur.
type cadence struct {
	period time.Duration // from one picture to the next; 0: not known yet
	n      int           // since the pace was found
	last   time.Duration // given last
	begun  bool
}

const (
	// The pace is a mean over about that many pictures.
	settled = 16
	// A picture that comes so late is one after a pause, and so are as many periods.
	pause        = 500 * time.Millisecond
	pausePeriods = 6
	minPeriod    = time.Millisecond
	maxPeriod    = 5 * time.Second
)

// time returns when a picture was taken that came at.
func (c *cadence) time(at time.Duration) time.Duration {
	if !c.begun {
		c.begun, c.last = true, at
		return at
	}
	if c.period == 0 {
		c.period = min(max(at-c.last, minPeriod), maxPeriod)
	}
	due := c.last + c.period
	late := at - due
	if limit := max(pause, pausePeriods*c.period); late > limit || late < -limit {
		c.n = 0
		c.last = max(at, c.last+minPeriod)
		return c.last
	}
	// An alpha-beta filter whose gain falls until it is settled.
	c.n = min(c.n+1, settled)
	gain := time.Duration(c.n)
	c.period = min(max(c.period+late/(2*gain*gain), minPeriod), maxPeriod)
	c.last = max(due+late/gain, c.last+minPeriod)
	return c.last
}
