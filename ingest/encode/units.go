package encode

import (
	"bytes"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"github.com/camgate/camgate"
)

// units makes access units of what an encoder gives, as the gateway has them: NAL
// units without start codes and delimiters, and the parameter sets before each
// keyframe, whether the encoder repeats them or not.
type units struct {
	codec camgate.Codec
	sets  [3][]byte // VPS, SPS, PPS: the last ones seen
}

// take returns the access unit of data, which it keeps. Empty: there is no picture
// in it.
func (u *units) take(data []byte) (au [][]byte, key bool, err error) {
	if u.codec == camgate.MJPEG {
		if len(data) < 4 || data[0] != 0xff || data[1] != 0xd8 {
			return nil, false, nil
		}
		return [][]byte{data}, true, nil
	}
	picture, own := false, [3]bool{}
	for _, nalu := range split(data) {
		kind := u.kind(nalu)
		switch {
		case kind.drop:
			continue
		case kind.set >= 0:
			u.sets[kind.set], own[kind.set] = nalu, true
		}
		picture, key = picture || kind.picture, key || kind.key
		au = append(au, nalu)
	}
	switch {
	case !picture:
		return nil, false, nil
	case !key:
		return au, false, nil
	}
	var missing [][]byte
	for i, set := range u.sets {
		switch {
		case own[i], i == 0 && u.codec == camgate.H264:
		case set == nil:
			return nil, false, fmt.Errorf("%w: a keyframe without parameter sets", ErrGarbage)
		default:
			missing = append(missing, set)
		}
	}
	if missing == nil {
		return au, true, nil
	}
	return append(missing, au...), true, nil
}

// learn takes the parameter sets that an encoder gives outside of its pictures.
func (u *units) learn(extra []byte) {
	if u.codec == camgate.MJPEG {
		return
	}
	for _, nalu := range split(extra) {
		if set := u.kind(nalu).set; set >= 0 {
			u.sets[set] = nalu
		}
	}
}

// nalKind is what a NAL unit is to us.
type nalKind struct {
	set          int // index in units.sets; -1: none
	picture, key bool
	drop         bool // of no use
}

func (u *units) kind(nalu []byte) nalKind {
	k := nalKind{set: -1}
	if u.codec == camgate.H265 {
		switch typ := h265.NALUType(nalu[0] >> 1 & 0x3f); {
		case typ == h265.NALUType_VPS_NUT, typ == h265.NALUType_SPS_NUT, typ == h265.NALUType_PPS_NUT:
			k.set = int(typ - h265.NALUType_VPS_NUT)
		case typ == h265.NALUType_AUD_NUT, typ == h265.NALUType_FD_NUT, typ == h265.NALUType_EOS_NUT, typ == h265.NALUType_EOB_NUT:
			k.drop = true
		case typ < 32:
			k.picture = true
			k.key = typ >= h265.NALUType_BLA_W_LP && typ <= h265.NALUType_CRA_NUT
		}
		return k
	}
	switch h264.NALUType(nalu[0] & 0x1f) {
	case h264.NALUTypeSPS:
		k.set = 1
	case h264.NALUTypePPS:
		k.set = 2
	case h264.NALUTypeAccessUnitDelimiter, h264.NALUTypeFillerData, h264.NALUTypeEndOfSequence, h264.NALUTypeEndOfStream:
		k.drop = true
	case h264.NALUTypeIDR:
		k.picture, k.key = true, true
	case h264.NALUTypeNonIDR, h264.NALUTypeDataPartitionA:
		k.picture = true
	}
	return k
}

// split cuts an access unit at its start codes (ISO/IEC 14496-10 annex B). Empty NAL
// units are left out.
func split(b []byte) (nalus [][]byte) {
	start := -1 // of the NAL unit
	for i := 0; ; {
		at := bytes.Index(b[i:], []byte{0, 0, 1})
		end := len(b)
		if at >= 0 {
			end = i + at
		}
		if start >= 0 {
			if nalu := bytes.TrimRight(b[start:end], "\x00"); len(nalu) > 0 {
				nalus = append(nalus, nalu)
			}
		}
		if at < 0 {
			return nalus
		}
		i = end + 3
		start = i
	}
}
