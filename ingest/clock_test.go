package ingest

import (
	"testing"
	"time"
)

func TestTwoSessions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBench(t, newH264(t), newAAC(t))
		wait(3 * time.Second)
		c := &camera{b: b, at: 1000 * time.Hour}
		c.play(2 * time.Second)
		c.check("first session", 1, 0)
		b.end()
		wait(1500 * time.Millisecond)
		b.session(newH264(t), newAAC(t))
		c.at = 7 * time.Second
		c.play(2 * time.Second)
		c.check("second session", 1, 0)
		b.end()
		b.session(newH264(t), newAAC(t))
		c.at = 0
		c.play(time.Second)
		c.check("third session, at once", 1, 0)
	})
}

// The clock of the session before was ahead, and its sound must not come twice.
func TestSessionAfterBurst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBench(t, newH264(t), newAAC(t))
		wait(time.Second)
		c := &camera{b: b}
		for range 75 { // 3 s at once
			c.take(c.at, b.put(picture("I", c.at)))
			c.take(c.at, b.put(sound(c.at)))
			c.at += 40 * time.Millisecond
		}
		c.check("first session", 1, 3*time.Second)
		b.end()
		b.session(newH264(t), newAAC(t))
		before := c.last
		c.take(0, b.put(picture("I", 500*time.Millisecond)))
		for at := range 10 {
			c.take(0, b.put(sound(time.Duration(at)*100*time.Millisecond)))
		}
		if c.last[1]-before[1] > 501*time.Millisecond {
			t.Errorf("sound from %v to %v", before[1], c.last[1])
		}
		if b.Units() != 150+1+5 {
			t.Errorf("%d Units: what was to be heard before the first picture is to be left out", b.Units())
		}
	})
}

func TestJumps(t *testing.T) {
	tests := []struct {
		name    string
		by      time.Duration
		breaks  int
		forward time.Duration // of the stream's clock against now, afterwards
	}{
		{"hours forward", 5 * time.Hour, 1, 0},
		{"hours backward", -5 * time.Hour, 1, 0},
		{"33 bits of MPEG-TS", -26*time.Hour - 30*time.Minute, 1, 0},
		{"some seconds backward", -6 * time.Second, 1, 0},
		{"a little forward", 2 * time.Second, 0, 2 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newBench(t, newH264(t), newAAC(t))
				wait(time.Second)
				c := &camera{b: b, at: 40 * time.Hour}
				c.play(2 * time.Second)
				c.check("before", 1, 0)
				c.at += tt.by
				c.play(2 * time.Second)
				c.check("after", tt.breaks, tt.forward)
				c.at += tt.by
				c.play(2 * time.Second)
				c.check("after the second one", tt.breaks, 2*tt.forward)
			})
		})
	}
}

// Sound from before the jump comes after the first picture from behind it.
func TestJumpOutOfStep(t *testing.T) {
	for _, by := range []time.Duration{time.Hour, -time.Hour} {
		bubble(t, func(t *testing.T) {
			b := newBench(t, newH264(t), newAAC(t))
			wait(time.Second)
			c := &camera{b: b, at: 40 * time.Hour}
			c.play(2 * time.Second)
			c.breaks = [2]int{}
			for i := range 10 {
				at := c.at + time.Duration(i)*20*time.Millisecond
				c.take(at+by, b.put(picture("I", at+by)))
				c.take(at, b.put(sound(at)))
				wait(20 * time.Millisecond)
			}
			c.at += by + 200*time.Millisecond
			c.play(5 * time.Second)
			near(t, "sound against picture", c.offset[1], c.offset[0])
			if c.breaks != [2]int{1, 1} {
				t.Errorf("by %v: %v discontinuities", by, c.breaks)
			}
			if c.last[1] < b.Now()-time.Second || c.last[1] > b.Now()+time.Second {
				t.Errorf("by %v: sound is at %v at %v", by, c.last[1], b.Now())
			}
		})
	}
}

// Tracks of a source that lies about its clock do not pull at each other.
func TestTwoClocks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBench(t, newH264(t), newAAC(t))
		wait(time.Second)
		c := &camera{b: b}
		for i := range 250 {
			at := time.Duration(i) * 40 * time.Millisecond
			c.take(at, b.put(picture("I", at)))
			c.take(at, b.put(sound(at+99*time.Hour)))
			wait(40 * time.Millisecond)
		}
		if c.breaks != [2]int{1, 1} || b.Units() != 500 {
			t.Errorf("%v discontinuities, %d Units", c.breaks, b.Units())
		}
		if d := c.last[1] - c.last[0]; d < 0 || d > 40*time.Millisecond {
			t.Errorf("sound is %v ahead of the picture", d)
		}
	})
}

