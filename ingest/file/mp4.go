package file

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/pmp4"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

const (
	// maxFragmented bounds a fragmented file, which is read as a whole, in bytes.
	maxFragmented = 512 << 20
	// maxSample bounds a sample in bytes.
	maxSample = 8 << 20
)

// mp4 is an MP4 file.
type mp4 struct {
	list []*camgate.Track
	from []*mp4Track
	left []string // codecs of tracks that cannot be played
}

// mp4Track walks through the samples of one track.
type mp4Track struct {
	id      int // index in mp4.list
	codec   codecs.Codec
	scale   int   // ticks per second
	shift   int64 // of the track against the others, in ticks
	samples []mp4Sample
	next    int
}

type mp4Sample struct {
	dts       int64
	duration  uint32
	ptsOffset int32
	payload   func() ([]byte, error)
}

// isMP4 tells by the first box (ISO/IEC 14496-12, 4.3).
func isMP4(head []byte) bool {
	if len(head) < 8 {
		return false
	}
	switch string(head[4:8]) {
	case "ftyp", "styp":
		return true
	}
	return false
}

func openMP4(r io.ReadSeeker) (recording, error) {
	var p pmp4.Presentation
	if err := p.Unmarshal(r); err != nil {
		return openFragmented(r, fmt.Errorf("MP4: %w", err))
	}
	edits, err := readEdits(r)
	if err != nil {
		return nil, fmt.Errorf("MP4: %w", err)
	}
	m := &mp4{}
	for _, t := range p.Tracks {
		mt := &mp4Track{codec: t.Codec, scale: int(t.TimeScale)}
		dts := edits[t.ID].shift(mt.scale)
		for _, s := range t.Samples {
			if s.GetPayload == nil || s.PayloadSize > maxSample {
				return nil, errors.New("MP4: broken index")
			}
			mt.samples = append(mt.samples, mp4Sample{dts, s.Duration, s.PTSOffset, s.GetPayload})
			dts += int64(s.Duration)
		}
		m.add(mt)
	}
	m.fromZero()
	return m, nil
}

// openFragmented reads a file of movie fragments (ISO/IEC 14496-12, 8.8); notPlain
// is why it is not a plain one.
func openFragmented(r io.ReadSeeker, notPlain error) (recording, error) {
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	var init fmp4.Init
	if err := init.Unmarshal(r); err != nil {
		return nil, notPlain
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, maxFragmented+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFragmented {
		return nil, fmt.Errorf("a fragmented MP4 file may have %d bytes at the most", maxFragmented)
	}
	var parts fmp4.Parts
	if err := parts.Unmarshal(data); err != nil {
		if len(parts) < 2 {
			return nil, fmt.Errorf("fragmented MP4: %w", err)
		}
		parts = parts[:len(parts)-1] // the file was cut off in the last one
	}
	edits, err := readEdits(r)
	if err != nil {
		return nil, fmt.Errorf("fragmented MP4: %w", err)
	}
	m := &mp4{}
	for _, it := range init.Tracks {
		mt := &mp4Track{codec: it.Codec, scale: int(it.TimeScale), shift: edits[it.ID].shift(int(it.TimeScale))}
		for _, part := range parts {
			for _, pt := range part.Tracks {
				if pt.ID == it.ID {
					mt.addPart(pt)
				}
			}
		}
		m.add(mt)
	}
	m.fromZero()
	return m, nil
}

func (mt *mp4Track) addPart(pt *fmp4.PartTrack) {
	dts := int64(pt.BaseTime) + mt.shift
	for _, s := range pt.Samples {
		mt.samples = append(mt.samples, mp4Sample{dts, s.Duration, s.PTSOffset, func() ([]byte, error) { return s.Payload, nil }})
		dts += int64(s.Duration)
	}
}

// fromZero moves the samples so that the earliest one is at zero: a recording in
// fragments, or with edit lists, often begins at some other time.
func (m *mp4) fromZero() {
	if len(m.from) == 0 {
		return
	}
	zero := m.from[0].samples[0].dts
	rate := m.from[0].scale
	for _, mt := range m.from {
		if t := mt.samples[0].dts; ticksToTime(t, mt.scale) < ticksToTime(zero, rate) {
			zero, rate = t, mt.scale
		}
	}
	for _, mt := range m.from {
		shift := rescale(zero, rate, mt.scale)
		for i := range mt.samples {
			mt.samples[i].dts -= shift
		}
	}
}

// add takes a track into the pass if camgate can play it.
func (m *mp4) add(mt *mp4Track) {
	o := camgate.TrackOptions{Params: &camgate.Params{}}
	switch c := mt.codec.(type) {
	case *codecs.H264:
		o.Codec, o.Params.SPS, o.Params.PPS = camgate.H264, c.SPS, c.PPS
	case *codecs.H265:
		o.Codec, o.Params.VPS, o.Params.SPS, o.Params.PPS = camgate.H265, c.VPS, c.SPS, c.PPS
	case *codecs.MPEG4Audio:
		if config, err := c.Config.Marshal(); err == nil {
			o.Codec, o.Params.Config = camgate.AAC, config
		}
	case *codecs.Opus:
		o.Codec, o.Channels = camgate.Opus, c.ChannelCount
	case *codecs.MJPEG:
		o.Codec = camgate.MJPEG
	}
	t, err := ingest.NewTrack(o)
	if err != nil || len(mt.samples) == 0 || mt.scale <= 0 {
		m.left = append(m.left, strings.TrimPrefix(fmt.Sprintf("%T", mt.codec), "*codecs."))
		return
	}
	mt.id = len(m.list)
	m.list = append(m.list, t)
	m.from = append(m.from, mt)
}

func (m *mp4) tracks() []*camgate.Track { return m.list }

func (m *mp4) leftOut() string {
	if len(m.left) == 0 {
		return ""
	}
	return "what camgate cannot play is left out: " + strings.Join(m.left, ", ")
}

func (m *mp4) rewind() error {
	for _, mt := range m.from {
		mt.next = 0
	}
	return nil
}

// next returns the sample that is due first of all tracks.
func (m *mp4) next() (sample, error) {
	for {
		var first *mp4Track
		for _, mt := range m.from {
			if mt.next < len(mt.samples) && (first == nil || mt.due() < first.due()) {
				first = mt
			}
		}
		if first == nil {
			return sample{}, io.EOF
		}
		s, err := first.take(m.list[first.id])
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			first.next = len(first.samples) // the file was cut off here
			continue
		}
		return s, err
	}
}

// due returns when the next sample is due.
func (mt *mp4Track) due() time.Duration { return ticksToTime(mt.samples[mt.next].dts, mt.scale) }

func (mt *mp4Track) take(t *camgate.Track) (sample, error) {
	s := mt.samples[mt.next]
	mt.next++
	data, err := s.payload()
	if err != nil {
		return sample{}, fmt.Errorf("%w: %w", camgate.ErrConnectionFailed, err)
	}
	out := sample{
		track: mt.id,
		dts:   ticksToTime(s.dts, mt.scale),
		end:   ticksToTime(s.dts+int64(s.duration), mt.scale),
		pts:   rescale(s.dts+int64(s.ptsOffset), mt.scale, t.ClockRate),
		au:    [][]byte{data},
	}
	if t.Codec == camgate.H264 || t.Codec == camgate.H265 {
		var nalus h264.AVCC // the same length prefixes in both (ISO/IEC 14496-15)
		if err := nalus.Unmarshal(data); err != nil {
			nalus = nil // broken: leave it out
		}
		out.au = nalus
	}
	return out, nil
}
