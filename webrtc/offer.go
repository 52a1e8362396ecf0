package webrtc

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

const (
	// maxOffer bounds an offer in bytes; browsers send 2 to 10 kB.
	maxOffer    = 64 << 10
	maxSections = 64
)

// offer is what the gateway needs to know of a viewer's SDP offer (RFC 8829).
type offer struct {
	peer     peer     // for sections that do not say
	bundle   []string // mids of the first BUNDLE group
	sections []section
	ours     peer // what the viewer was told before of our side of ICE; zero: nothing
}

// peer is the viewer's side of a transport.
type peer struct {
	ufrag, pwd   string   // RFC 8839 section 5.4
	fingerprints []string // "sha-256 AA:BB...", RFC 8122 section 5
	setup        string   // RFC 4145 section 4
}

// section is one media description of an offer.
type section struct {
	kind      string // "video", "audio", "application"
	proto     string
	formats   []string // payload types in the viewer's order of preference
	mid       string
	rejected  bool // port zero, but for one that is bundle-only
	only      bool // bundle-only
	direction string
	codecs    map[uint8]*codec
	peer      peer

	candidates []string // values of the attributes
	sources    sources  // of one who publishes
}

// codec is one payload type of a section.
type codec struct {
	payloadType uint8
	name        string // upper case
	clockRate   int
	channels    int
	fmtp        string
	feedback    []string // "nack", "nack pli", ...
}

// receives reports whether the viewer wants media of the section.
func (s *section) receives() bool {
	return !s.rejected && (s.direction == "sendrecv" || s.direction == "recvonly")
}

// parseOffer reads an offer. It is lenient about what it does not need.
func parseOffer(text string) (*offer, error) {
	if !strings.HasPrefix(strings.TrimLeft(text, "\r\n \t"), "v=0") {
		return nil, fmt.Errorf("%w: it does not begin with v=0", errBadOffer)
	}
	o, direction := &offer{}, "sendrecv"
	var m *section
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.ContainsFunc(line, unicode.IsControl) {
			return nil, fmt.Errorf("%w: a control character in it", errBadOffer) // parts of it go into the answer
		}
		key, value, _ := strings.Cut(line, "=")
		switch key {
		case "m":
			s, err := parseMedia(value)
			if err != nil {
				return nil, err
			}
			s.direction = direction
			if len(o.sections) == maxSections {
				return nil, fmt.Errorf("%w: more than %d media descriptions", errBadOffer, maxSections)
			}
			o.sections = append(o.sections, s)
			m = &o.sections[len(o.sections)-1]
		case "a":
			name, value, _ := strings.Cut(value, ":")
			if m == nil {
				o.attribute(name, value, &direction)
			} else {
				m.attribute(name, value)
			}
		}
	}
	return o, o.complete()
}

func (p *peer) attribute(name, value string) {
	switch name {
	case "ice-ufrag":
		p.ufrag = value
	case "ice-pwd":
		p.pwd = value
	case "fingerprint":
		p.fingerprints = append(p.fingerprints, value)
	case "setup":
		p.setup = value
	}
}

// or fills in from q what p does not say.
func (p *peer) or(q peer) {
	if p.ufrag == "" && p.pwd == "" {
		p.ufrag, p.pwd = q.ufrag, q.pwd
	}
	if p.fingerprints == nil {
		p.fingerprints = q.fingerprints
	}
	if p.setup == "" {
		p.setup = q.setup
	}
}

func (o *offer) attribute(name, value string, direction *string) {
	o.peer.attribute(name, value)
	switch name {
	case "group":
		if mids := strings.Fields(value); o.bundle == nil && len(mids) > 1 && mids[0] == "BUNDLE" {
			o.bundle = mids[1:]
		}
	case "sendrecv", "sendonly", "recvonly", "inactive":
		*direction = name
	}
}

func (s *section) attribute(name, value string) {
	s.peer.attribute(name, value)
	switch name {
	case "mid":
		s.mid = value
	case "candidate":
		if len(s.candidates) < maxCandidates {
			s.candidates = append(s.candidates, value)
		}
	case "sendrecv", "sendonly", "recvonly", "inactive":
		s.direction = name
	case "rtpmap", "fmtp", "rtcp-fb":
		s.format(name, value)
	case "bundle-only":
		s.only = true
	default:
		s.sources.attribute(name, value)
	}
}

