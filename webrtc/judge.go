package webrtc

import (
	"context"
	"strconv"

	"github.com/camgate/camgate"
)

// Judge tells what a viewer gets of tracks who decodes what every browser does, and
// also the codecs named: the tracks that are sent, and in words what is left out. It
// is decided as for a session. The error wraps ErrUnsupportedCodec.
func Judge(tracks []*camgate.Track, also ...camgate.Codec) (sent []*camgate.Track, missing []string, err error) {
	p, err := negotiate(everyBrowser(also...), tracks)
	if err != nil {
		return nil, nil, err
	}
	return p.tracks(), p.missing, nil
}

// Try is Judge for a live stream: what such a viewer cannot take is really made of it, for
// a moment. made tells in words what was.
func Try(ctx context.Context, stream *camgate.Stream, variants camgate.Variants) (sent []*camgate.Track, made, missing []string, err error) {
	s := &Server{opts: Options{Variants: variants}}
	p, err := s.plan(ctx, everyBrowser(), stream, stream.Tracks())
	if err != nil {
		return nil, nil, nil, err
	}
	defer p.end()
	return p.tracks(), p.made, p.missing, nil
}

// everyBrowser offers what every browser decodes, and also the codecs named.
func everyBrowser(also ...camgate.Codec) *offer {
	o := &offer{sections: []section{
		// RFC 7742 section 5 and RFC 7874 section 3, and what browsers have besides.
		judged(camgate.Video, append([]camgate.Codec{camgate.H264, camgate.VP8, camgate.VP9}, also...)),
		judged(camgate.Audio, []camgate.Codec{camgate.Opus, camgate.G722, camgate.PCMU, camgate.PCMA}),
	}}
	o.bundle = []string{string(camgate.Video), string(camgate.Audio)}
	return o
}

// judged is a section that offers codecs as browsers do.
func judged(k camgate.Kind, codecs []camgate.Codec) section {
	s := section{kind: string(k), mid: string(k), direction: "recvonly"}
	lines := map[camgate.Codec]string{
		camgate.Opus: "opus/48000/2", camgate.G722: "G722/8000", camgate.PCMU: "PCMU/8000", camgate.PCMA: "PCMA/8000",
	}
	s.codecs = map[uint8]*codec{}
	for i, name := range codecs {
		c := &codec{payloadType: uint8(96 + i)}
		line := lines[name]
		if line == "" {
			line = string(name) + "/90000"
		}
		c.describe(line)
		if name == camgate.H264 {
			c.fmtp = "packetization-mode=1;profile-level-id=42e01f"
		}
		s.codecs[c.payloadType] = c
		s.formats = append(s.formats, strconv.Itoa(96+i))
	}
	return s
}
