package webrtc

import (
	"math"
	"time"
)

// How a viewer goes from one rendition to another: down at once, up slowly.
const (
	settleTime = 1500 * time.Millisecond // after a change, while what was sent before is under way
	steadyTime = time.Minute             // after which going up has proved right
	upFirst    = 10 * time.Second        // before it is tried to go up
	upMost     = 2 * time.Minute         // twice as long after each time that was in vain, up to this
	trialFirst = 15 * time.Second        // where it cannot be found out whether that fits

	probeFactor = 1.5  // of the rendition's own rate, to begin with
	probeGrowth = 1.12 // in probeStep
	probeStep   = 200 * time.Millisecond
	probeRoom   = 1.15 // of the rate of the better one, that has to come through
	probeMost   = 8 * time.Second
	probeQueue  = 60 * time.Millisecond  // which ends it
	probeDeaf   = 400 * time.Millisecond // without feedback, which does, too
)

// ladder decides which of a few renditions a viewer is sent, best first. It does
// nothing but decide.
type ladder struct {
	rates   []float64 // bit/s of each, as seen last; 0: not yet
	rung    int
	changed time.Time
	probes  bool // the viewer tells what arrives, and more can be sent to find out

	seen   int // verdicts
	unfit  int // in a row
	wait   time.Duration
	tried  time.Time
	climbs time.Time // when it went up last; zero: that has proved right, or wrong

	probing time.Time // since when; zero: not now
	filled  time.Time // up to when
	proved  int       // verdicts when all was sent that has to come through; 0: not yet
	queued  int       // feedback in a row that told of a queue
	fed     bool      // there was feedback
	heard   time.Time // when that was
}

// step is what a ladder decides: the rung to go to.
func (l *ladder) step(now time.Time, v verdict) int {
	if l.changed.IsZero() {
		l.changed = now
	}
	if l.fed {
		l.fed, l.heard = false, now
	}
	fresh := v.count != l.seen
	l.seen = v.count
	if l.rung+1 < len(l.rates) && fresh && l.fails(now, v) {
		return l.rung + 1
	}
	if l.rung > 0 && l.rises(now, v, fresh) {
		return l.rung - 1
	}
	if !l.climbs.IsZero() && now.Sub(l.climbs) > steadyTime {
		l.climbs, l.wait = time.Time{}, 0
	}
	return l.rung
}

// fails tells whether the rendition does not fit.
func (l *ladder) fails(now time.Time, v verdict) bool {
	need := l.rates[l.rung]
	tooMuch := v.full && v.carries < need || v.queue > time.Second
	if v.told > 0 && v.told < 0.85*need && now.Sub(l.changed) > upFirst {
		tooMuch = true
	}
	if !tooMuch || !l.probing.IsZero() || l.rung > 0 && now.Sub(l.changed) < settleTime {
		l.unfit = 0
		return false
	}
	l.unfit++
	return l.unfit > 1 || v.heavily
}

// rises tells whether to go up: when it was found that this fits, or, where that
// cannot be found out, to try.
func (l *ladder) rises(now time.Time, v verdict, fresh bool) bool {
	if l.wait == 0 {
		l.wait = upFirst
		if !l.probes {
			l.wait = trialFirst
		}
	}
	if !l.probing.IsZero() {
		return l.proves(now, v, fresh)
	}
	if now.Sub(l.changed) < l.wait || now.Sub(l.tried) < l.wait || v.full {
		return false
	}
	l.tried = now
	if !l.probes {
		return true
	}
	l.probing, l.filled, l.heard, l.proved, l.queued = now, now, now, 0, 0
	return false
}

// proves tells whether a probe shows that the better rendition fits, and ends one that
// shows that it does not.
func (l *ladder) proves(now time.Time, v verdict, fresh bool) bool {
	switch {
	case l.queued > 0, fresh && v.full, now.Sub(l.heard) > probeDeaf, now.Sub(l.probing) > probeMost:
		l.probing, l.tried = time.Time{}, now
		l.slower()
	case l.proved == 0 && l.target(now) >= probeRoom*l.rates[l.rung-1]:
		l.proved = v.count
	case l.proved > 0 && v.count > l.proved && v.rate > l.rates[l.rung-1]:
		return true
	}
	return false
}

// queue takes the queue that the newest feedback tells of.
func (l *ladder) queue(d time.Duration) {
	l.fed = true
	if d < probeQueue {
		l.queued = 0
		return
	}
	l.queued++
}

// target is the rate of a probe, in bit/s.
func (l *ladder) target(now time.Time) float64 {
	grown := probeFactor * math.Pow(probeGrowth, float64(now.Sub(l.probing))/float64(probeStep))
	return min(grown*l.rates[l.rung], probeRoom*l.rates[l.rung-1])
}

// fill is how many bytes a probe adds to a picture of so many.
func (l *ladder) fill(now time.Time, size int) int {
	if l.probing.IsZero() {
		return 0
	}
	d := min(now.Sub(l.filled), 200*time.Millisecond)
	l.filled = now
	return max(int(l.target(now)*1.1/8*d.Seconds())-size, 0)
}

// went notes that the viewer has another rendition now.
func (l *ladder) went(now time.Time, rung int) {
	if rung > l.rung && !l.climbs.IsZero() { // it had been in vain
		l.slower()
		l.climbs = time.Time{}
	}
	if rung < l.rung {
		l.climbs = now
	}
	l.rung, l.changed, l.tried, l.unfit, l.probing = rung, now, now, 0, time.Time{}
}

func (l *ladder) slower() { l.wait = min(2*l.wait, upMost) }

// meter measures the rate of a rendition.
type meter struct {
	since  time.Time
	bytes  int
	former float64 // bit/s, of the window before
}

// meterWindow has a few keyframes in it, or one.
const meterWindow = 3 * time.Second

// add adds what was published, and returns the rate; 0: not known yet.
func (m *meter) add(now time.Time, bytes int) float64 {
	if m.since.IsZero() {
		m.since = now
	}
	m.bytes += bytes
	if d := now.Sub(m.since); d >= meterWindow {
		rate := float64(m.bytes) * 8 / d.Seconds()
		if m.former > 0 {
			rate = (rate + m.former) / 2
		}
		m.former, m.since, m.bytes = rate, now, 0
	}
	return m.former
}
