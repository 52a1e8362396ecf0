package jpegcam

import (
	"strconv"
	"strings"
	"time"
)

const (
	// maxDrift is how far a camera's timestamps may be away from the arrival of its
	// pictures: more than a busy network holds up, less than a viewer wants to wait.
	maxDrift = time.Second
	// minTrust is how long they have to stay within maxDrift. Clocks that differ by a
	// hundred parts in a million need hours for it; what is faster is no clock.
	minTrust = time.Minute
)

// clock gives pictures their times: those of the camera where it tells them and they
// make sense, as they have no jitter of the network, else those of their arrival.
type clock struct {
	began    time.Time
	last     time.Duration // given last
	started  bool
	anchored time.Time     // since when offset holds
	offset   time.Duration // from the camera's time to ours
	stamp    time.Duration // the camera's time of the last picture
	distrust bool
}

// time returns when a picture was taken, counted from the beginning; stamp is the
// camera's own time, 0 where it told none.
func (c *clock) time(now time.Time, stamp time.Duration) time.Duration {
	at := now.Sub(c.began)
	if stamp <= 0 || c.started && stamp <= c.stamp {
		c.distrust = true
	}
	if !c.distrust {
		switch drift := at - (stamp + c.offset); {
		case !c.started:
			c.anchored, c.offset = now, at-stamp
		case drift < -maxDrift || drift > maxDrift:
			c.distrust = now.Sub(c.anchored) < minTrust
			c.anchored, c.offset = now, at-stamp
		}
		at = stamp + c.offset
	}
	c.stamp = stamp
	if c.started && at <= c.last {
		at = c.last + time.Millisecond // pictures have an order, and each a time of its own
	}
	c.started, c.last = true, at
	return at
}

// parseStamp reads an X-Timestamp: seconds with a fraction, from whatever moment; 0
// when it is none.
func parseStamp(text string) time.Duration {
	const most = 1 << 33 // seconds; what a Duration can hold
	whole, fraction, _ := strings.Cut(text, ".")
	s, err := strconv.ParseUint(whole, 10, 64)
	if err != nil || s >= most {
		return 0
	}
	fraction = (fraction + "000000000")[:9]
	ns, err := strconv.ParseUint(fraction, 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(s)*time.Second + time.Duration(ns)
}
