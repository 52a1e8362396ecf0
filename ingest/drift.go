package ingest

import "time"

const (
	// A source's timestamps are compared with the time of their arrival. What is held
	// up on the way only comes later, so the earliest one of a window is the nearest to
	// the truth.
	driftWindow  = 10 * time.Second
	driftWindows = 60 // kept: ten minutes
	driftMin     = 4  // needed to say anything
)

// driftMeter measures by how much the clock of a source differs from ours.
type driftMeter struct {
	begin, best driftPoint // of the window that runs
	open        bool
	points      []driftPoint
}

// driftPoint is a timestamp by our clock, and by how much the source was ahead.
type driftPoint struct{ at, ahead time.Duration }

// add takes a timestamp of the source and the time of its arrival. At the end of a
// window it returns the drift in parts in a million, positive when the source's
// clock is the faster one.
func (m *driftMeter) add(source, now time.Duration) (ppm float64, ok bool) {
	p := driftPoint{now, source - now}
	switch {
	case !m.open:
		m.begin, m.best, m.open = p, p, true
		return 0, false
	case p.at-m.begin.at < driftWindow:
		if p.ahead > m.best.ahead {
			m.best = p
		}
		return 0, false
	}
	if len(m.points) == driftWindows {
		m.points = append(m.points[:0], m.points[1:]...)
	}
	m.points = append(m.points, m.best)
	m.begin, m.best = p, p
	if len(m.points) < driftMin {
		return 0, false
	}
	return m.slope(), true
}

// reset forgets all: the source's clock jumped.
func (m *driftMeter) reset() { m.open, m.points = false, m.points[:0] }

// slope is that of the line with the least squares through the points.
func (m *driftMeter) slope() float64 {
	var x, y float64
	first := m.points[0]
	n := float64(len(m.points))
	for _, p := range m.points {
		x += (p.at - first.at).Seconds() / n
		y += (p.ahead - first.ahead).Seconds() / n
	}
	var xx, xy float64
	for _, p := range m.points {
		dx, dy := (p.at-first.at).Seconds()-x, (p.ahead-first.ahead).Seconds()-y
		xx += dx * dx
		xy += dx * dy
	}
	if xx == 0 {
		return 0
	}
	return xy / xx * 1e6
}
