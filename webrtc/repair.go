package webrtc

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/pion/sdp/v3"
	pion "github.com/pion/webrtc/v4"

	"github.com/camgate/camgate"
)

// rtx is the name of the codec of packets that are sent again (RFC 4588 section 8.6).
const rtx = "RTX"

// The kinds of feedback by which a viewer tells what its network carries.
const (
	transportCC = "transport-cc" // draft-holmer-rmcat-transport-wide-cc-extensions
	remb        = "goog-remb"    // draft-alvestrand-rmcat-remb
)

// route leads a track to the section, by the codec, with what the viewer offers of
// repair and feedback. What is sent again has a source of its own then, so that both
// sides see what was lost. The transport's sequence numbers need that: a packet with
// another number in it could not be sent under its own once more.
func (s *section) route(i int, t *camgate.Track, c *codec) route {
	r := route{track: t, section: i, codec: c}
	if t.Kind != camgate.Video {
		return r
	}
	if r.repair = s.repairOf(c); r.repair == nil || !slices.Contains(c.feedback, transportCC) {
		return r
	}
	line := s.sources.extmap[sdp.TransportCCURI]
	var id uint8
	if _, err := fmt.Sscanf(line, "%d ", &id); err == nil && id > 0 && id < 15 { // one byte (RFC 8285 section 4.2)
		r.stamps, r.lines = id, []string{"extmap:" + line}
	}
	return r
}

// unstamp leaves the transport's sequence numbers out.
func (p *plan) unstamp() {
	for i := range p.routes {
		if p.routes[i].stamps != 0 {
			p.routes[i].stamps, p.routes[i].lines = 0, nil
		}
	}
}

// repairOf returns the payload type for packets of a codec that are sent again.
func (s *section) repairOf(c *codec) *codec {
	for _, format := range s.formats {
		n, err := strconv.ParseUint(format, 10, 7)
		if of := s.codecs[uint8(n)]; err == nil && of != nil && of.name == rtx && of.clockRate == c.clockRate &&
			of.parameter("apt") == strconv.Itoa(int(c.payloadType)) {
			return of
		}
	}
	return nil
}

// register tells the library what the route is made of, but for the payload types that
// it knows.
func (r *route) register(m *pion.MediaEngine, known map[uint8]bool) error {
	kind := pion.NewRTPCodecType(string(r.track.Kind))
	for _, c := range r.preferences() {
		if known[uint8(c.PayloadType)] {
			continue
		}
		known[uint8(c.PayloadType)] = true
		if err := m.RegisterCodec(c, kind); err != nil {
			return err
		}
	}
	if r.stamps == 0 {
		return nil
	}
	return m.RegisterHeaderExtension(pion.RTPHeaderExtensionCapability{URI: sdp.TransportCCURI}, kind, pion.RTPTransceiverDirectionSendonly)
}

// preferences describes the route's payload types to the library.
func (r *route) preferences() (out []pion.RTPCodecParameters) {
	for _, c := range r.codecs() {
		media := c.forLibrary(r.track.Kind)
		if r.track.Kind == camgate.Video {
			of := remb
			if r.stamps != 0 {
				of = transportCC
			}
			media.RTCPFeedback = append(media.RTCPFeedback, pion.RTCPFeedback{Type: of})
		}
		out = append(out, media)
	}
	if r.repair != nil {
		repair := pion.RTPCodecParameters{PayloadType: pion.PayloadType(r.repair.payloadType)}
		repair.MimeType, repair.ClockRate = pion.MimeTypeRTX, uint32(r.repair.clockRate)
		repair.SDPFmtpLine = fmt.Sprintf("apt=%d", r.codec.payloadType)
		out = append(out, repair)
	}
	return out
}

// newLane makes the lane of a route.
func newLane(r route, cname string) *lane {
	l := &lane{
		track: r.track, kind: r.track.Kind, name: fmt.Sprintf("%s%d", r.track.Kind, r.track.ID), cname: cname, payloadType: r.codec.payloadType, stamps: r.stamps,
		next: 1<<16 + uint64(randomUint32()>>17), repairs: uint16(randomUint32()),
	}
	if r.repair != nil {
		l.repairType = r.repair.payloadType
	}
	return l
}
