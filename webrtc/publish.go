package webrtc

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// sources is what a section of an offer says of what is sent in it.
type sources struct {
	ssrcs   []uint32          // in their order
	repairs []uint32          // those of them that repair others, or are other sizes of the same picture
	extmap  map[string]string // by URI: "3 URI"
}

// maxNamed bounds the sources that a section names.
const maxNamed = 16

func (s *sources) attribute(name, value string) {
	switch name {
	case "ssrc": // RFC 5576 section 4.1
		id, _, _ := strings.Cut(value, " ")
		if n, err := strconv.ParseUint(id, 10, 32); err == nil && len(s.ssrcs) < maxNamed && !slices.Contains(s.ssrcs, uint32(n)) {
			s.ssrcs = append(s.ssrcs, uint32(n))
		}
	case "ssrc-group": // RFC 5576 section 4.2: the first one is what the others go with
		f := strings.Fields(value)
		for i, id := range f {
			if n, err := strconv.ParseUint(id, 10, 32); err == nil && i > 1 && len(s.repairs) < maxNamed {
				s.repairs = append(s.repairs, uint32(n))
			}
		}
	case "extmap": // RFC 8285 section 5
		id, rest, _ := strings.Cut(value, " ")
		uri, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		if uri == sdp.TransportCCURI {
			id, _, _ = strings.Cut(id, "/")
			if n, err := strconv.ParseUint(id, 10, 8); err == nil && n > 0 && n < 256 && n != 15 {
				s.extmap = map[string]string{uri: strconv.Itoa(int(n)) + " " + uri}
			}
		}
	}
}

// lines are the attributes of a section that the library is to see: the one source that is
// taken, should it be named, and the extension for feedback on the transport.
func (s *sources) lines() (out []string) {
	for _, ext := range s.extmap {
		out = append(out, "extmap:"+ext)
	}
	for _, id := range s.ssrcs {
		if !slices.Contains(s.repairs, id) {
			return append(out, fmt.Sprintf("ssrc:%d cname:publisher", id), "msid:publisher "+strconv.Itoa(int(id)))
		}
	}
	return out
}

// sends reports whether a section is to bring media.
func (s *section) sends() bool {
	return !s.rejected && (s.kind == "video" || s.kind == "audio") && (s.direction == "sendrecv" || s.direction == "sendonly")
}

// accept chooses how each section of an offer of one who publishes is taken. There is no
// part of an offer that is accepted: what cannot be taken as a whole fails with
// ErrUnsupportedCodec (RFC 9725 section 4.4).
func (o *offer) accept() (*plan, error) {
	p := &plan{ingest: true}
	refuse := func(format string, args ...any) (*plan, error) {
		return nil, fmt.Errorf("%w: "+format, append([]any{camgate.ErrUnsupportedCodec}, args...)...)
	}
	for i := range o.sections {
		s := &o.sections[i]
		kind := camgate.Kind(s.kind)
		switch {
		case s.rejected, s.kind != "video" && s.kind != "audio":
			continue // the answer rejects it, too
		case !s.sends():
			return refuse("the %s section %s is %s: a publisher sends (sendonly)", s.kind, printable(s.mid), s.direction)
		case p.has(kind):
			return refuse("the offer has more than one %s track: there is one picture and one sound", kind)
		case o.bundle != nil && !slices.Contains(o.bundle, s.mid), o.bundle == nil && len(p.routes) > 0:
			return refuse("the %s section is not bundled with the others", s.kind)
		}
		c, track, err := s.take(kind)
		if err != nil {
			return nil, err
		}
		p.routes = append(p.routes, route{track: track, section: i, codec: c, lines: s.sources.lines()})
	}
	if len(p.routes) == 0 {
		return refuse("the offer sends neither picture nor sound")
	}
	return p, nil
}

// take chooses the payload type of a section: the first one that is understood, as the
// order is the publisher's preference (RFC 3264 section 6.1).
func (s *section) take(kind camgate.Kind) (*codec, *camgate.Track, error) {
	for _, format := range s.formats {
		n, err := strconv.ParseUint(format, 10, 7)
		if err != nil {
			continue
		}
		c := s.codecs[uint8(n)]
		if c == nil {
			continue
		}
		if options, ok := c.taken(kind); ok {
			track, err := ingest.NewTrack(options)
			return c, track, err
		}
	}
	return nil, nil, fmt.Errorf("%w: of %s, H264, VP8, VP9, AV1, H265, Opus, PCMA and PCMU can be published; the offer has %s",
		camgate.ErrUnsupportedCodec, kind, s.named())
}

// named lists the codecs of a section.
func (s *section) named() string {
	var names []string
	for _, c := range s.codecs {
		if name := printable(c.name); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "none"
	}
	slices.Sort(names)
	return strings.Join(names[:min(len(names), 12)], " ")
}

// taken tells which track a payload type becomes.
func (c *codec) taken(kind camgate.Kind) (camgate.TrackOptions, bool) {
	o := camgate.TrackOptions{}
	if kind == camgate.Video {
		if c.clockRate != 90000 {
			return o, false
		}
		switch o.Codec = camgate.Codec(c.name); o.Codec {
		case camgate.H264: // mode 2 is interleaved (RFC 6184 section 6.4)
			return o, c.parameter("packetization-mode") != "2"
		case camgate.VP8, camgate.VP9, camgate.AV1, camgate.H265:
			return o, true
		}
		return o, false
	}
	switch {
	case c.name == "OPUS" && c.clockRate == 48000 && c.channels == 2:
		o.Codec, o.Channels = camgate.Opus, 2
	case (c.name == "PCMA" || c.name == "PCMU") && c.clockRate == 8000 && c.channels == 1:
		o.Codec, o.ClockRate, o.Channels = camgate.Codec(c.name), 8000, 1
	default:
		return o, false
	}
	return o, true
}
