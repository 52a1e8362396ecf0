package ingest

import (
	"github.com/bluenviron/mediacommon/v2/pkg/bits"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"github.com/camgate/camgate"
)

// Where decoding can start besides at keyframes. Cameras that spread the intra
// coded parts over all pictures (intra refresh) send none: they mark the picture
// from which on a decoder has it all with a recovery point (ISO/IEC 14496-10 D.2.8,
// ISO/IEC 23008-2 D.3.8). Others send pictures that need no other one, without a
// word about it.

// entries is how pictures are judged that are no keyframes.
type entries struct {
	gradual bool // a recovery point will do from which the picture comes by and by
	intra   bool // a picture will do that is coded without any other one
}

// recoveryPoint is the payloadType of the SEI message.
const recoveryPoint = 6

const (
	maxMessages = 64  // looked at in a SEI NAL unit
	maxSEI      = 512 // bytes of a SEI NAL unit that are looked at
	maxSlice    = 24  // bytes of a slice that hold the fields read here
)

// isSEI tells whether a NAL unit has supplemental information in front of a picture.
func isSEI(c camgate.Codec, nalu []byte) bool {
	if c == camgate.H264 {
		return len(nalu) > 0 && nalu[0]&0x1f == 6
	}
	return len(nalu) > 1 && nalu[0]>>1&0x3f == 39
}

// recovers looks for a recovery point in a SEI NAL unit. exact says that it is this
// very picture that is right, and not a later one.
func recovers(c camgate.Codec, nalu []byte) (found, exact bool) {
	header := 2
	if c == camgate.H264 {
		header = 1
	}
	if len(nalu) <= header {
		return false, false
	}
	data := h264.EmulationPreventionRemove(nalu[header:min(len(nalu), maxSEI)])
	for range maxMessages {
		kind, rest, ok := seiNumber(data)
		if !ok {
			break
		}
		size, rest, ok := seiNumber(rest)
		if !ok || size > len(rest) {
			break
		}
		if kind == recoveryPoint {
			return true, recoversNow(c, rest[:size])
		}
		data = rest[size:]
	}
	return false, false
}

// recoversNow reads recovery_frame_cnt or recovery_poc_cnt.
func recoversNow(c camgate.Codec, message []byte) bool {
	pos := 0
	if c == camgate.H264 {
		n, err := bits.ReadGolombUnsigned(message, &pos)
		return err == nil && n == 0
	}
	n, err := bits.ReadGolombSigned(message, &pos)
	return err == nil && n == 0
}

// seiNumber reads a number that is written as a row of 255 and what remains.
func seiNumber(data []byte) (n int, rest []byte, ok bool) {
	for i, b := range data {
		n += int(b)
		if b != 0xff {
			return n, data[i+1:], true
		}
	}
	return 0, nil, false
}

// sliceKind is the slice_type of an H264 slice.
type sliceKind int

const (
	sliceUnknown sliceKind = iota
	sliceP
	sliceB
	sliceI
)

// kindOfSlice reads the slice_type of an H264 NAL unit (ISO/IEC 14496-10 7.3.3).
func kindOfSlice(nalu []byte) sliceKind {
	if len(nalu) < 2 {
		return sliceUnknown
	}
	data := h264.EmulationPreventionRemove(nalu[1:min(len(nalu), maxSlice)])
	pos := 0
	if _, err := bits.ReadGolombUnsigned(data, &pos); err != nil { // first_mb_in_slice
		return sliceUnknown
	}
	n, err := bits.ReadGolombUnsigned(data, &pos)
	if err != nil {
		return sliceUnknown
	}
	switch n % 5 {
	case 0, 3:
		return sliceP
	case 1:
		return sliceB
	}
	return sliceI
}

// isIntra tells whether all slices of an H264 picture are coded without other
// pictures. Of H265 that cannot be told without all parameter sets.
func isIntra(c camgate.Codec, au [][]byte) bool {
	if c != camgate.H264 {
		return false
	}
	any := false
	for _, nalu := range au {
		if kindOf(c, nalu) == naluSlice {
			if kindOfSlice(nalu) != sliceI {
				return false
			}
			any = true
		}
	}
	return any
}

// isEntry tells whether decoding can start at a picture that is no keyframe.
func (e entries) isEntry(c camgate.Codec, au [][]byte) bool {
	for _, nalu := range au {
		if isSEI(c, nalu) {
			if found, exact := recovers(c, nalu); found && (exact || e.gradual) {
				return true
			}
		}
	}
	return e.intra && isIntra(c, au)
}

// reordering tells whether the pictures of a track may come in another order than
// they are shown in, as far as its parameter sets say: false is certain.
func reordering(c camgate.Codec, p *camgate.Params) bool {
	switch c {
	case camgate.H264:
		var sps h264.SPS
		if len(p.SPS) == 0 || sps.Unmarshal(p.SPS) != nil {
			return true
		}
		if sps.PicOrderCntType == 2 || sps.ProfileIdc == 66 { // baseline has no B slices
			return false
		}
		return sps.VUI == nil || sps.VUI.BitstreamRestriction == nil || sps.VUI.BitstreamRestriction.MaxNumReorderFrames > 0
	case camgate.H265:
		var sps h265.SPS
		if len(p.SPS) == 0 || sps.Unmarshal(p.SPS) != nil || len(sps.MaxNumReorderPics) == 0 {
			return true
		}
		return sps.MaxNumReorderPics[len(sps.MaxNumReorderPics)-1] > 0
	case camgate.MJPEG, camgate.Raw, camgate.VP8, camgate.VP9, camgate.AV1: // what is not shown comes with what is
		return false
	}
	return true
}

// mayStepBack tells whether a picture may be shown before those that came before it.
func (st *onTrack) mayStepBack(t *camgate.Track, au [][]byte) bool {
	if p := t.Params(); p != st.params {
		st.params, st.reorders = p, reordering(t.Codec, p)
	}
	if !st.reorders || t.Codec != camgate.H264 {
		return st.reorders
	}
	for _, nalu := range au {
		switch kindOf(t.Codec, nalu) {
		case naluKey:
			return false
		case naluSlice:
			if k := kindOfSlice(nalu); k == sliceB || k == sliceUnknown {
				return true
			}
		}
	}
	return false
}

// hasKey tells whether an access unit is a keyframe.
func hasKey(c camgate.Codec, au [][]byte) bool {
	for _, nalu := range au {
		if kindOf(c, nalu) == naluKey {
			return true
		}
	}
	return false
}
