package webrtc

import (
	"sync"
	"time"

	"github.com/camgate/camgate"
)

const (
	// farOff is how far apart, by their sender reports, the tracks of a publisher may be
	// from what their arrival says: more is a fault of the reports.
	farOff = 5 * time.Second
	// A difference over stepOver is put right at once, a smaller one by slewTo of the time.
	stepOver = 100 * time.Millisecond
	slewTo   = 50
)

// publisherClock brings the timestamps of a publisher's tracks onto one clock: at first by
// when they arrive, then as its sender reports say (RFC 3550 section 6.4.1).
type publisherClock struct {
	mu     sync.Mutex
	start  time.Time
	tracks []trackClock
	main   int // by which the others go
}

type trackClock struct {
	track    *camgate.Track
	begun    bool
	newest   uint32        // timestamp
	ticks    int64         // of newest, counted on from the first one
	offset   time.Duration // of the first one on the clock
	want     time.Duration // what offset is to become
	reported bool
	ntp      time.Duration // wall clock of the newest report
	at       int64         // and its timestamp, as ticks
}

func newPublisherClock(tracks []*camgate.Track) *publisherClock {
	c := &publisherClock{tracks: make([]trackClock, len(tracks))}
	for i, t := range tracks {
		c.tracks[i].track = t
		if t.Kind == camgate.Video {
			c.main = i
		}
	}
	return c
}

// time returns the presentation time of a packet, in ticks of its track.
func (c *publisherClock) time(i int, stamp uint32, arrived time.Time) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &c.tracks[i]
	if !t.begun {
		if c.start.IsZero() {
			c.start = arrived
		}
		t.begun, t.newest = true, stamp
		t.offset = arrived.Sub(c.start)
		t.want = t.offset
		c.align()
	}
	passed := int64(int32(stamp - t.newest))
	t.ticks += passed
	t.newest = stamp
	if passed > 0 && t.offset != t.want {
		step := t.want - t.offset
		if most := t.track.Duration(passed) / slewTo; step.Abs() <= stepOver && step.Abs() > most {
			step = min(max(step, -most), most)
		}
		t.offset += step
	}
	return t.track.Ticks(t.offset) + t.ticks
}

// report takes a sender report.
func (c *publisherClock) report(i int, ntp uint64, stamp uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &c.tracks[i]
	if !t.begun || ntp == 0 {
		return
	}
	t.reported = true
	t.ntp = time.Duration(ntp>>32)*time.Second + time.Duration(ntp&0xffffffff*uint64(time.Second)>>32)
	t.at = t.ticks + int64(int32(stamp-t.newest))
	c.align()
}

// align sets where the tracks are to be, relative to the main one; mu is held.
func (c *publisherClock) align() {
	m := &c.tracks[c.main]
	if !m.reported {
		return
	}
	// Wall clock of the clock's zero, by the main track.
	zero := m.ntp - m.offset - m.track.Duration(m.at)
	for i := range c.tracks {
		t := &c.tracks[i]
		if i == c.main || !t.reported {
			continue
		}
		if want := t.ntp - t.track.Duration(t.at) - zero; (want - t.offset).Abs() < farOff {
			t.want = want
		}
	}
}
