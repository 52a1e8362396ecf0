package ingest

import (
	"fmt"
	"time"

	"github.com/camgate/camgate"
)

const (
	// defaultStall is how long there may be no complete access unit.
	defaultStall = 10 * time.Second
	// watchTick is how often a source is looked at.
	watchTick = 100 * time.Millisecond
)

// pulse tells whether what fills a stream is alive, be it a source or a publisher: by
// complete access units, not by bytes.
type pulse struct {
	stream *camgate.Stream
	stall  time.Duration // how long there may be none
	count  uint64        // of access units that keep it alive
	last   time.Time     // when the last one came, or it began
}

func newPulse(s *camgate.Stream, stall time.Duration) pulse {
	p := pulse{stream: s, stall: stall, last: time.Now()}
	_, p.count = p.alive()
	return p
}

// alive counts the access units that show that a source is well: pictures, and of a
// source without any, sound. A frozen picture with sound to it is a frozen picture.
func (p *pulse) alive() (kind camgate.Kind, n uint64) {
	kind = camgate.Data
	for _, t := range p.stream.Tracks() {
		switch {
		case t.Kind == camgate.Video:
			return t.Kind, t.Arrived()
		case t.Kind == camgate.Audio && kind != camgate.Audio:
			kind, n = camgate.Audio, t.Arrived()
		case t.Kind == kind:
			n += t.Arrived()
		}
	}
	return kind, n
}

// beat reports whether something came since it was asked last, and after what time.
func (p *pulse) beat(now time.Time) (gap time.Duration, ok bool) {
	_, n := p.alive()
	if n == p.count {
		return 0, false
	}
	gap = now.Sub(p.last)
	p.count, p.last = n, now
	return gap, true
}

func (p *pulse) quiet(now time.Time) time.Duration { return now.Sub(p.last) }

// stalled returns why the stream does not count as live any more; nil: it does.
func (p *pulse) stalled(now time.Time) error {
	if p.quiet(now) < p.stall/4 {
		return nil
	}
	return p.tooQuiet(now)
}

// tooQuiet says what it is that does not come any more.
func (p *pulse) tooQuiet(now time.Time) error {
	what := "no data"
	switch kind, _ := p.alive(); kind {
	case camgate.Video:
		what = "no picture"
	case camgate.Audio:
		what = "no sound"
	case camgate.Data:
	}
	return fmt.Errorf("%w: %s for %s", camgate.ErrTimeout, what, p.quiet(now).Round(100*time.Millisecond))
}
