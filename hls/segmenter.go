package hls

import (
	"errors"
	"fmt"
	"time"

	"github.com/camgate/camgate"
)

// part is a piece of a segment that is served as soon as it is there.
type part struct {
	id          uint64
	duration    time.Duration
	independent bool // it begins with a keyframe
	*blob
}

// segment is what lies between two keyframes at least Options.Segment apart.
type segment struct {
	msn           uint64 // media sequence number
	header        *header
	start         time.Time // wall clock
	duration      time.Duration
	discontinuity bool // its timestamps or parameters do not follow those before it
	independent   bool
	parts         []*part
	size          int
	whole         *blob // nil while the segment is open
}

const (
	// A segment without a keyframe in sight is cut all the same: what it holds
	// counts against memory.
	maxSegment     = 15 * time.Second
	maxSegmentSize = 32 << 20
	// After so long the source is asked for a keyframe, should it be able to.
	askForKey = 6 * time.Second
)

// segmenter cuts Units into parts and segments. One goroutine uses it.
type segmenter struct {
	opts   Options
	askKey func()

	lanes []*lane // the first one leads
	sets  sets    // of the header
	audio *camgate.Params

	header    *header  // nil: nothing to begin with yet
	open      *segment // nil: waits for a keyframe
	segStart  int64    // decoding time, ticks of the leading track
	partStart int64
	broken    bool // the next segment begins with a discontinuity

	nextMSN, nextPart uint64
	complete          []*segment // taken away by the muxer
	changed           bool
}

// begin makes the segmenter go on with other tracks.
func (g *segmenter) begin(tracks []*camgate.Track) {
	g.flush()
	g.header, g.lanes = nil, nil
	for _, t := range tracks {
		l := &lane{track: t, interval: int64(t.ClockRate / 25)}
		if t.Kind == camgate.Audio {
			l.interval = int64(t.ClockRate / 50)
		}
		g.lanes = append(g.lanes, l)
	}
}

// write takes the next Unit of the stream. An error says that it was left out.
func (g *segmenter) write(u *camgate.Unit) error {
	for i, l := range g.lanes {
		switch {
		case l.track != u.Track:
		case i == 0:
			return g.lead(l, u)
		default:
			return g.follow(l, u)
		}
	}
	return nil
}

// lead takes a Unit of the leading track.
func (g *segmenter) lead(l *lane, u *camgate.Unit) error {
	if g.open != nil && l.jumps(u) {
		g.flush()
	}
	if u.RandomAccess {
		if err := g.refresh(l, u); err != nil {
			return err
		}
	}
	if g.header == nil || g.open == nil && !u.RandomAccess {
		return nil
	}
	if g.open == nil {
		l.order = reorder{depth: depthOf(l.track, g.sets)}
	}
	dts := u.PTS
	if l.track.Kind == camgate.Video {
		dts = l.order.next(u.PTS, l.interval)
	}
	s := newSample(u, dts)
	if dts+timeShift*int64(l.track.ClockRate) < 0 {
		return errors.New("timestamp below zero")
	}
	if g.open == nil {
		g.openSegment(u, dts)
	} else {
		if err := l.push(dts); err != nil {
			return err
		}
		g.cut(l, u, dts)
	}
	l.pending, l.newest = s, max(l.newest, u.PTS)
	return nil
}

// follow takes a Unit of another track: it goes into whatever part is open.
func (g *segmenter) follow(l *lane, u *camgate.Unit) error {
	lead := g.lanes[0]
	if g.open == nil || l.pending == nil && u.Time() < lead.track.Duration(g.segStart) {
		return nil
	}
	if len(l.samples) > 2000 {
		return fmt.Errorf("%s without %s", l.track.Codec, lead.track.Codec)
	}
	if l.pending != nil {
		if err := l.push(u.PTS); err != nil {
			return err
		}
	}
	l.pending = newSample(u, u.PTS)
	return nil
}

