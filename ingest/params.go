package ingest

import (
	"bytes"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"github.com/camgate/camgate"
)

// describe fills in what parameter sets say of the picture. It never returns nil
// Params without an error.
func describe(c camgate.Codec, p *camgate.Params) (*camgate.Params, error) {
	if p == nil {
		return &camgate.Params{}, nil
	}
	out := *p
	if len(p.SPS) == 0 {
		return &out, nil
	}
	switch c {
	case camgate.H264:
		var sps h264.SPS
		if err := sps.Unmarshal(p.SPS); err != nil {
			return nil, fmt.Errorf("%w: H264 SPS: %w", camgate.ErrUnsupportedCodec, err)
		}
		out.Width, out.Height, out.FPS = sps.Width(), sps.Height(), sps.FPS()
		out.Profile = fmt.Sprintf("%s %d.%d", h264Profile(sps.ProfileIdc), sps.LevelIdc/10, sps.LevelIdc%10)
	case camgate.H265:
		var sps h265.SPS
		if err := sps.Unmarshal(p.SPS); err != nil {
			return nil, fmt.Errorf("%w: H265 SPS: %w", camgate.ErrUnsupportedCodec, err)
		}
		out.Width, out.Height, out.FPS = sps.Width(), sps.Height(), sps.FPS()
		ptl := sps.ProfileTierLevel
		out.Profile = fmt.Sprintf("%s %d.%d", h265Profile(ptl.GeneralProfileIdc), ptl.GeneralLevelIdc/30, ptl.GeneralLevelIdc%30/3)
	}
	return &out, nil
}

// h264Profile names a profile_idc (ISO/IEC 14496-10, annex A.2).
func h264Profile(idc uint8) string {
	switch idc {
	case 66:
		return "Baseline"
	case 77:
		return "Main"
	case 88:
		return "Extended"
	case 100:
		return "High"
	case 110:
		return "High 10"
	case 122:
		return "High 4:2:2"
	case 244:
		return "High 4:4:4"
	}
	return fmt.Sprintf("profile %d", idc)
}

// h265Profile names a general_profile_idc (ISO/IEC 23008-2, annex A.3).
func h265Profile(idc uint8) string {
	switch idc {
	case 1:
		return "Main"
	case 2:
		return "Main 10"
	case 3:
		return "Main Still Picture"
	case 4:
		return "Range Extensions"
	}
	return fmt.Sprintf("profile %d", idc)
}

// ParamsOf returns what p becomes by what an access unit says of itself: p itself when
// that is nothing new.
func ParamsOf(c camgate.Codec, p *camgate.Params, au [][]byte) *camgate.Params {
	switch c {
	case camgate.H264, camgate.H265:
		return paramsFrom(c, p, au)
	case camgate.VP8, camgate.VP9, camgate.AV1:
		if isKeyframe(c, au) {
			return keyframeParams(c, p, au)
		}
	case camgate.MJPEG:
		if width, height, ok := jpegSize(au[0]); ok && (p.Width != width || p.Height != height) {
			return &camgate.Params{Width: width, Height: height, Profile: "JPEG"}
		}
	}
	return p
}

// paramsFrom returns what p becomes by the parameter sets of one access unit: p
// itself when they say nothing new. A set that cannot be read is ignored: the
// decoder may like it better than we do, and it stays in the access unit.
func paramsFrom(c camgate.Codec, p *camgate.Params, au [][]byte) *camgate.Params {
	next := *p
	for _, nalu := range au {
		switch kindOf(c, nalu) {
		case naluVPS:
			next.VPS = nalu
		case naluSPS:
			next.SPS = nalu
		case naluPPS:
			next.PPS = nalu
		}
	}
	if bytes.Equal(next.VPS, p.VPS) && bytes.Equal(next.SPS, p.SPS) && bytes.Equal(next.PPS, p.PPS) {
		return p
	}
	// Kept for long: not as a part of a big access unit.
	next.VPS, next.SPS, next.PPS = bytes.Clone(next.VPS), bytes.Clone(next.SPS), bytes.Clone(next.PPS)
	out, err := describe(c, &next)
	if err != nil {
		return p
	}
	return out
}

