package webrtc

import (
	"testing"
	"time"
)

// ride lets a ladder run on a network for some time, and returns the times of changes.
func ride(t *testing.T, l *ladder, n *network, d time.Duration) (changes []time.Duration) {
	t.Helper()
	begin := n.now
	for n.now.Sub(begin) < d {
		size := int(l.rates[l.rung] / 8 / 25)
		size += l.fill(n.now, size)
		n.send(size, frameTime)
		if n.e.told {
			n.e.told = false
			l.queue(time.Duration(n.e.recent) * time.Microsecond)
		}
		if to := l.step(n.now, n.e.verdict); to != l.rung {
			t.Logf("%6v: %d -> %d %+v", n.now.Sub(begin).Round(time.Millisecond), l.rung, to, n.e.verdict)
			l.went(n.now, to)
			changes = append(changes, n.now.Sub(begin))
		}
	}
	return changes
}

func TestLadder(t *testing.T) {
	newLadder := func() *ladder { return &ladder{rates: []float64{4e6, 400e3}, probes: true} }
	t.Run("it fits", func(t *testing.T) {
		if c := ride(t, newLadder(), newNetwork(t, 10e6), 2*time.Minute); len(c) > 0 {
			t.Errorf("changes after %v", c)
		}
	})
	t.Run("down at once, and no more", func(t *testing.T) {
		l := newLadder()
		c := ride(t, l, newNetwork(t, 1e6), 10*time.Minute)
		if len(c) != 1 || c[0] > 1500*time.Millisecond || l.rung != 1 {
			t.Errorf("changes after %v", c)
		}
		if l.wait != upMost {
			t.Errorf("it is tried each %v", l.wait)
		}
	})
	t.Run("a probe does not make a long queue", func(t *testing.T) {
		l, n := newLadder(), newNetwork(t, 1e6)
		ride(t, l, n, 4*time.Second)
		longest := time.Duration(0)
		for range 60 {
			ride(t, l, n, frameTime*10)
			longest = max(longest, n.free-n.now.Sub(n.start))
		}
		if longest > 400*time.Millisecond || l.wait < 2*upFirst {
			t.Errorf("%v, and it is tried each %v", longest, l.wait)
		}
	})
	t.Run("up again", func(t *testing.T) {
		l, n := newLadder(), newNetwork(t, 1e6)
		ride(t, l, n, 4*time.Second)
		n.rate = 20e6
		c := ride(t, l, n, time.Minute)
		if len(c) != 1 || c[0] > 2*upFirst || l.rung != 0 {
			t.Errorf("changes after %v", c)
		}
	})
	t.Run("losses", func(t *testing.T) {
		l, n := newLadder(), newNetwork(t, 20e6)
		n.lose = 5
		if c := ride(t, l, n, 30*time.Second); len(c) != 1 || l.rung != 1 {
			t.Errorf("changes after %v", c)
		}
	})
	t.Run("of three", func(t *testing.T) {
		l := &ladder{rates: []float64{4e6, 2e6, 400e3}, probes: true}
		c := ride(t, l, newNetwork(t, 1e6), time.Minute)
		if len(c) != 2 || l.rung != 2 {
			t.Errorf("changes after %v", c)
		}
	})
}

// Of a viewer that tells shares and sums only, it is tried whether more fits: ever more
// rarely.
func TestLadderTrials(t *testing.T) {
	l := &ladder{rates: []float64{4e6, 400e3}}
	now, count := time.Now(), 0
	end := now.Add(20 * time.Minute)
	ups, above := 0, time.Duration(0)
	for ; now.Before(end); now = now.Add(time.Second) {
		count++
		v := verdict{count: count, full: l.rung == 0, heavily: l.rung == 0}
		to := l.step(now, v)
		if l.rung == 0 {
			above += time.Second
		}
		if to != l.rung {
			if to == 0 {
				ups++
			}
			l.went(now, to)
		}
	}
	if ups < 5 || ups > 15 || above > 40*time.Second {
		t.Errorf("%d trials, %v in all", ups, above)
	}
}
