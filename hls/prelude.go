package hls

import (
	"slices"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"github.com/camgate/camgate"
)

// The prelude is what a playlist has before the first real segment: the first
// picture, standing still, and silence. Players want whole segments in a playlist
// and begin some way before its newest part, but the first real segment is whole
// only when the next keyframe comes, and at first there is next to nothing in it.
// With a prelude the first viewer gets a playlist at once and a picture with it.
//
// It has two segments, since some players lose their way in a playlist when only one
// is left of those they know. The second one is longer than PART-HOLD-BACK.
var prelude = [...]int{1, 4} // parts by segment

const preludeParts = 5

// addPrelude puts the prelude before the first segment, which is open and has parts.
// It reports false when that cannot be done.
func (g *segmenter) addPrelude() bool {
	lead := g.lanes[0]
	if lead.track.Kind == camgate.Audio && lead.silence() == nil {
		return false
	}
	first := g.open.parts[0]
	at := -preludeParts // in parts, before the first real one
	for i, n := range prelude {
		s := &segment{
			msn: g.open.msn - uint64(len(prelude)-i), header: g.open.header,
			start:    g.open.start.Add(time.Duration(at) * first.duration),
			duration: time.Duration(n) * first.duration, independent: true,
		}
		for range n {
			p := g.still(time.Duration(at)*first.duration, first.duration, i == 0)
			p.id = first.id - uint64(-at)
			s.parts = append(s.parts, p)
			s.size += p.size
			at++
		}
		s.finish(lead.track.Kind)
		g.complete = append(g.complete, s)
	}
	return true
}

// still makes a part of the first picture and of silence; at is its time from the
// begin of the first segment, so negative. When paced, the picture is repeated at the
// pace of the stream, from which some players learn it; else there is one of it.
func (g *segmenter) still(at, d time.Duration, paced bool) *part {
	var runs []run
	var clocks []int
	for i, l := range g.lanes {
		t := l.track
		from := t.Ticks(g.lanes[0].track.Duration(g.segStart) + at)
		to := from + t.Ticks(d)
		var samples []sample
		if t.Kind == camgate.Video {
			step := to - from
			if paced {
				step = l.interval
			}
			for dts := from; dts < to; dts += step {
				if dts+step > to-step/2 {
					step = to - dts // the last one, as no pace needs to fit
				}
				s := l.alone()
				s.dts, s.dur = dts, uint32(step)
				samples = append(samples, s)
			}
		} else if quiet := l.silence(); quiet != nil {
			samples = quiet.fill(from, to)
		}
		if len(samples) > 0 {
			runs = append(runs, run{track: uint32(i + 1), video: t.Kind == camgate.Video, nalus: hasNALUs(t), samples: samples})
			clocks = append(clocks, t.ClockRate)
		}
	}
	return &part{duration: d, independent: true, blob: newMedia(fragment(0, runs, clocks), g.lanes[0].track.Kind)}
}

// endOfSequence is the NAL unit that makes the next H265 picture the first one of a
// sequence (ISO/IEC 23008-2 section 7.4.2.4.4, EOS_NUT).
var endOfSequence = []byte{36 << 1, 1}

// alone is the lane's first picture with nothing before or after it. A CRA picture
// of H265 goes on counting where the picture before it ended, unless that ended a
// sequence; an IDR picture always begins to count anew.
func (l *lane) alone() sample {
	s := *l.first
	if l.track.Codec == camgate.H265 {
		s.au = append(slices.Clip(s.au), endOfSequence)
		s.size += naluLength + len(endOfSequence)
	}
	return s
}

// silence is an access unit with no sound in it.
type silence struct {
	au    []byte
	ticks int64
}

// silence returns nothing to be heard in the lane's codec, nil when there is none.
func (l *lane) silence() *silence {
	switch l.track.Codec {
	case camgate.Opus:
		// RFC 6716 section 3.1: CELT, full band, 20 ms, mono; no bits are set in it.
		return &silence{[]byte{0xf8, 0xff, 0xfe}, 960}
	case camgate.AAC:
		var conf mpeg4audio.AudioSpecificConfig
		if conf.Unmarshal(l.track.Params().Config) != nil || conf.Type != mpeg4audio.ObjectTypeAACLC || conf.ExtensionType != 0 ||
			conf.FrameLengthFlag || conf.SampleRate != l.track.ClockRate { // HE-AAC, told or not, and short frames
			return nil
		}
		// ISO/IEC 14496-3 table 4.3: one channel element without bands, and the end.
		switch conf.ChannelConfig {
		case 1:
			return &silence{[]byte{0x00, 0xc8, 0x00, 0x07}, 1024}
		case 2:
			return &silence{[]byte{0x21, 0x00, 0x03, 0x20, 0x64, 0x1c}, 1024}
		}
	}
	return nil
}

// fill returns silence that begins at from or up to an access unit later and ends
// before to or up to an access unit earlier: neighbours that are filled alike fit.
func (q *silence) fill(from, to int64) []sample {
	var out []sample
	for dts := from - mod(from, q.ticks) + q.ticks; dts+q.ticks <= to-mod(to, q.ticks)+q.ticks; dts += q.ticks {
		out = append(out, sample{dts: dts, dur: uint32(q.ticks), sync: true, size: len(q.au), au: [][]byte{q.au}})
	}
	return out
}

func mod(a, b int64) int64 { return (a%b + b) % b }
