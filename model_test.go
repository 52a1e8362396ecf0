package camgate

import (
	"testing"
	"time"
)

// model is a stream as a plain list of all that was ever published, with the
// rules of the ring written down as they are said, not as they are fast.
type model struct {
	limits StreamLimits
	all    []*modelUnit
	tail   int // index of the oldest Unit that is kept
	used   int // readers
}

type modelUnit struct {
	unit  *Unit
	key   bool // joiners can start here
	at    time.Duration
	total int // bytes up to and including this one
}

func (m *model) newest() int { return len(m.all) - 1 }

// age and held say how far Unit i lies behind the newest one: in time, and in
// what is held including itself.
func (m *model) age(i int) time.Duration { return m.all[m.newest()].at - m.all[i].at }
func (m *model) held(i int) int {
	return m.all[m.newest()].total - m.all[i].total + m.all[i].unit.cost()
}

// bounded says that Unit i is within the bounds of the cache.
func (m *model) bounded(i int) bool {
	return i == m.newest() || int64(m.held(i)) <= m.limits.Ring.CacheBytes && m.age(i) <= m.limits.Ring.CacheTime
}

// key returns the index of the newest keyframe, -1 when it is not kept.
func (m *model) key() int {
	for i := m.newest(); i >= 0; i-- {
		if m.all[i].key {
			if !m.bounded(i) {
				return -1
			}
			return i
		}
	}
	return -1
}

func (m *model) publish(u *Unit, key bool, at time.Duration) {
	total := u.cost()
	if n := m.newest(); n >= 0 {
		total += m.all[n].total
	}
	m.all = append(m.all, &modelUnit{u, key, at, total})
	cached, window := m.key(), m.limits.Ring.Window
	if m.used == 0 {
		window /= 4
	}
	for m.tail < m.newest() {
		inGOP := cached >= 0 && m.tail >= cached
		if m.bounded(m.tail) && (inGOP || m.age(m.tail) <= window) {
			return
		}
		m.tail++
	}
}

// modelReader says what a reader must return.
type modelReader struct {
	*Reader
	m         *model
	wanted    map[*Track]bool
	gate      *Track
	cached    bool
	liveAudio bool
	maxLag    time.Duration
	maxBytes  int

	start, pos, edge  int
	needKey, caughtUp bool

	got, filtered uint64
	skipped       [skipReasons]uint64
	lastGate      int // index of the last Unit of gate that was returned
}

func (m *model) subscribe(r *Reader, tracks []*Track, main *Track, opts SubscribeOptions) *modelReader {
	m.used++
	mr := &modelReader{Reader: r, m: m, wanted: map[*Track]bool{}, liveAudio: opts.LiveAudio, lastGate: -1}
	mr.maxLag, mr.maxBytes = m.limits.MaxLag, int(m.limits.MaxLagBytes)
	if opts.MaxLag != 0 {
		mr.maxLag = opts.MaxLag
	}
	if opts.MaxLagBytes != 0 {
		mr.maxBytes = int(opts.MaxLagBytes)
	}
	if opts.Tracks != nil {
		tracks = opts.Tracks
	}
	for _, t := range tracks {
		mr.wanted[t] = true
		if mr.gate == nil && t.Kind == Video {
			mr.gate = t
		}
	}
	mr.cached = mr.gate != nil && mr.gate == main
	mr.pos, mr.edge = len(m.all), len(m.all)
	mr.needKey = mr.gate != nil
	if key := m.key(); mr.cached && key >= 0 {
		mr.pos, mr.needKey = key, false
	}
	mr.start = mr.pos
	return mr
}

func (r *modelReader) late(i int) bool {
	return r.m.age(i) > r.maxLag || r.m.held(i)-r.m.all[i].unit.cost() > r.maxBytes
}

func (r *modelReader) jump(reason SkipReason) {
	to := len(r.m.all)
	r.needKey = r.gate != nil
	if key := r.m.key(); r.cached && key >= r.pos && !r.late(key) {
		to, r.needKey = key, false
	}
	r.skipped[reason] += uint64(to - r.pos)
	r.pos, r.caughtUp = to, true
}

// next returns the index of the next Unit, -1 when there is none.
func (r *modelReader) next() int {
	for r.pos < len(r.m.all) {
		i := r.pos
		u := r.m.all[i].unit
		switch {
		case i < r.m.tail:
			r.jump(SkipEvicted)
		case r.caughtUp && r.late(i):
			r.jump(SkipLag)
		case r.needKey && (u.Track != r.gate || !u.RandomAccess):
			r.skipped[SkipNoKey]++
			r.pos++
		default:
			r.needKey = false
			r.pos++
			if r.wanted[u.Track] && !(r.liveAudio && i < r.edge && u.Track.Kind == Audio) {
				r.got++
				return i
			}
			r.filtered++
		}
	}
	r.caughtUp = true
	return -1
}

// check compares one Poll with the model, and with what must hold in any case.
func (r *modelReader) check(t *testing.T) (more bool) {
	t.Helper()
	u, ok := r.Poll()
	i := r.next()
	switch {
	case i < 0 && ok:
		t.Fatalf("Poll returned Unit %d, want none", u.pos)
	case i < 0:
	case !ok:
		t.Fatalf("Poll returned nothing, want Unit %d", i)
	case u != r.m.all[i].unit:
		t.Fatalf("Poll returned Unit %d, want %d", u.pos, i)
	case u.Track == r.gate:
		before := i - 1
		for before >= 0 && r.m.all[before].unit.Track != r.gate {
			before--
		}
		if !u.RandomAccess && (before < 0 || before != r.lastGate) {
			t.Fatalf("Unit %d needs %d, and the reader had %d", i, before, r.lastGate)
		}
		r.lastGate = i
	}
	if r.Cached(&Unit{pos: uint64(r.pos)}) != (r.pos < r.edge) {
		t.Fatalf("the edge is not %d", r.edge)
	}
	st := r.Stats()
	if st.Skipped != r.skipped {
		t.Fatalf("skipped %v, want %v", st.Skipped, r.skipped)
	}
	sum := r.got + r.filtered
	for _, n := range st.Skipped {
		sum += n
	}
	if passed := r.pos - r.start; sum != uint64(passed) || i < 0 && r.pos != len(r.m.all) {
		t.Fatalf("%d Units passed by of %d, and the counters add up to %d", passed, len(r.m.all)-r.start, sum)
	}
	return ok
}
