package rtsp

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// input is a media of an SDP that camgate takes, as one track.
type input struct {
	media  *description.Media
	format format.Format
	track  *camgate.Track
}

// inputs chooses what to take of a description: of each media the first format that
// works, without the channels that lead back to the camera. An error tells why
// there is nothing to take. body is the SDP that desc was read from; the formats in desc
// are given the clock rates that it tells.
func inputs(desc *description.Session, body []byte) ([]input, error) {
	var ins []input
	var refused []string
	rates := mappedRates(body)
	for i, media := range desc.Medias {
		if media.IsBackChannel {
			continue
		}
		for j, f := range media.Formats {
			mapped := 0
			if len(rates) == len(desc.Medias) {
				mapped = rates[i][f.PayloadType()]
			}
			f = withClock(f, mapped)
			media.Formats[j] = f
			track, err := trackOf(media.Type, f)
			if err == nil {
				ins = append(ins, input{media, f, track})
				break
			}
			refused = append(refused, err.Error())
		}
	}
	switch {
	case len(ins) > 0:
		return ins, nil
	case len(refused) > 0:
		return nil, fmt.Errorf("%w: %s", camgate.ErrUnsupportedCodec, strings.Join(refused, "; "))
	}
	return nil, camgate.ErrNoVideoTrack
}

// trackOf makes the track for a format of an SDP.
func trackOf(typ description.MediaType, f format.Format) (*camgate.Track, error) {
	o := camgate.TrackOptions{ClockRate: f.ClockRate(), Kind: kindOf(typ)}
	switch f := plain(f).(type) {
	case *format.H264:
		o.Codec, o.Params = camgate.H264, &camgate.Params{SPS: f.SPS, PPS: f.PPS}
	case *format.H265:
		o.Codec, o.Params = camgate.H265, &camgate.Params{VPS: f.VPS, SPS: f.SPS, PPS: f.PPS}
	case *format.MJPEG:
		o.Codec = camgate.MJPEG
	case *format.Opus:
		o.Codec, o.Channels = camgate.Opus, f.ChannelCount
		if f.ChannelCount > 2 { // another payload format, not RFC 7587
			passThrough(&o, f)
		}
	case *format.G711:
		o.Codec, o.Channels = camgate.PCMA, f.ChannelCount
		if f.MULaw {
			o.Codec = camgate.PCMU
		}
	case *format.VP8:
		o.Codec = camgate.VP8
	case *format.VP9:
		o.Codec = camgate.VP9
	case *format.AV1:
		o.Codec = camgate.AV1
	case *format.MPEG4Audio:
		config, err := f.Config.Marshal()
		if err != nil {
			return nil, fmt.Errorf("AAC: %w", err)
		}
		o.Codec, o.Params = camgate.AAC, &camgate.Params{Config: config}
	case *format.MPEG4AudioLATM:
		if !isPlain(f) { // with the configuration in the stream there is none to describe
			passThrough(&o, f)
			break
		}
		config, err := f.StreamMuxConfig.Programs[0].Layers[0].AudioSpecificConfig.Marshal()
		if err != nil {
			return nil, fmt.Errorf("AAC (LATM): %w", err)
		}
		o.Codec, o.Params = camgate.AAC, &camgate.Params{Config: config}
	default:
		passThrough(&o, f)
	}
	track, err := ingest.NewTrack(o)
	if err != nil && o.Params != nil && len(o.Params.SPS) > 0 {
		// Cameras put nonsense there and send the right ones with the pictures.
		o.Params = nil
		track, err = ingest.NewTrack(o)
	}
	return track, err
}

func kindOf(typ description.MediaType) camgate.Kind {
	switch typ {
	case description.MediaTypeVideo:
		return camgate.Video
	case description.MediaTypeAudio:
		return camgate.Audio
	}
	return camgate.Data
}

