package webrtc

import (
	"time"

	"github.com/camgate/camgate"
)

const (
	// spreadMost is the longest time over which one picture is spread: it is late by that.
	spreadMost = 250 * time.Millisecond
	// spreadLeast is how many packets a picture has that may be: what is smaller finds room
	// in the queue of any network.
	spreadLeast = 24
	// spreadPiece is the time between two pieces of a picture, about: timers are no finer.
	spreadPiece = 4 * time.Millisecond
	// spreadFine is a pause that is as good as none: packets at 100 Mbit/s.
	spreadFine = 100 * time.Microsecond
)

// spread finds out how fast the packets of a large picture, a keyframe as a rule, may
// follow each other. All at once is best, and what every viewer gets at first: nothing is
// sooner, and a network that has room for them loses nothing. Where an eighth of such a
// picture is missed its queue is too short, and the next ones are given more time; where
// less is, which may be for other reasons, a little less time each. The sound behind a
// picture waits no longer for it here than it would in the network's queue. It is guarded
// by the transport's mu.
type spread struct {
	pause time.Duration // of each packet; 0: they go at once

	// The newest large picture.
	first  uint16 // sequence number
	size   int    // packets
	missed int    // of them, as the viewer tells
}

// begin takes a picture's first sequence number and its packets, and returns the pause
// between these.
func (s *spread) begin(first uint16, size int) time.Duration {
	if size < spreadLeast {
		return 0
	}
	switch {
	case s.missed*8 > s.size:
		s.pause = max(2*s.pause, spreadMost/4/time.Duration(s.size))
	case s.pause > spreadFine:
		s.pause -= s.pause / 16
	default:
		s.pause = 0
	}
	s.pause = min(s.pause, spreadMost/time.Duration(size))
	s.first, s.size, s.missed = first, size, 0
	return s.pause
}

// miss takes the number of a packet that the viewer misses.
func (s *spread) miss(seq uint16) {
	if int(seq-s.first) < s.size {
		s.missed++
	}
}

// piece is how many packets go at once, with that pause of each.
func piece(pause time.Duration) int { return max(1, int(spreadPiece/pause)) }

// pause is that of each packet of a unit, see spread.
func (v *viewer) pause(l *lane, u *camgate.Unit) time.Duration {
	if l.kind != camgate.Video {
		return 0
	}
	v.transport.mu.Lock()
	defer v.transport.mu.Unlock()
	return v.spread.begin(uint16(l.next), u.PacketCount())
}

// rest waits; it returns false when the session ends meanwhile.
func (v *viewer) rest(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-v.ctx.Done():
		return false
	}
}
