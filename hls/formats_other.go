package hls

import (
	"bytes"
	"errors"

	"github.com/bluenviron/gohlslib/v2/pkg/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/vp9"
	mp4 "github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/matroska"
)

// VP9 and AV1 lie in fMP4 as they are, each access unit one sample (VP Codec ISO Media File
// Format Binding; AV1 Codec ISO Media File Format Binding). AV1 has a sequence header, VP9
// has what its keyframes begin with.

// vp9Fields is the length of what is kept of a VP9 keyframe's header.
const vp9Fields = 8

// setsOfOther is setsIn for the codecs without parameter sets.
func setsOfOther(t *camgate.Track, au [][]byte) sets {
	if t.Codec == camgate.AV1 {
		s := sets{sps: t.Params().Config}
		for _, obu := range au {
			if len(obu) > 0 && obu[0]>>3&0x0f == 1 { // a sequence header
				s.sps = obu
			}
		}
		return s
	}
	p := t.Params()
	out := make([]byte, vp9Fields) // as nearly all are: profile 0, 8 bits, 4:2:0
	width, height := p.Width, p.Height
	out[1], out[2] = 8, 1
	if len(au) > 0 {
		var h vp9.Header
		if err := h.Unmarshal(au[0]); err == nil && h.FrameSize != nil && h.ColorConfig != nil {
			width, height = h.Width(), h.Height()
			out[0], out[1], out[2] = h.Profile, h.ColorConfig.BitDepth, h.ChromaSubsampling()
			if h.ColorConfig.ColorRange {
				out[3] = 1
			}
		}
	}
	out[4], out[5], out[6], out[7] = byte(width>>8), byte(width), byte(height>>8), byte(height)
	if width == 0 || height == 0 {
		return sets{} // nothing came yet
	}
	return sets{sps: out}
}

var errNoSequence = errors.New("no keyframe came yet")

// codecOfOther is codecOf for these codecs.
func codecOfOther(t *camgate.Track, s sets) (codecs.Codec, mp4.Codec, error) {
	if t.Codec == camgate.AV1 {
		if len(s.sps) == 0 {
			return nil, nil, unsupported(t, errNoSequence)
		}
		header := bytes.Clone(s.sps)
		return &codecs.AV1{SequenceHeader: header}, &mp4.AV1{SequenceHeader: header}, nil
	}
	if len(s.sps) != vp9Fields {
		return nil, nil, unsupported(t, errNoSequence)
	}
	b := s.sps
	width, height := int(b[4])<<8|int(b[5]), int(b[6])<<8|int(b[7])
	return &codecs.VP9{Width: width, Height: height, Profile: b[0], BitDepth: b[1], ChromaSubsampling: b[2], ColorRange: b[3] == 1},
		&mp4.VP9{Width: width, Height: height, Profile: b[0], BitDepth: b[1], ChromaSubsampling: b[2], ColorRange: b[3] == 1}, nil
}

// inFile is an access unit as it lies in a sample.
func inFile(t *camgate.Track, au [][]byte) [][]byte {
	if t.Codec == camgate.AV1 {
		return matroska.SizedOBUs(au)
	}
	return au
}

// hasNALUs tells whether the samples of a track are NAL units, each behind its length.
func hasNALUs(t *camgate.Track) bool { return t.Codec == camgate.H264 || t.Codec == camgate.H265 }
