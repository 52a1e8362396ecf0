package hls

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"net/http"
	"strings"

	"github.com/bluenviron/gohlslib/v2/pkg/codecparams"
	"github.com/bluenviron/gohlslib/v2/pkg/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	mp4 "github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"github.com/camgate/camgate"
)

// plan is which tracks of a stream are served, and what is left out.
type plan struct {
	tracks []*camgate.Track // the first one leads: parts and segments end with it
	left   []string         // in words
	made   []string         // of what the stream has, in words
}

// tell says in the header of an answer what became of the stream's tracks.
func (p plan) tell(h http.Header) {
	for _, l := range p.left {
		h.Add(camgate.MissingHeader, l)
	}
	for _, l := range p.made {
		h.Add(camgate.MadeHeader, l)
	}
}

// carries reports whether HLS has a place for a codec.
func carries(c camgate.Codec) bool {
	switch c {
	case camgate.H264, camgate.H265, camgate.VP9, camgate.AV1, camgate.AAC, camgate.Opus:
		return true
	}
	return false
}

// choose takes the first video and the first audio track that HLS can carry. It
// fails with ErrUnsupportedCodec when there is none.
func choose(tracks []*camgate.Track) (p plan, err error) {
	first := map[camgate.Kind]*camgate.Track{}
	for _, t := range tracks {
		switch {
		case !carries(t.Codec):
			p.left = append(p.left, fmt.Sprintf("%s: HLS cannot carry it", t.Codec))
		case first[t.Kind] != nil:
			p.left = append(p.left, fmt.Sprintf("%s: only one %s track is served", t.Codec, t.Kind))
		default:
			first[t.Kind] = t
		}
	}
	for _, kind := range []camgate.Kind{camgate.Video, camgate.Audio} {
		if t := first[kind]; t != nil {
			p.tracks = append(p.tracks, t)
		}
	}
	if len(p.tracks) == 0 {
		err = fmt.Errorf("%w: HLS carries H264, H265, VP9, AV1, AAC and Opus: %s",
			camgate.ErrUnsupportedCodec, strings.Join(p.left, ", "))
	}
	return p, err
}

// lacks is what HLS needs to be made of tracks beside what it can carry of them as they
// are: a picture when there is none for it, and sound. Sound that cannot be made is left
// out.
func lacks(tracks []*camgate.Track) (v camgate.Variant) {
	seen, heard := false, false
	for _, t := range tracks {
		switch {
		case carries(t.Codec):
			seen, heard = seen || t.Kind == camgate.Video, heard || t.Kind == camgate.Audio
		case t.Kind == camgate.Audio:
			v.Audio = camgate.AAC
		case t.Codec.Decodable():
			v.Video = camgate.H264
		}
	}
	if seen {
		v.Video = ""
	}
	if heard {
		v.Audio = ""
	}
	return v
}

// Judge tells what a viewer gets of tracks: those that are served, and in words what
// is left out. It is decided as for a viewer. The error wraps ErrUnsupportedCodec.
func Judge(tracks []*camgate.Track) (served []*camgate.Track, left []string, err error) {
	p, err := choose(tracks)
	if err != nil {
		return nil, p.left, err
	}
	_, err = newHeader(p.tracks, setsIn(p.tracks[0], nil))
	return p.tracks, p.left, err
}

// Try is Judge for a live stream: what HLS cannot carry of it is really made anew, for a
// moment. made tells in words what was.
func Try(ctx context.Context, stream *camgate.Stream, variants camgate.Variants) (served []*camgate.Track, made, left []string, err error) {
	m := &muxer{stream: stream, opts: Options{Variants: variants}}
	tracks := stream.Tracks()
	variant, release, why := m.variant(ctx, tracks)
	defer release()
	served, left, err = Judge(variant.Tracks())
	switch {
	case why != nil && err != nil:
		return nil, nil, left, fmt.Errorf("%w; %w", err, why)
	case why != nil && len(left) > 0:
		left[len(left)-1] += "; " + why.Error()
	}
	if variant != stream && err == nil {
		info := variant.Info()
		made = camgate.Made(tracks, info.Tracks, info.Encoder != "")
	}
	return served, made, left, err
}

// sets are the parameter sets that a decoder starts with: as SPS also what stands for them
// in other codecs, see setsOfOther.
type sets struct{ vps, sps, pps []byte }

// setsIn returns the parameter sets in an access unit at which decoding can start,
// or, for those that are not in it, the track's.
func setsIn(t *camgate.Track, au [][]byte) sets {
	p := t.Params()
	if t.Codec == camgate.VP9 || t.Codec == camgate.AV1 {
		return setsOfOther(t, au)
	}
	s := sets{p.VPS, p.SPS, p.PPS}
	var vps, sps, pps byte = 0xff, 7, 8
	shift, mask := 0, byte(0x1f)
	if t.Codec == camgate.H265 {
		vps, sps, pps, shift, mask = 32, 33, 34, 1, 0x3f
	}
	for _, nalu := range au {
		if len(nalu) == 0 {
			continue
		}
		switch nalu[0] >> shift & mask {
		case vps:
			s.vps = nalu
		case sps:
			s.sps = nalu
		case pps:
			s.pps = nalu
		}
	}
	return s
}

