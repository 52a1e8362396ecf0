package e2e

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
)

// counter is a viewer that stays and counts what it gets.
type counter interface {
	frames() int64 // complete access units, by marker bits or parts
	lost() int64   // packets of the video that are missing, by their sequence numbers
	ended() error  // why it is not connected any more
	// pause is the longest time between two pictures since it was asked last, the time
	// since the last one included.
	pause() time.Duration
}

// tally is the common part of the viewers.
type tally struct {
	n       atomic.Int64
	mu      sync.Mutex
	seq     map[uint32]uint16 // the highest one by SSRC
	missing map[uint64]bool   // by SSRC and sequence number
	err     error
	last    time.Time // of the last picture
	widest  time.Duration
}

func (c *tally) frames() int64 { return c.n.Load() }

func (c *tally) lost() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int64(len(c.missing))
}

func (c *tally) pause() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	widest := c.widest
	if !c.last.IsZero() {
		widest = max(widest, time.Since(c.last))
	}
	c.widest = 0
	return widest
}

func (c *tally) ended() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *tally) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
}

// packet notes one that comes for the first time.
func (c *tally) packet(p *rtp.Packet) {
	c.mu.Lock()
	if c.seq == nil {
		c.seq, c.missing = map[uint32]uint16{}, map[uint64]bool{}
	}
	last, ok := c.seq[p.SSRC]
	id := func(seq uint16) uint64 { return uint64(p.SSRC)<<16 | uint64(seq) }
	if ok && int16(p.SequenceNumber-last) <= 0 { // late
		delete(c.missing, id(p.SequenceNumber))
	} else {
		for seq := last + 1; ok && seq != p.SequenceNumber; seq++ {
			c.missing[id(seq)] = true
		}
		c.seq[p.SSRC] = p.SequenceNumber
	}
	c.mu.Unlock()
	c.picture(p)
}

// picture counts the packet if it is the last one of a picture.
func (c *tally) picture(p *rtp.Packet) {
	if !p.Marker {
		return
	}
	now := time.Now()
	c.mu.Lock()
	if !c.last.IsZero() {
		c.widest = max(c.widest, now.Sub(c.last))
	}
	c.last = now
	c.mu.Unlock()
	c.n.Add(1)
}
