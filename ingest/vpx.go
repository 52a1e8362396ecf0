package ingest

import (
	"bytes"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/vp9"

	"github.com/camgate/camgate"
)

// Types of OBUs (AV1 Bitstream & Decoding Process Specification, section 6.2.2).
const (
	obuSequence = 1
	obuHeader   = 3 // of a frame
	obuFrame    = 6
)

// isKeyframe tells whether decoding of VP8, VP9 and AV1 can start at an access unit.
func isKeyframe(c camgate.Codec, au [][]byte) bool {
	switch c {
	case camgate.VP8: // RFC 6386 section 9.1
		b := au[0]
		return len(b) > 9 && b[0]&1 == 0 && b[3] == 0x9d && b[4] == 0x01 && b[5] == 0x2a
	case camgate.VP9:
		_, ok := vp9Header(au[0])
		return ok
	case camgate.AV1:
		return isKeyAV1(au)
	}
	return false
}

// vp9Header reads the header of a keyframe.
func vp9Header(b []byte) (h vp9.Header, ok bool) {
	err := h.Unmarshal(b)
	return h, err == nil && !h.NonKeyFrame && !h.ShowExistingFrame
}

// isKeyAV1 looks for a sequence header in front of a frame of type KEY_FRAME (section
// 5.9.2).
func isKeyAV1(tu [][]byte) bool {
	sequence := false
	for _, obu := range tu {
		if len(obu) == 0 {
			continue
		}
		switch obu[0] >> 3 & 0x0f {
		case obuSequence:
			sequence = true
		case obuHeader, obuFrame:
			header := 1 + int(obu[0]>>2&1)
			// show_existing_frame and frame_type are the first three bits.
			return sequence && len(obu) > header && obu[header]&0xe0 == 0
		}
	}
	return false
}

// keyframeParams returns what p becomes by a keyframe: p itself when that says nothing new
// or cannot be read.
func keyframeParams(c camgate.Codec, p *camgate.Params, au [][]byte) *camgate.Params {
	next := *p
	switch c {
	case camgate.VP8:
		b := au[0]
		next.Width, next.Height = int(b[6])|int(b[7]&0x3f)<<8, int(b[8])|int(b[9]&0x3f)<<8
	case camgate.VP9:
		if h, ok := vp9Header(au[0]); ok && h.FrameSize != nil {
			next.Width, next.Height, next.Profile = h.Width(), h.Height(), fmt.Sprintf("Profile %d", h.Profile)
		}
	case camgate.AV1:
		for _, obu := range au {
			if len(obu) == 0 || obu[0]>>3&0x0f != obuSequence || bytes.Equal(obu, p.Config) {
				continue
			}
			var h av1.SequenceHeader
			if h.Unmarshal(obu) == nil {
				next.Config, next.Width, next.Height = bytes.Clone(obu), h.Width(), h.Height()
				next.Profile = av1Profile(h.SeqProfile)
			}
		}
	}
	if next.Width == p.Width && next.Height == p.Height && next.Profile == p.Profile && bytes.Equal(next.Config, p.Config) {
		return p
	}
	return &next
}

// av1Profile names a seq_profile (section 6.4.1).
func av1Profile(n uint8) string {
	switch n {
	case 0:
		return "Main"
	case 1:
		return "High"
	case 2:
		return "Professional"
	}
	return fmt.Sprintf("profile %d", n)
}
