package fakecam

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/pmp4"
)

// What a track carries.
type (
	trackKind int
	codec     int
)

const (
	video trackKind = iota
	audio
)

const (
	codecH264 codec = iota
	codecH265
	codecAAC
	codecOpus
	codecPCMA
	codecPCMU
)

// maxSample bounds a sample of a clip in bytes.
const maxSample = 8 << 20

// media is a track of a clip that is played in a loop. Nobody changes it.
type media struct {
	kind     trackKind
	codec    codec
	rate     int // ticks per second of its timestamps
	channels int
	vps      []byte
	sps, pps []byte
	config   []byte // AudioSpecificConfig
	samples  []sample
	length   int64 // of the loop, in ticks
}

// sample is a picture or a frame of sound.
type sample struct {
	dts, pts int64
	key      bool
	data     [][]byte // NAL units without parameter sets, or the one frame
}

// clip is what the camera sees and hears; a track may be nil.
type clip struct {
	video, audio *media
}

// loadClip reads a progressive MP4 file.
func loadClip(file []byte) (*clip, error) {
	var p pmp4.Presentation
	if err := p.Unmarshal(bytes.NewReader(file)); err != nil {
		return nil, fmt.Errorf("not a progressive MP4 file: %w", err)
	}
	c := &clip{}
	for _, t := range p.Tracks {
		m := &media{}
		switch codec := t.Codec.(type) {
		case *codecs.H264:
			m.codec, m.sps, m.pps, m.rate = codecH264, codec.SPS, codec.PPS, 90000
		case *codecs.H265:
			m.codec, m.vps, m.sps, m.pps, m.rate = codecH265, codec.VPS, codec.SPS, codec.PPS, 90000
		case *codecs.MPEG4Audio:
			config, err := codec.Config.Marshal()
			if err != nil {
				return nil, fmt.Errorf("AAC: %w", err)
			}
			m.kind, m.codec, m.config, m.rate, m.channels = audio, codecAAC, config, codec.Config.SampleRate, int(codec.Config.ChannelConfig)
		case *codecs.Opus:
			m.kind, m.codec, m.rate, m.channels = audio, codecOpus, 48000, 2
		default:
			continue
		}
		if m.kind == video && c.video != nil || m.kind == audio && c.audio != nil {
			continue
		}
		if err := m.fill(t); err != nil {
			return nil, err
		}
		if m.kind == video {
			c.video = m
		} else {
			c.audio = m
		}
	}
	if c.video == nil && c.audio == nil {
		return nil, errors.New("there is no H264, H265, AAC or Opus in the clip")
	}
	c.align()
	return c, nil
}

// fill takes the samples of a track.
func (m *media) fill(t *pmp4.Track) error {
	if t.TimeScale == 0 || len(t.Samples) == 0 {
		return errors.New("a track of the clip is empty")
	}
	ticks := func(v int64) int64 {
		return int64(math.Round(float64(v) * float64(m.rate) / float64(t.TimeScale)))
	}
	var dts int64
	for _, s := range t.Samples {
		if s.GetPayload == nil || s.PayloadSize > maxSample {
			return errors.New("the index of the clip is broken")
		}
		payload, err := s.GetPayload()
		if err != nil {
			return fmt.Errorf("the clip is cut off: %w", err)
		}
		out := sample{dts: ticks(dts), pts: ticks(dts + int64(s.PTSOffset)), key: !s.IsNonSyncSample, data: [][]byte{payload}}
		if m.kind == video {
			if out.data, err = m.split(payload); err != nil {
				return err
			}
		}
		if len(out.data) > 0 {
			m.samples = append(m.samples, out)
		}
		dts += int64(s.Duration)
	}
	m.settle()
	m.length = ticks(dts)
	switch {
	case len(m.samples) == 0 || m.length <= 0:
		return errors.New("a track of the clip is empty")
	case m.kind == video && !m.samples[0].key:
		return errors.New("the clip does not begin with a keyframe")
	}
	return nil
}

// settle lets the earliest picture be shown at 0, and none be sent before it was
// taken: pictures out of order wait in a camera.
func (m *media) settle() {
	if len(m.samples) == 0 {
		return
	}
	first, wait := m.samples[0].pts, m.samples[0].pts-m.samples[0].dts
	for _, s := range m.samples {
		first, wait = min(first, s.pts), max(wait, s.pts-s.dts)
	}
	for i := range m.samples {
		m.samples[i].pts -= first
		m.samples[i].dts += wait - first
	}
}