// naluKind is what camgate has to know of a NAL unit.
type naluKind int

const (
	naluOther     naluKind = iota
	naluSlice              // of a picture at which decoding cannot start
	naluKey                // of a picture at which decoding can start
	naluVPS                // video parameter set
	naluSPS                // sequence parameter set
	naluPPS                // picture parameter set
	naluDelimiter          // access unit delimiter or filler: of no use in RTP and MP4
)

// kindOf classifies a NAL unit: ISO/IEC 14496-10 table 7-1, ISO/IEC 23008-2 table 7-1.
func kindOf(c camgate.Codec, nalu []byte) naluKind {
	if len(nalu) == 0 {
		return naluDelimiter
	}
	if c == camgate.H264 {
		switch nalu[0] & 0x1f {
		case 1, 2, 3, 4:
			return naluSlice
		case 5:
			return naluKey
		case 7:
			return naluSPS
		case 8:
			return naluPPS
		case 9, 12, 24, 25, 26, 27, 28, 29: // from 24 on: RTP would take it for a packet of its own kind
			return naluDelimiter
		}
		return naluOther
	}
	if len(nalu) < 2 {
		return naluDelimiter
	}
	switch t := nalu[0] >> 1 & 0x3f; {
	case t <= 9:
		return naluSlice
	case t >= 16 && t <= 21: // BLA, IDR, CRA: intra random access points
		return naluKey
	case t == 32:
		return naluVPS
	case t == 33:
		return naluSPS
	case t == 34:
		return naluPPS
	case t == 35, t == 38, t >= 48 && t <= 50: // from 48 on as above
		return naluDelimiter
	}
	return naluOther
}

// normalise returns the access unit as camgate publishes it: without delimiters,
// and with the parameter sets in front of each key picture, where a decoder that
// starts there looks for them. key says that decoding can start at it; ok is
// false when there is no picture in it.
func normalise(c camgate.Codec, p *camgate.Params, au [][]byte, e entries) (out [][]byte, key, ok bool) {
	var have [3]bool // VPS, SPS, PPS
	drop := 0
	for _, nalu := range au {
		switch kindOf(c, nalu) {
		case naluDelimiter:
			drop++
		case naluSlice:
			ok = true
		case naluKey:
			key, ok = true, true
		case naluVPS:
			have[0] = have[0] || !ok // in front of the picture
		case naluSPS:
			have[1] = have[1] || !ok
		case naluPPS:
			have[2] = have[2] || !ok
		}
	}
	if ok && !key {
		key = e.isEntry(c, au)
	}
	sets := [3][]byte{p.VPS, p.SPS, p.PPS}
	missing := false
	for i, set := range sets {
		missing = missing || key && !have[i] && len(set) > 0
	}
	if drop == 0 && !missing {
		return au, key, ok
	}
	out = make([][]byte, 0, len(au)+len(sets))
	if missing {
		// All of them, in their order: one that came late does not come first.
		for _, set := range sets {
			if len(set) > 0 {
				out = append(out, set)
			}
		}
	}
	for _, nalu := range au {
		switch kindOf(c, nalu) {
		case naluDelimiter:
			continue
		case naluVPS, naluSPS, naluPPS:
			if missing && isOneOf(nalu, sets) {
				continue
			}
		}
		out = append(out, nalu)
	}
	return out, key, ok
}

// hasSets tells whether an access unit that decoding is to start at has the
// parameter sets that it needs: some cameras send pictures before them.
func hasSets(c camgate.Codec, au [][]byte) bool {
	if c != camgate.H264 && c != camgate.H265 {
		return true
	}
	sps, pps := false, false
	for _, nalu := range au {
		sps = sps || kindOf(c, nalu) == naluSPS
		pps = pps || kindOf(c, nalu) == naluPPS
	}
	return sps && pps
}

func isOneOf(nalu []byte, sets [3][]byte) bool {
	for _, set := range sets {
		if bytes.Equal(nalu, set) {
			return true
		}
	}
	return false
}
