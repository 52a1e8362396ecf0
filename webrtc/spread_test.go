package webrtc

import (
	"testing"
	"time"
)

// bottleneck is a network of so many packets a second, with a queue that holds a few.
type bottleneck struct {
	each  time.Duration // for a packet
	queue time.Duration // that it holds
	free  time.Duration // when the last packet is through
}

func (b *bottleneck) take(at time.Duration) (ok bool) {
	if b.free = max(b.free, at); b.free-at > b.queue {
		return false
	}
	b.free += b.each
	return true
}

// A picture that is larger than the queue of a network is spread until it fits; others are
// not touched: no network with room for it waits for a picture, nor does one that loses
// packets for other reasons.
func TestSpread(t *testing.T) {
	const packet = 1200 * 8
	for _, c := range []struct {
		name       string
		rate       int // bit/s
		queue      int // packets
		loss       int // of a hundred packets, besides
		late       time.Duration
		once, fits bool // all at once from beginning to end; at the end nothing is missed
	}{
		{"fast", 100_000_000, 1000, 0, 0, true, true},
		{"slow, with a long queue", 6_000_000, 200, 0, 0, true, true},
		{"wireless", 20_000_000, 200, 5, 0, true, false},
		{"slow", 6_000_000, 60, 0, spreadMost, false, true},
		{"slow, with a short queue", 10_000_000, 30, 0, spreadMost, false, true},
		{"hopeless", 1_000_000, 30, 0, spreadMost, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s spread
			var seq uint16 = 65_000
			each := time.Duration(packet) * time.Second / time.Duration(c.rate)
			net := bottleneck{each: each, queue: time.Duration(c.queue) * each}
			var late time.Duration
			missed := 0
			for key := range 12 {
				missed = 0
				at := time.Duration(key) * 2 * time.Second
				for picture := range 50 {
					size := 8
					if picture == 0 {
						size = 125
					}
					begin := at + time.Duration(picture)*40*time.Millisecond
					pause := s.begin(seq, size)
					n := 1
					if pause > 0 {
						n = piece(pause)
					}
					for i := range size {
						sent := begin + time.Duration(i/n*n)*pause
						if picture == 0 {
							late = max(late, sent-begin)
						}
						if lost := c.loss > 0 && int(seq)%100 < c.loss; lost || !net.take(sent) {
							s.miss(seq)
							if picture == 0 {
								missed++
							}
						}
						seq++
					}
				}
			}
			if late > c.late || c.once && s.pause != 0 || !c.once && s.pause == 0 {
				t.Errorf("a picture is spread over %v", late)
			}
			if c.fits && missed > 0 {
				t.Errorf("%d packets of the last keyframe are missed", missed)
			}
			t.Logf("spread over %v, %v between packets, missed %d at last", late, s.pause, missed)
		})
	}
}