func (s sets) equal(o sets) bool {
	return bytes.Equal(s.vps, o.vps) && bytes.Equal(s.sps, o.sps) && bytes.Equal(s.pps, o.pps)
}

// header is what a player has to know before the first part: the initialization
// section and its codecs.
type header struct {
	init       *blob
	name       name
	codecs     []string // RFC 6381
	resolution string
	fps        float64
}

// newHeader makes the header of the tracks; s are the parameter sets of the video.
func newHeader(tracks []*camgate.Track, s sets) (*header, error) {
	h := &header{}
	var init fmp4.Init
	for i, t := range tracks {
		codec, box, err := codecOf(t, s)
		if err != nil {
			return nil, err
		}
		if t.Kind == camgate.Video {
			if err := h.describe(t, s); err != nil {
				return nil, err
			}
		}
		h.codecs = append(h.codecs, codecString(codec))
		init.Tracks = append(init.Tracks, &fmp4.InitTrack{ID: i + 1, TimeScale: uint32(t.ClockRate), Codec: box})
	}
	var buf seekablebuffer.Buffer
	if err := init.Marshal(&buf); err != nil {
		return nil, unsupported(tracks[0], err)
	}
	hash := fnv.New64a()
	hash.Write(buf.Bytes())
	h.name = name{fileInit, hash.Sum64()}
	h.init = newMedia(buf.Bytes(), tracks[0].Kind)
	return h, nil
}

// codecString is a codec as RFC 6381 writes it. HE-AAC is named as such (ISO/IEC 14496-3
// table 1.17); the library names the AAC in it.
func codecString(c codecs.Codec) string {
	if aac, ok := c.(*codecs.MPEG4Audio); ok && aac.Config.ExtensionType != 0 {
		return fmt.Sprintf("mp4a.40.%d", aac.Config.ExtensionType)
	}
	return codecparams.Marshal(c)
}

// codecOf describes a track to the library that writes playlists and to the one
// that writes boxes.
func codecOf(t *camgate.Track, s sets) (codecs.Codec, mp4.Codec, error) {
	switch t.Codec {
	case camgate.H264:
		return &codecs.H264{SPS: s.sps, PPS: s.pps}, &mp4.H264{SPS: s.sps, PPS: s.pps}, nil
	case camgate.H265:
		return &codecs.H265{VPS: s.vps, SPS: s.sps, PPS: s.pps}, &mp4.H265{VPS: s.vps, SPS: s.sps, PPS: s.pps}, nil
	case camgate.VP9, camgate.AV1:
		return codecOfOther(t, s)
	case camgate.AAC:
		var conf mpeg4audio.AudioSpecificConfig
		if err := conf.Unmarshal(t.Params().Config); err != nil {
			return nil, nil, unsupported(t, err)
		}
		return &codecs.MPEG4Audio{Config: conf}, &mp4.MPEG4Audio{Config: conf}, nil
	default: // choose lets nothing else through
		n := t.Channels
		if n == 0 {
			n = 2
		}
		return &codecs.Opus{ChannelCount: n}, &mp4.Opus{ChannelCount: n}, nil
	}
}

// describe reads the size and rate of the picture. It fails when the parameter
// sets are missing or cannot be read: players could not start.
func (h *header) describe(t *camgate.Track, s sets) error {
	var width, height int
	switch t.Codec {
	case camgate.VP9, camgate.AV1: // codecOf has read it
		p := t.Params()
		h.resolution = fmt.Sprintf("%dx%d", p.Width, p.Height)
		return nil
	case camgate.H264:
		var sps h264.SPS
		if err := sps.Unmarshal(s.sps); err != nil {
			return unsupported(t, fmt.Errorf("SPS: %w", err))
		}
		width, height, h.fps = sps.Width(), sps.Height(), sps.FPS()
	case camgate.H265:
		var sps h265.SPS
		if err := sps.Unmarshal(s.sps); err != nil {
			return unsupported(t, fmt.Errorf("SPS: %w", err))
		}
		width, height, h.fps = sps.Width(), sps.Height(), sps.FPS()
	}
	if len(s.pps) == 0 || t.Codec == camgate.H265 && len(s.vps) == 0 {
		return unsupported(t, fmt.Errorf("parameter sets are missing"))
	}
	h.resolution = fmt.Sprintf("%dx%d", width, height)
	return nil
}

// depthOf returns how many pictures a decoder holds back, as far as the parameter
// sets tell (VUI max_num_reorder_frames, sps_max_num_reorder_pics).
func depthOf(t *camgate.Track, s sets) int {
	switch t.Codec {
	case camgate.H264:
		var sps h264.SPS
		if sps.Unmarshal(s.sps) != nil || sps.VUI == nil || sps.VUI.BitstreamRestriction == nil {
			return 0
		}
		return min(int(sps.VUI.BitstreamRestriction.MaxNumReorderFrames), maxReorder)
	case camgate.H265:
		var sps h265.SPS
		if sps.Unmarshal(s.sps) != nil || len(sps.MaxNumReorderPics) == 0 {
			return 0
		}
		return min(int(sps.MaxNumReorderPics[len(sps.MaxNumReorderPics)-1]), maxReorder)
	}
	return 0
}
