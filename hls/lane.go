package hls

import (
	"fmt"
	"time"

	"github.com/camgate/camgate"
)

// The timestamps of one track jump when they move by more than maxGap and no regular
// interval explains it, and in any case by more than maxHold.
const (
	maxGap  = time.Second
	maxHold = 10 * time.Second
)

// lane is the way of one track into parts.
type lane struct {
	track    *camgate.Track
	order    reorder // video only
	interval int64   // ticks between access units, as seen last
	newest   int64   // presentation time
	pending  *sample // its duration is known when the next one is here
	samples  []sample
	first    *sample // in the first segment, for the prelude
}

func newSample(u *camgate.Unit, dts int64) *sample {
	au := inFile(u.Track, u.AU)
	return &sample{
		dts: dts, cts: int32(u.PTS - dts), sync: u.RandomAccess, au: au,
		size: sampleSize(au, hasNALUs(u.Track)),
	}
}

// jumps reports whether u does not continue what came before it: the source was
// away, or began to count anew.
func (l *lane) jumps(u *camgate.Unit) bool {
	gap := l.track.Duration(u.PTS - l.newest)
	switch {
	case gap < -2*maxGap, gap > maxHold:
		return true
	case gap > maxGap && u.RandomAccess:
		return u.PTS-l.newest > 4*l.interval
	}
	return false
}

// push moves the pending sample into the open part now that the next one is known.
func (l *lane) push(next int64) error {
	d := next - l.pending.dts
	if d <= 0 {
		return fmt.Errorf("%s timestamps go back by %v", l.track.Codec, l.track.Duration(-d))
	}
	if l.track.Kind == camgate.Audio && l.track.Duration(d) > maxGap {
		d = l.interval // a hole in the sound stays one
	}
	l.pending.dur, l.interval = uint32(d), d
	if l.first == nil {
		l.first = l.pending
	}
	l.samples = append(l.samples, *l.pending)
	l.pending = nil
	return nil
}