// split cuts a sample with 4 byte lengths into NAL units; parameter sets, which
// are sent as the faults say, and delimiters are left out.
func (m *media) split(payload []byte) (nalus [][]byte, err error) {
	for len(payload) > 0 {
		if len(payload) < 4 {
			return nil, errors.New("a picture of the clip is broken")
		}
		n := int(payload[0])<<24 | int(payload[1])<<16 | int(payload[2])<<8 | int(payload[3])
		if payload = payload[4:]; n < 2 || n > len(payload) {
			return nil, errors.New("a picture of the clip is broken")
		}
		if !m.isParameter(payload[:n]) {
			nalus = append(nalus, payload[:n])
		}
		payload = payload[n:]
	}
	return nalus, nil
}

func (m *media) isParameter(nalu []byte) bool {
	if m.codec == codecH265 {
		t := nalu[0] >> 1 & 63
		return t >= 32 && t <= 35 // VPS, SPS, PPS, delimiter
	}
	t := nalu[0] & 31
	return t >= 7 && t <= 9
}

// align gives both tracks the length of the longer one, so that they stay together
// in the loop.
func (c *clip) align() {
	if c.video == nil || c.audio == nil {
		return
	}
	seconds := max(float64(c.video.length)/float64(c.video.rate), float64(c.audio.length)/float64(c.audio.rate))
	for _, m := range []*media{c.video, c.audio} {
		m.length = int64(math.Round(seconds * float64(m.rate)))
	}
}

func (m *media) parameters() (sets [][]byte) {
	for _, set := range [][]byte{m.vps, m.sps, m.pps} {
		if len(set) > 0 {
			sets = append(sets, set)
		}
	}
	return sets
}

func (m *media) reorders() bool {
	for _, s := range m.samples {
		if s.pts-s.dts != m.samples[0].pts-m.samples[0].dts {
			return true
		}
	}
	return false
}

// largest is the size of the largest NAL unit in bytes.
func (m *media) largest() (n int) {
	for _, s := range m.samples {
		for _, nalu := range s.data {
			n = max(n, len(nalu))
		}
	}
	return n
}

// tone is a second of 1 kHz in G.711, in packets of 20 ms.
func tone(c codec) *media {
	m := &media{kind: audio, codec: c, rate: 8000, channels: 1, length: 8000}
	for i := range 50 {
		data := make([]byte, 160)
		for j := range data {
			v := int(8000 * math.Sin(2*math.Pi*float64(j)/8))
			if c == codecPCMA {
				data[j] = alaw(v)
			} else {
				data[j] = mulaw(v)
			}
		}
		m.samples = append(m.samples, sample{dts: int64(i) * 160, pts: int64(i) * 160, key: true, data: [][]byte{data}})
	}
	return m
}

// alaw encodes a sample of 16 bits (ITU-T G.711, table 1).
func alaw(v int) byte {
	sign := byte(0x80)
	if v < 0 {
		v, sign = -v-1, 0
	}
	v = min(v, 32767) >> 3 // 12 bits
	exponent := 0
	for w := v >> 5; w > 0; w >>= 1 {
		exponent++
	}
	mantissa := v >> max(exponent, 1) & 15
	return (sign | byte(exponent<<4|mantissa)) ^ 0x55
}

// mulaw encodes a sample of 16 bits (ITU-T G.711, table 2).
func mulaw(v int) byte {
	sign := byte(0)
	if v < 0 {
		v, sign = -v, 0x80
	}
	v = min(v, 32635) + 132
	exponent := 0
	for w := v >> 8; w > 0; w >>= 1 {
		exponent++
	}
	return ^(sign | byte(exponent<<4|v>>(exponent+3)&15))
}

// silence is a second of Opus packets of 20 ms without sound (RFC 6716, 3.1: CELT,
// full band, one frame).
func silence() *media {
	m := &media{kind: audio, codec: codecOpus, rate: 48000, channels: 2, length: 48000}
	for i := range 50 {
		at := int64(i) * 960
		m.samples = append(m.samples, sample{dts: at, pts: at, key: true, data: [][]byte{{0xFC, 0xFF, 0xFE}}})
	}
	return m
}
