package camera

import (
	"bytes"
	"math"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
	"github.com/camgate/camgate/internal/v4l2"
)

// filled is a buffer that a device gave back: v4l2.Queue, or a test.
type filled interface {
	Planes() int
	Data(b *v4l2.Buffer, plane int) []byte
}

// take publishes what is in a buffer. The buffer is free again afterwards.
func (c *capture) take(from filled, b *v4l2.Buffer) {
	lost := 0
	if gap := b.Sequence - c.sequence - 1; c.begun && gap > 0 && gap < 1<<16 {
		lost = int(gap)
		c.source.lost.Add(uint64(gap))
	}
	c.begun, c.sequence = true, b.Sequence
	sm := ingest.Sample{Discontinuity: c.lost || lost > 0}
	if !b.Broken {
		c.fill(&sm, from, b)
	}
	if sm.AU == nil {
		c.source.broken.Add(1)
		c.lost = true
		return
	}
	now, device := clocks()
	at, age := c.clock.time(b, device)
	sm.PTS, sm.Taken = c.track.Ticks(at), now.Add(-age)
	if c.track.Codec == camgate.MJPEG || c.track.Codec == camgate.Raw {
		sm.Discontinuity = false // each picture stands alone
	}
	c.lost = false
	if c.writer.Write(sm) != nil {
		c.source.broken.Add(1)
		return
	}
	c.source.pictures.Add(1)
}

// fill makes the access unit of a buffer; none: it is broken.
func (c *capture) fill(sm *ingest.Sample, from filled, b *v4l2.Buffer) {
	switch c.track.Codec {
	case camgate.MJPEG:
		if file := c.jpegs.take(from.Data(b, 0)); file != nil {
			sm.AU = [][]byte{file}
		}
	case camgate.Raw:
		c.planes = c.planes[:0]
		for i := range from.Planes() {
			c.planes = append(c.planes, from.Data(b, i))
		}
		if p := c.raw.take(c.planes); p != nil {
			sm.AU, sm.Memory = p.au, p
		}
	default:
		sm.AU = splitAnnexB(bytes.Clone(from.Data(b, 0)))
	}
}

// clocks looks at our clock and at that of the devices, in nanoseconds, at one moment:
// on a busy machine, much may come in between. Of some looks the shortest is the best.
func clocks() (now time.Time, device int64) {
	const looks, short = 5, 20 * time.Microsecond
	least := time.Duration(math.MaxInt64)
	for range looks {
		before := time.Now()
		read := v4l2.Monotonic()
		if took := time.Since(before); took < least {
			least, now, device = took, before.Add(took/2), read
		}
		if least < short {
			break
		}
	}
	return now, device
}

const (
	// A time stamp later than now, or older than that, is not one of the clock that it
	// should be of.
	maxAhead = 100 * time.Millisecond
	maxAge   = 5 * time.Second
)

// clock gives pictures their times: those of the device, by which they were taken. Where
// these make no sense it is the time of their arrival, on the same clock.
type clock struct {
	started bool
	first   int64 // microseconds
	last    int64
}

// time returns when a picture was taken, from the first one on, and how long that is
// ago; now is in nanoseconds on the device's clock.
func (c *clock) time(b *v4l2.Buffer, now int64) (at, age time.Duration) {
	micros := b.Micros
	age = time.Duration(now - micros*1000)
	if !b.Monotonic || age < -maxAhead || age > maxAge {
		micros, age = now/1000, 0
	}
	if !c.started {
		c.started, c.first = true, micros
	} else if micros <= c.last {
		micros = c.last + 1 // pictures have an order
	}
	c.last = micros
	return time.Duration(micros-c.first) * time.Microsecond, max(age, 0)
}
