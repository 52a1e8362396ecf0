package ingest

import (
	"cmp"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"github.com/camgate/camgate"
)

// format is what is fixed for each codec that camgate understands.
type format struct {
	kind        camgate.Kind
	clockRate   int   // 0: given by the source
	payloadType uint8 // RFC 3551 section 6, or from the dynamic range
	packetizer  camgate.Packetizer
}

func formatOf(c camgate.Codec) (format, bool) {
	switch c {
	case camgate.H264:
		return format{camgate.Video, 90000, 96, packetizeH264{}}, true
	case camgate.H265:
		return format{camgate.Video, 90000, 96, packetizeH265{}}, true
	case camgate.VP8:
		return format{camgate.Video, 90000, 96, packetizeVP8{}}, true
	case camgate.VP9:
		return format{camgate.Video, 90000, 96, packetizeVP9{}}, true
	case camgate.AV1:
		return format{camgate.Video, 90000, 96, packetizeAV1{}}, true
	case camgate.MJPEG:
		return format{camgate.Video, 90000, 26, packetizeMJPEG{}}, true
	case camgate.Raw:
		return format{camgate.Video, 90000, 96, packetizeNothing{}}, true
	case camgate.AAC:
		return format{camgate.Audio, 0, 97, packetizeAAC{}}, true
	case camgate.Opus:
		return format{camgate.Audio, 48000, 97, packetizeWhole{}}, true
	case camgate.PCMU:
		return format{camgate.Audio, 0, 0, packetizeWhole{}}, true
	case camgate.PCMA:
		return format{camgate.Audio, 0, 8, packetizeWhole{}}, true
	}
	return format{}, false
}

// NewTrack makes a track: it fills in what the codec fixes and reads the size and
// profile from the parameter sets in o.Params, if there are any. Codecs that are
// only passed through need Kind, ClockRate, PayloadType and RTPMap from the source.
func NewTrack(o camgate.TrackOptions) (*camgate.Track, error) {
	f, ok := formatOf(o.Codec)
	if !ok {
		if o.Codec.Understood() {
			return nil, fmt.Errorf("%w: %s", camgate.ErrUnsupportedCodec, o.Codec)
		}
		// Of sound, only what may be spread over several packets marks its end.
		o.Packetizer = passThrough{marker: o.Kind != camgate.Audio || o.Codec == camgate.AC3 || o.Codec == "MP4A-LATM"}
		if o.ClockRate <= 0 {
			return nil, fmt.Errorf("%w: %s without a clock rate", camgate.ErrUnsupportedCodec, o.Codec)
		}
		return camgate.NewTrack(o), nil
	}
	o.Kind, o.Packetizer, o.PayloadType = f.kind, f.packetizer, f.payloadType
	if f.clockRate != 0 {
		o.ClockRate = f.clockRate
	}
	if o.Codec == camgate.PCMA || o.Codec == camgate.PCMU {
		if o.ClockRate == 0 {
			o.ClockRate = 8000
		}
		if o.Channels == 0 {
			o.Channels = 1
		}
		if o.ClockRate != 8000 || o.Channels != 1 {
			o.PayloadType = 98 // the static type means 8 kHz mono
		}
	}
	var err error
	if o.Params, err = describe(o.Codec, o.Params); err != nil {
		return nil, err
	}
	if o.Codec == camgate.AAC {
		if err := describeAAC(&o); err != nil {
			return nil, err
		}
	}
	if o.ClockRate <= 0 {
		return nil, fmt.Errorf("%w: %s without a clock rate", camgate.ErrUnsupportedCodec, o.Codec)
	}
	return camgate.NewTrack(o), nil
}

func describeAAC(o *camgate.TrackOptions) error {
	var conf mpeg4audio.AudioSpecificConfig
	if err := conf.Unmarshal(o.Params.Config); err != nil {
		return fmt.Errorf("%w: AAC AudioSpecificConfig: %w", camgate.ErrUnsupportedCodec, err)
	}
	if o.ClockRate == 0 { // of what is heard: with HE-AAC that is not the rate of the AAC in it
		o.ClockRate = cmp.Or(conf.ExtensionSampleRate, conf.SampleRate)
	}
	o.Channels = channelsOf(conf.ChannelConfig)
	if conf.ExtensionType == mpeg4audio.ObjectTypePS && o.Channels == 1 {
		o.Channels = 2 // parametric stereo
	}
	p := *o.Params
	p.Profile = map[mpeg4audio.ObjectType]string{
		mpeg4audio.ObjectTypeAACLC: "AAC-LC", mpeg4audio.ObjectTypeSBR: "HE-AAC", mpeg4audio.ObjectTypePS: "HE-AACv2",
	}[cmp.Or(conf.ExtensionType, conf.Type)]
	o.Params = &p
	return nil
}

// channelsOf maps a channelConfiguration (ISO/IEC 14496-3, table 1.19); 0 means
// that the stream itself tells.
func channelsOf(config uint8) int {
	if config == 7 {
		return 8
	}
	return int(config)
}
