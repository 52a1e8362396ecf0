package webrtc

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
	pion "github.com/pion/webrtc/v4"

	"github.com/camgate/camgate"
)

// part returns what the library gets to see of an offer: the sections of the plan,
// each with the one payload type that was chosen, and the viewer's side of the
// transport. Candidates are not in it: the
// gateway never sends to an address that somebody only claims to have.
func (o *offer) part(p *plan, peer peer) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("v=0")
	line("o=- 1 1 IN IP4 0.0.0.0")
	line("s=-")
	line("t=0 0")
	parts := p.parts()
	mids := make([]string, len(parts))
	for i, r := range parts {
		mids[i] = o.sections[r.section].midOr("0")
	}
	line("a=group:BUNDLE %s", strings.Join(mids, " "))
	line("a=fingerprint:%s", peer.fingerprint())
	line("a=ice-ufrag:%s", peer.ufrag)
	line("a=ice-pwd:%s", peer.pwd)
	for i, r := range parts {
		direction := cmp.Or(r.direction, "recvonly")
		if p.ingest {
			direction = "sendonly"
		}
		types := ""
		for _, c := range r.codecs() {
			types += fmt.Sprintf(" %d", c.payloadType)
		}
		if r.repair != nil {
			types += fmt.Sprintf(" %d", r.repair.payloadType)
		}
		line("m=%s 9 UDP/TLS/RTP/SAVPF%s", r.track.Kind, types)
		line("c=IN IP4 0.0.0.0")
		line("a=mid:%s", mids[i])
		line("a=setup:actpass")
		line("a=%s", direction)
		line("a=rtcp-mux")
		for _, c := range r.codecs() {
			line("a=%s", c.rtpmap())
			if c.fmtp != "" {
				line("a=fmtp:%d %s", c.payloadType, c.fmtp)
			}
			for _, feedback := range c.feedback {
				line("a=rtcp-fb:%d %s", c.payloadType, feedback)
			}
		}
		if r.repair != nil {
			line("a=%s", r.repair.rtpmap())
			line("a=fmtp:%d apt=%d", r.repair.payloadType, r.codec.payloadType)
		}
		for _, l := range r.lines {
			line("a=%s", l)
		}
	}
	return b.String()
}

// midOr returns the section's mid. Without BUNDLE it may have none, but is the only
// one that is used.
func (s *section) midOr(other string) string {
	if s.mid == "" {
		return other
	}
	return s.mid
}

// answer makes the answer to the whole offer (RFC 8829 section 5.3) of the library's
// one to its part: it has the gateway's candidates, and rejects all other sections.
func (o *offer) answer(made string, p *plan, candidates []string) (string, error) {
	var a sdp.SessionDescription
	if err := a.UnmarshalString(made); err != nil {
		return "", fmt.Errorf("PeerConnection: %w", err)
	}
	sent := a.MediaDescriptions
	parts := p.parts()
	if len(sent) != len(parts) {
		return "", fmt.Errorf("PeerConnection: %d sections, want %d", len(sent), len(parts))
	}
	a.MediaDescriptions = nil
	first := p.first(o)
	for i := range o.sections {
		s := &o.sections[i]
		n := slices.IndexFunc(parts, func(r route) bool { return r.section == i })
		if n < 0 {
			m := s.reject(&a, sent[0])
			if i == first {
				s.keep(&a, m)
				transportOf(m, candidates)
			}
			a.MediaDescriptions = append(a.MediaDescriptions, m)
			continue
		}
		m := sent[n]
		m.MediaName.Protos = strings.Split(s.proto, "/")
		if s.mid == "" {
			m.Attributes = without(m.Attributes, sdp.AttrKeyMID)
		}
		m.WithPropertyAttribute("rtcp-mux-only") // RFC 9725 section 4.4.1
		if i == first {                          // the others are bundled with it
			transportOf(m, candidates)
		}
		a.MediaDescriptions = append(a.MediaDescriptions, m)
	}
	if o.bundle == nil {
		a.Attributes = without(a.Attributes, sdp.AttrKeyGroup)
	}
	text, err := a.Marshal()
	if err != nil {
		return "", fmt.Errorf("PeerConnection: %w", err)
	}
	return string(text), nil
}

// first is the section that stands for the transport: the first one that is not
// rejected. A viewer's first section is kept without media rather than rejected: Chromium
// cannot move the transport away from it.
func (p *plan) first(o *offer) int {
	used := p.parts()[0].section
	if s := &o.sections[0]; used > 0 && !p.ingest && s.keeps() && o.bundle != nil && o.bundled(0) && o.bundled(used) {
		return 0
	}
	return used
}