// passThrough fills in o for a format whose packets go on as they came.
func passThrough(o *camgate.TrackOptions, f format.Format) {
	o.PayloadType, o.RTPMap, o.Params = f.PayloadType(), f.RTPMap(), &camgate.Params{}
	if o.RTPMap == "" {
		o.RTPMap = staticMap(o.PayloadType)
	}
	parts := strings.Split(o.RTPMap, "/")
	o.Codec = codecOf(parts[0], o.PayloadType)
	if o.Kind == camgate.Audio {
		o.Channels = 1
		if len(parts) > 2 {
			if n, err := strconv.ParseUint(parts[2], 10, 8); err == nil {
				o.Channels = int(n)
			}
		}
	}
	fmtp := f.FMTP()
	keys := make([]string, 0, len(fmtp))
	for key := range fmtp {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for i, key := range keys {
		keys[i] = key + "=" + fmtp[key]
	}
	o.FMTP = strings.Join(keys, "; ")
}

// staticMap is a mapping that an SDP may leave out (RFC 3551 section 6).
func staticMap(payloadType uint8) string {
	switch payloadType {
	case 14:
		return "MPA/90000"
	case 32:
		return "MPV/90000"
	case 33:
		return "MP2T/90000"
	}
	return ""
}

// codecOf names the codec with the given encoding name of an rtpmap.
func codecOf(name string, payloadType uint8) camgate.Codec {
	switch name = strings.ToUpper(name); name {
	case "":
		return camgate.Codec("RTP-" + strconv.Itoa(int(payloadType)))
	case "L8", "L16", "L24":
		return camgate.LPCM
	case "SMPTE336M":
		return camgate.KLV
	}
	if c := camgate.Codec(name); !c.Understood() {
		return c
	}
	return camgate.Codec(name + " (RTP)") // not in the form that camgate understands
}

// unfitError is why a track cannot be sent by RTP.
type unfitError struct{ reason string }

func (e *unfitError) Error() string { return camgate.ErrUnsupportedCodec.Error() + ": " + e.reason }

func (e *unfitError) Unwrap() error { return camgate.ErrUnsupportedCodec }

// Judge tells whether RTSP carries tracks: it does all that arrives, but pictures that
// are not compressed, and some JPEG. The error wraps ErrUnsupportedCodec.
func Judge(tracks []*camgate.Track) error {
	for _, t := range tracks {
		if t.Codec == camgate.Raw {
			return &unfitError{"pictures that are not compressed have no place in RTSP"}
		}
		if why := t.Params().NoRTP; why != "" {
			return &unfitError{"RTP cannot carry these JPEG files (RFC 2435): " + why}
		}
	}
	return nil
}

// mediaOf describes a track with its current parameters to clients.
func mediaOf(t *camgate.Track) *description.Media {
	m := &description.Media{Type: description.MediaTypeApplication}
	switch t.Kind {
	case camgate.Video:
		m.Type = description.MediaTypeVideo
	case camgate.Audio:
		m.Type = description.MediaTypeAudio
	}
	m.Formats = []format.Format{formatOf(t)}
	return m
}

// formatOf is the rtpmap and fmtp of a track. The library's own types would derive
// them from less than we know.
func formatOf(t *camgate.Track) *format.Generic {
	f := &format.Generic{PayloadTyp: t.PayloadType, RTPMa: t.RTPMap, ClockRat: t.ClockRate}
	p := t.Params()
	switch t.Codec {
	case camgate.H264:
		f.RTPMa, f.FMT = "H264/90000", map[string]string{"packetization-mode": "1"}
		if len(p.SPS) >= 4 && len(p.PPS) > 0 {
			f.FMT["profile-level-id"] = strings.ToUpper(hex.EncodeToString(p.SPS[1:4]))
			f.FMT["sprop-parameter-sets"] = base64Of(p.SPS) + "," + base64Of(p.PPS)
		}
	case camgate.H265:
		f.RTPMa = "H265/90000"
		if len(p.VPS) > 0 && len(p.SPS) > 0 && len(p.PPS) > 0 {
			f.FMT = map[string]string{"sprop-vps": base64Of(p.VPS), "sprop-sps": base64Of(p.SPS), "sprop-pps": base64Of(p.PPS)}
		}
	case camgate.MJPEG:
		f.RTPMa = "JPEG/90000"
	case camgate.VP8, camgate.VP9, camgate.AV1:
		f.RTPMa = string(t.Codec) + "/90000"
		if t.Codec == camgate.VP9 && p.Profile != "" { // RFC 9628 section 6
			f.FMT = map[string]string{"profile-id": strings.TrimPrefix(p.Profile, "Profile ")}
		}
	case camgate.AAC:
		f.RTPMa = fmt.Sprintf("mpeg4-generic/%d/%d", t.ClockRate, max(t.Channels, 1))
		f.FMT = map[string]string{
			"streamtype": "5", "profile-level-id": "1", "mode": "AAC-hbr",
			"sizelength": "13", "indexlength": "3", "indexdeltalength": "3", "config": hex.EncodeToString(p.Config),
		}
	case camgate.Opus:
		f.RTPMa = "opus/48000/2" // whatever the number of channels (RFC 7587 section 7)
		f.FMT = map[string]string{"sprop-stereo": strconv.Itoa(min(t.Channels, 2) / 2)}
	case camgate.PCMA, camgate.PCMU:
		f.RTPMa = fmt.Sprintf("%s/%d", t.Codec, t.ClockRate)
		if t.Channels > 1 {
			f.RTPMa += "/" + strconv.Itoa(t.Channels)
		}
	default:
		f.FMT = splitFMTP(t.FMTP)
	}
	return f
}

func splitFMTP(fmtp string) map[string]string {
	if fmtp == "" {
		return nil
	}
	out := map[string]string{}
	for pair := range strings.SplitSeq(fmtp, "; ") {
		if key, value, ok := strings.Cut(pair, "="); ok {
			out[key] = value
		}
	}
	return out
}

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
