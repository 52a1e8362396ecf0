package mjpeg

import "time"

const (
	// thriftWindow is over how long it is seen whether a viewer's network is full.
	thriftWindow = 2 * time.Second
	// calmBefore is how long it has to have room before the viewer gets more again. It
	// doubles with each time that this was too early.
	calmBefore, calmMost = 10 * time.Second, 5 * time.Minute
	// tooEarly is within what time after more it shows that it was too much.
	tooEarly = 30 * time.Second
)

// thrift finds the step that a viewer's network takes, by the share of the time that is
// spent with sending: a network with room takes a picture at once.
type thrift struct {
	step, most, before int

	begin  time.Time     // of the window
	spent  time.Duration // with sending, in it
	calm   time.Time     // since when there is room
	raised time.Time     // when the viewer got more
	wait   time.Duration // how long there is to be room until it gets more
}

// note counts a picture that took so long to send, and returns the step to be at.
func (t *thrift) note(now time.Time, took time.Duration) (step int) {
	if t.begin.IsZero() {
		t.begin, t.calm = now.Add(-took), now
	}
	t.spent += took
	whole := now.Sub(t.begin)
	if whole < thriftWindow {
		return t.step
	}
	share := float64(t.spent) / float64(whole)
	t.begin, t.spent, t.before = now, 0, t.step
	switch {
	case share > 0.8 && t.step < t.most:
		if now.Sub(t.raised) < tooEarly {
			t.wait = min(2*t.wait, calmMost)
		}
		t.step++
		t.calm = now
	case share > 0.2:
		t.calm = now
	case t.step > 0 && now.Sub(t.calm) >= t.wait:
		t.step--
		t.calm, t.raised = now, now
	}
	return t.step
}

// missed takes the last step back, which could not be made; it is tried again after a while.
func (t *thrift) missed() {
	t.step = t.before
	t.begin = t.begin.Add(calmBefore)
}