// refresh looks for parameters that changed and makes a new header then.
func (g *segmenter) refresh(l *lane, u *camgate.Unit) error {
	var now sets
	if l.track.Kind == camgate.Video {
		now = setsIn(l.track, u.AU)
	}
	var audio *camgate.Params
	if last := g.lanes[len(g.lanes)-1]; last.track.Kind == camgate.Audio {
		audio = last.track.Params()
	}
	if g.header != nil && now.equal(g.sets) && audio == g.audio {
		return nil
	}
	tracks := make([]*camgate.Track, len(g.lanes))
	for i, l := range g.lanes {
		tracks[i] = l.track
	}
	h, err := newHeader(tracks, now)
	if err == nil && g.header != nil && h.name == g.header.name {
		g.audio = audio // said again, not changed
		return nil
	}
	g.flush()
	g.header, g.sets, g.audio = h, now, audio
	if h != nil && h.fps > 0 {
		l.interval = int64(float64(l.track.ClockRate) / h.fps)
	}
	return err
}

// cut ends the open part or segment before the leading sample at dts, if it is time.
func (g *segmenter) cut(l *lane, u *camgate.Unit, dts int64) {
	since := l.track.Duration(dts - g.partStart)
	whole := l.track.Duration(dts - g.segStart)
	interval := l.track.Duration(l.interval)
	switch {
	case u.RandomAccess && whole >= g.opts.Segment-g.opts.Segment/16,
		whole >= maxSegment, g.open.size > maxSegmentSize:
		g.cutPart(dts)
		g.closeSegment(dts)
		g.openSegment(u, dts)
		return
	case u.RandomAccess && l.track.Kind == camgate.Video && since >= g.opts.Part/2, // so that a player can start here
		since+interval/2 >= g.opts.Part: // as near to the aim as pictures allow
		g.cutPart(dts)
	}
	if whole > askForKey && l.track.Kind == camgate.Video {
		g.askKey()
	}
}

func (g *segmenter) openSegment(u *camgate.Unit, dts int64) {
	g.open = &segment{
		msn: g.nextMSN, header: g.header, start: u.NTP,
		discontinuity: g.broken, independent: u.RandomAccess,
	}
	g.nextMSN++
	g.broken = false
	g.segStart, g.partStart = dts, dts
}

// cutPart makes a part of what is there; end is where the next one begins.
func (g *segmenter) cutPart(end int64) {
	var runs []run
	var clocks []int
	for i, l := range g.lanes {
		if len(l.samples) > 0 {
			runs = append(runs, run{track: uint32(i + 1), video: l.track.Kind == camgate.Video, nalus: hasNALUs(l.track), samples: l.samples})
			clocks = append(clocks, l.track.ClockRate)
		}
	}
	lead := g.lanes[0]
	if len(lead.samples) == 0 {
		return
	}
	p := &part{
		id:          g.nextPart,
		duration:    lead.track.Duration(end - g.partStart),
		independent: lead.samples[0].sync,
		blob:        newMedia(fragment(uint32(g.nextPart), runs, clocks), lead.track.Kind),
	}
	for _, l := range g.lanes {
		clear(l.samples) // lets go of the access units
		l.samples = l.samples[:0]
	}
	g.nextPart++
	g.partStart = end
	g.open.parts = append(g.open.parts, p)
	g.open.size += p.size
	g.changed = true
}

func (g *segmenter) closeSegment(end int64) {
	s := g.open
	g.open = nil
	lead := g.lanes[0].track
	s.duration = lead.Duration(end - g.segStart)
	s.finish(lead.Kind)
	g.complete = append(g.complete, s)
	g.changed = true
}

// finish makes the whole of the parts, without a copy.
func (s *segment) finish(lead camgate.Kind) {
	pieces := make([][]byte, len(s.parts))
	for i, p := range s.parts {
		pieces[i] = p.pieces[0]
	}
	s.whole = newBlob(mediaType(lead), pieces...)
}

// flush ends the open segment with what is there: what comes next does not follow it.
func (g *segmenter) flush() {
	if g.open == nil {
		return
	}
	end := g.lanes[0].pending.dts + g.lanes[0].interval
	for _, l := range g.lanes {
		if l.pending != nil {
			_ = l.push(l.pending.dts + l.interval) // forward: cannot fail
		}
	}
	g.cutPart(end)
	g.closeSegment(end)
	for _, l := range g.lanes {
		l.newest = 0
	}
	g.broken = true
}