// A camera that sends its cached GOP first: the steps stay what they are, and the
// clock comes back to ours by and by.
func TestBurst(t *testing.T) {
	for _, length := range []time.Duration{2 * time.Second, 12 * time.Second} {
		bubble(t, func(t *testing.T) {
			b := newBench(t, newH264(t), newAAC(t))
			wait(time.Second)
			c := &camera{b: b, at: time.Hour}
			burst := func() { // of the length of the test
				for end := c.at + length; c.at < end; c.at += 40 * time.Millisecond {
					before := c.last[0]
					c.take(c.at, b.put(picture("I", c.at)))
					if step := c.last[0] - before; c.at > time.Hour && step != 40*time.Millisecond {
						t.Fatalf("step of %v", step)
					}
				}
			}
			burst()
			c.breaks[1]++ // no sound yet
			c.offset[1] = c.offset[0]
			c.check("burst", 1, length)
			c.play(time.Minute)
			c.breaks[1]--
			want := length
			if length > maxAhead {
				want -= time.Minute / slew
			}
			lead := c.at + c.offset[0] - b.Now()
			if d := lead - want; d < -5*time.Millisecond || d > 5*time.Millisecond {
				t.Errorf("after a minute it is %v ahead, want %v", lead, want)
			}
			if c.breaks != [2]int{0, 0} {
				t.Errorf("%v discontinuities", c.breaks)
			}
			if d := c.offset[1] - c.offset[0]; d.Abs() > 20*time.Millisecond/slew+30*time.Microsecond {
				t.Errorf("sound is %v off", d)
			}
		})
	}
}

// A connection that hangs for a while, and then delivers all at once.
func TestHeldUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBench(t, newH264(t), newAAC(t))
		wait(time.Second)
		c := &camera{b: b, at: time.Hour}
		c.play(time.Second)
		c.check("before", 1, 0)
		wait(8 * time.Second)
		for range 200 {
			c.take(c.at, b.put(picture("I", c.at)))
			c.take(c.at, b.put(sound(c.at)))
			c.at += 40 * time.Millisecond
		}
		c.check("held up", 0, 0)
		c.play(time.Second)
		c.check("after", 0, 0)
		wait(12 * time.Second)
		c.play(time.Second)
		c.check("away for too long", 1, 0)
	})
}

// Clocks that go wrong by far more than those of cameras: never a break, never far
// from ours.
func TestDrift(t *testing.T) {
	for _, parts := range []time.Duration{400, -400} { // one part in that many
		bubble(t, func(t *testing.T) {
			b := newBench(t, newH264(t), newAAC(t))
			wait(time.Second)
			c := &camera{b: b}
			for range 2 * 3600 {
				c.take(c.at, b.put(picture("I", c.at)))
				c.take(c.at, b.put(sound(c.at)))
				if d := c.offset[1] - c.offset[0]; d.Abs() > time.Second/slew+time.Millisecond {
					t.Fatalf("sound is %v off", d)
				}
				c.at += time.Second + time.Second/parts
				wait(time.Second)
			}
			if c.breaks != [2]int{1, 1} {
				t.Errorf("%v discontinuities", c.breaks)
			}
			lead := c.last[0] - b.Now()
			if lead > maxAhead+2*time.Second || lead < -maxBehind-2*time.Second {
				t.Errorf("after two hours it is %v ahead", lead)
			}
			if parts > 0 && lead < maxAhead-2*time.Second || parts < 0 && lead > 2*time.Second-maxBehind {
				t.Errorf("after two hours it is %v ahead: the clock of the source is to be kept while it can be", lead)
			}
		})
	}
}

// A picture that says when it was taken is shown at that time, whatever it took to bring
// it here, within bounds.
func TestTaken(t *testing.T) {
	for _, tt := range []struct {
		name         string
		taken, label time.Duration // from its arrival
	}{
		{"before", -300 * time.Millisecond, -300 * time.Millisecond},
		{"too long ago", -5 * time.Second, -time.Second},
		{"in the future", 50 * time.Millisecond, 0},
	} {
		bubble(t, func(t *testing.T) {
			b := newBench(t, newH264(t), newAAC(t))
			wait(10 * time.Second)
			sm := picture("I", 0)
			sm.Taken = time.Now().Add(tt.taken)
			units := b.put(sm)
			if len(units) != 1 {
				t.Fatalf("%s: %d units", tt.name, len(units))
			}
			near(t, tt.name, time.Until(units[0].NTP), tt.label)
		})
	}
}