// format notes an attribute of one payload type, or of all ("*").
func (s *section) format(name, value string) {
	which, value, ok := strings.Cut(value, " ")
	if !ok {
		return
	}
	value = strings.TrimSpace(value)
	if which == "*" && name == "rtcp-fb" {
		for _, c := range s.codecs {
			c.feedback = append(c.feedback, value)
		}
		return
	}
	n, err := strconv.ParseUint(which, 10, 7)
	c := s.codecs[uint8(n)]
	if err != nil || c == nil {
		return
	}
	switch name {
	case "rtpmap":
		c.describe(value)
	case "fmtp":
		c.fmtp = value
	case "rtcp-fb":
		c.feedback = append(c.feedback, value)
	}
}

// describe reads "NAME/RATE" or "NAME/RATE/CHANNELS".
func (c *codec) describe(rtpmap string) {
	parts := strings.Split(rtpmap, "/")
	c.name, c.clockRate, c.channels = strings.ToUpper(parts[0]), 0, 1
	if len(parts) > 1 {
		c.clockRate, _ = strconv.Atoi(parts[1])
	}
	if len(parts) > 2 {
		c.channels, _ = strconv.Atoi(parts[2])
	}
}

// parseMedia reads "video 9 UDP/TLS/RTP/SAVPF 96 97".
func parseMedia(value string) (section, error) {
	f := strings.Fields(value)
	if len(f) < 4 {
		return section{}, fmt.Errorf("%w: m=%.40s is incomplete", errBadOffer, value)
	}
	s := section{kind: f[0], proto: f[2], formats: f[3:], codecs: map[uint8]*codec{}}
	port, _, _ := strings.Cut(f[1], "/")
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return section{}, fmt.Errorf("%w: m=%.40s has no port", errBadOffer, value)
	}
	s.rejected = n == 0
	if s.kind != "video" && s.kind != "audio" {
		return s, nil
	}
	for _, format := range s.formats {
		n, err := strconv.ParseUint(format, 10, 7)
		if err != nil {
			return section{}, fmt.Errorf("%w: %.20q is no payload type", errBadOffer, format)
		}
		c := &codec{payloadType: uint8(n)}
		switch n { // RFC 3551 section 6: these need no rtpmap
		case 0:
			c.describe("PCMU/8000")
		case 8:
			c.describe("PCMA/8000")
		case 9:
			c.describe("G722/8000")
		}
		s.codecs[c.payloadType] = c
	}
	return s, nil
}

// peers are the viewer's sides of the transports that it offers.
func (o *offer) peers() []peer {
	out := make([]peer, len(o.sections))
	for i := range o.sections {
		out[i] = o.sections[i].peer
	}
	return out
}

// complete checks what every session needs, and fills in what sections share.
func (o *offer) complete() error {
	if len(o.sections) == 0 {
		return fmt.Errorf("%w: no media description", errBadOffer)
	}
	for i := range o.sections {
		// Firefox offers so whatever is bundled with the first section (RFC 9143 section 6).
		if s := &o.sections[i]; s.only && slices.Contains(o.bundle, s.mid) {
			s.rejected = false
		}
	}
	for _, s := range o.sections {
		if !s.rejected {
			o.peer.or(s.peer) // what is bundled with it need not say it again
		}
	}
	for i := range o.sections {
		p := &o.sections[i].peer
		p.or(o.peer)
		switch {
		case p.ufrag == "" || p.pwd == "":
			return fmt.Errorf("%w: no ice-ufrag and ice-pwd", errBadOffer)
		case len(p.ufrag) > 256 || len(p.pwd) > 256: // RFC 8839 section 5.4
			return fmt.Errorf("%w: ice-ufrag and ice-pwd have at most 256 characters", errBadOffer)
		case len(p.fingerprints) == 0:
			return fmt.Errorf("%w: no fingerprint of a DTLS certificate", errBadOffer)
		case p.fingerprint() == "":
			return fmt.Errorf("%w: no fingerprint by SHA-256, SHA-384 or SHA-512", errBadOffer)
		case p.setup == "passive":
			return fmt.Errorf("%w: setup:passive: the viewer has to be the DTLS client (actpass or active)", errBadOffer)
		}
	}
	return nil
}

// fingerprint returns the one that counts: the first by a hash that is not broken.
func (p *peer) fingerprint() string {
	for _, f := range p.fingerprints {
		name, value, _ := strings.Cut(f, " ")
		name, value = strings.ToLower(name), strings.TrimSpace(value)
		switch name {
		case "sha-256", "sha-384", "sha-512":
			if value != "" && !strings.Contains(value, " ") {
				return name + " " + value
			}
		}
	}
	return ""
}
