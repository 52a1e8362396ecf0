package ingest

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/camgate/camgate"
)

// wait lets the bubble's clock go on.
func wait(d time.Duration) { <-time.After(d) }

// camera plays pictures each 40 ms and sound each 20 ms into a bench, with its
// clock at what the bubble's one is plus at, and checks what comes out.
type camera struct {
	b  *bench
	at time.Duration // of its clock

	last   [2]time.Duration // PTS by track
	breaks [2]int           // Units with Discontinuity, by track
	offset [2]time.Duration // PTS on the stream less PTS of the camera
}

func (c *camera) play(d time.Duration) {
	c.b.t.Helper()
	for range d / (40 * time.Millisecond) {
		c.take(c.at, c.b.put(picture("I", c.at)))
		c.take(c.at, c.b.put(sound(c.at)))
		wait(20 * time.Millisecond)
		c.at += 20 * time.Millisecond
		c.take(c.at, c.b.put(sound(c.at)))
		wait(20 * time.Millisecond)
		c.at += 20 * time.Millisecond
	}
}

func (c *camera) take(at time.Duration, units []*camgate.Unit) {
	c.b.t.Helper()
	for _, u := range units {
		i := u.Track.ID
		if u.Discontinuity {
			c.breaks[i]++
		}
		if u.Time() <= c.last[i] {
			c.b.t.Fatalf("track %d: %v after %v", i, u.Time(), c.last[i])
		}
		c.last[i], c.offset[i] = u.Time(), u.Time()-at
	}
}

// check fails unless both tracks are as far behind the camera's clock as the other
// one, at the time that it is now, and had that many discontinuities each.
func (c *camera) check(what string, breaks int, ahead time.Duration) {
	c.b.t.Helper()
	near(c.b.t, what+": sound against picture", c.offset[1], c.offset[0])
	near(c.b.t, what+": time of the next picture against now", c.at+c.offset[0]-c.b.Now(), ahead)
	if c.breaks != [2]int{breaks, breaks} {
		c.b.t.Errorf("%s: %v discontinuities, want %d each", what, c.breaks, breaks)
	}
	c.breaks = [2]int{}
}

func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}