// keeps tells whether an answer can name a payload type of the section.
func (s *section) keeps() bool {
	return !s.rejected && (s.kind == "video" || s.kind == "audio") && s.peer.ufrag != "" && s.peer.pwd != "" && len(s.peer.fingerprints) > 0 && s.speaks() != nil
}

// speaks is the first payload type of which the viewer says what it is.
func (s *section) speaks() *codec {
	for _, format := range s.formats {
		for _, c := range s.codecs {
			if c.name != "" && strconv.Itoa(int(c.payloadType)) == format {
				return c
			}
		}
	}
	return nil
}

// transportOf gives the section that stands for the transport its candidates.
func transportOf(m *sdp.MediaDescription, candidates []string) {
	for _, c := range candidates {
		m.Attributes = append(m.Attributes, sdp.NewAttribute(sdp.AttrKeyCandidate, c))
	}
	m.Attributes = append(m.Attributes, sdp.NewPropertyAttribute(sdp.AttrKeyEndOfCandidates))
}

// keep makes of a rejected section one that is there, without media, for the transport.
func (s *section) keep(answer *sdp.SessionDescription, m *sdp.MediaDescription) {
	c := s.speaks()
	m.MediaName.Port = sdp.RangedPort{Value: 9}
	m.MediaName.Formats = []string{strconv.Itoa(int(c.payloadType))}
	m.Attributes = without(m.Attributes, "rtpmap")
	name, value, _ := strings.Cut(c.rtpmap(), ":")
	m.WithValueAttribute(name, value)
	if c.fmtp != "" {
		m.WithValueAttribute("fmtp", fmt.Sprintf("%d %s", c.payloadType, c.fmtp))
	}
	m.WithPropertyAttribute("rtcp-mux").WithPropertyAttribute("rtcp-mux-only")
	for i := range answer.Attributes {
		if a := &answer.Attributes[i]; a.Key == sdp.AttrKeyGroup {
			a.Value = strings.Replace(a.Value, "BUNDLE", "BUNDLE "+s.mid, 1)
		}
	}
}

func without(attributes []sdp.Attribute, key string) []sdp.Attribute {
	return slices.DeleteFunc(attributes, func(a sdp.Attribute) bool { return a.Key == key })
}

// reject declines a section (RFC 8829 section 5.3.1). It names a format all the
// same, and some viewers want to know what that is. GStreamer takes no section without
// a transport, so it gets the one of the session.
func (s *section) reject(answer *sdp.SessionDescription, with *sdp.MediaDescription) *sdp.MediaDescription {
	m := &sdp.MediaDescription{
		MediaName:             sdp.MediaName{Media: s.kind, Protos: strings.Split(s.proto, "/"), Formats: s.formats[:1]},
		ConnectionInformation: &sdp.ConnectionInformation{NetworkType: "IN", AddressType: "IP4", Address: &sdp.Address{Address: "0.0.0.0"}},
	}
	if s.mid != "" {
		m.WithValueAttribute(sdp.AttrKeyMID, s.mid)
	}
	m.WithPropertyAttribute(sdp.AttrKeyInactive)
	for _, c := range s.codecs {
		if c.name != "" && strconv.Itoa(int(c.payloadType)) == s.formats[0] {
			name, value, _ := strings.Cut(c.rtpmap(), ":")
			m.WithValueAttribute(name, value)
		}
	}
	for _, key := range []string{"ice-ufrag", "ice-pwd", "fingerprint", sdp.AttrKeyConnectionSetup} {
		value, ok := with.Attribute(key)
		if !ok {
			value, ok = answer.Attribute(key)
		}
		if ok {
			m.WithValueAttribute(key, value)
		}
	}
	return m
}

func (c *codec) rtpmap() string {
	out := fmt.Sprintf("rtpmap:%d %s/%d", c.payloadType, wireName(c), c.clockRate)
	if c.channels > 1 {
		out += fmt.Sprintf("/%d", c.channels)
	}
	return out
}

// wireName is the codec's name as browsers write it.
func wireName(c *codec) string {
	switch c.name {
	case "OPUS":
		return "opus"
	case rtx:
		return "rtx"
	}
	return c.name
}

// forLibrary describes the payload type to the library, with what feedback the
// gateway acts on.
func (c *codec) forLibrary(kind camgate.Kind) pion.RTPCodecParameters {
	out := pion.RTPCodecParameters{PayloadType: pion.PayloadType(c.payloadType)}
	out.MimeType, out.ClockRate, out.SDPFmtpLine = string(kind)+"/"+wireName(c), uint32(c.clockRate), c.fmtp
	if c.channels > 1 {
		out.Channels = uint16(c.channels)
	}
	out.RTCPFeedback = []pion.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}}
	return out
}
