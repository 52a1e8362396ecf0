package webrtc

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/camgate/camgate"
)

// plan is what a session sends: which track as which section of the offer.
type plan struct {
	routes  []route
	missing []string // tracks that the viewer asked for and cannot get, with the reason
	ingest  bool     // the routes lead to us
	made    []string // what was made for it, in words
	stream  *camgate.Stream
	mic     *route // by which the viewer talks; nil: it does not
	release func() // of the variant that the stream is; nil: it is the stream itself
}

// end gives back what the plan has taken up.
func (p *plan) end() {
	if p != nil && p.release != nil {
		p.release()
	}
}

type route struct {
	track     *camgate.Track
	section   int
	codec     *codec
	lines     []string      // more attributes of the section that the library is to see
	mic       *codec        // what comes in it; nil: nothing does
	camera    camgate.Codec // of a microphone: what the camera takes, the same but for the kind of G711
	direction string        // of the viewer; empty: recvonly
	repair    *codec        // of packets that are sent again (RTX, RFC 4588); nil: it is the codec's own
	stamps    uint8         // id of the header extension with the transport's sequence number; 0: there is none
}

// negotiate chooses for each section of the offer the first track of its kind that
// the viewer can decode. It fails with ErrUnsupportedCodec when there is none, or
// when the viewer wants to see and there is a picture that it cannot decode: it
// had better take another protocol then.
func negotiate(o *offer, tracks []*camgate.Track) (*plan, error) {
	p := &plan{}
	refused := map[camgate.Kind]*camgate.Track{} // the first of its kind
	for _, t := range tracks {
		asked, found := p.place(o, t)
		if asked && !found && refused[t.Kind] == nil {
			refused[t.Kind] = t
		}
	}
	for _, kind := range []camgate.Kind{camgate.Video, camgate.Audio} {
		if t := refused[kind]; t != nil && !p.has(kind) { // a second picture or sound is not missed
			p.missing = append(p.missing, fmt.Sprintf("%s %s: %s", kind, t.Codec, o.why(t)))
		}
	}
	if len(p.routes) == 0 || (refused[camgate.Video] != nil && !p.has(camgate.Video)) {
		reason := strings.Join(p.missing, "; ")
		if reason == "" {
			reason = "the offer asks for none of the stream's tracks"
		}
		return nil, fmt.Errorf("%w: %s", camgate.ErrUnsupportedCodec, reason)
	}
	slices.SortFunc(p.routes, func(a, b route) int { return a.section - b.section })
	return p, nil
}

// place finds a section for a track: asked says that there is one of its kind.
func (p *plan) place(o *offer, t *camgate.Track) (asked, found bool) {
	if t.Kind != camgate.Video && t.Kind != camgate.Audio {
		return false, false
	}
	if t.Reorders() {
		return true, false
	}
	for i := range o.sections {
		s := &o.sections[i]
		if s.kind != string(t.Kind) || !s.receives() || !o.bundled(i) {
			continue
		}
		asked = true
		if p.uses(i) {
			continue
		}
		if c := s.choose(t); c != nil {
			p.routes = append(p.routes, s.route(i, t, c))
			return true, true
		}
	}
	return asked, false
}

func (p *plan) uses(section int) bool {
	return slices.ContainsFunc(p.routes, func(r route) bool { return r.section == section })
}

func (p *plan) has(k camgate.Kind) bool {
	return p != nil && slices.ContainsFunc(p.routes, func(r route) bool { return r.track.Kind == k })
}

// peer is the viewer's side of the one transport: that of the first section which
// is not rejected (RFC 9143 section 7.3.1).
func (p *plan) peer(o *offer) peer { return o.sections[p.first(o)].peer }

func (p *plan) tracks() []*camgate.Track {
	out := make([]*camgate.Track, len(p.routes))
	for i, r := range p.routes {
		out[i] = r.track
	}
	return out
}

// bundled reports whether section i can share the one transport that a session
// has: without a BUNDLE group (RFC 9143) only the first usable one can.
func (o *offer) bundled(i int) bool {
	if o.bundle != nil {
		return slices.Contains(o.bundle, o.sections[i].mid)
	}
	for j := range o.sections {
		if o.sections[j].receives() && (o.sections[j].kind == "video" || o.sections[j].kind == "audio") {
			return i == j
		}
	}
	return false
}

// choose returns the best payload type of the section for a track, or nil.
func (s *section) choose(t *camgate.Track) *codec {
	var best *codec
	score := 0
	for _, format := range s.formats {
		for _, c := range s.codecs {
			if fmt.Sprint(c.payloadType) != format {
				continue
			}
			if n := c.fits(t); n > score {
				best, score = c, n
			}
		}
	}
	return best
}

// fits tells how well a payload type suits a track; 0: not at all.
func (c *codec) fits(t *camgate.Track) int {
	if c.name != strings.ToUpper(string(t.Codec)) {
		return 0
	}
	switch t.Codec {
	case camgate.H264:
		return c.fitsH264(t)
	case camgate.H265:
		return c.fitsH265(t)
	case camgate.VP8, camgate.VP9, camgate.AV1:
		if c.clockRate == 90000 {
			return 1
		}
	case camgate.Opus:
		if c.clockRate == 48000 && c.channels == 2 { // always, RFC 7587 section 7
			return 1
		}
	case camgate.PCMA, camgate.PCMU, camgate.G722:
		if c.clockRate == 8000 && t.ClockRate == 8000 && c.channels == 1 && t.Channels <= 1 {
			return 1
		}
	}
	return 0
}

// fitsH264 prefers the profile that the stream really has, then constrained
// baseline, which every viewer offers. Decoders of 8 bits and 4:2:0 take any such profile
// whatever was declared, so another one is better than none; what has more bits or
// colours needs a viewer that says so. Packets are FU-A and STAP-A: a viewer that says
// packetization-mode=0 cannot have them (RFC 6184 section 6.2), one that does not say
// anything, which should mean the same, can, as those do that leave it out.
func (c *codec) fitsH264(t *camgate.Track) int {
	mode := c.parameter("packetization-mode")
	if c.clockRate != 90000 || mode != "1" && mode != "" {
		return 0
	}
	profile := strings.ToLower(c.parameter("profile-level-id"))
	sps := t.Params().SPS
	if t.Beyond420() && (len(profile) != 6 || hex.EncodeToString(sps[1:2]) != profile[:2]) {
		return 0
	}
	if mode == "" || len(profile) != 6 {
		return 1
	}
	if len(sps) > 3 && hex.EncodeToString(sps[1:3]) == profile[:4] {
		return 5
	}
	switch profile[:4] {
	case "42e0":
		return 4
	case "4200":
		return 3
	}
	return 2
}

// fitsH265: a viewer names the profile that it decodes, which is Main when it does not
// (RFC 7798 section 7.1).
func (c *codec) fitsH265(t *camgate.Track) int {
	want, p := c.parameter("profile-id"), t.Params().Profile
	if want == "" {
		want = "1"
	}
	main, ten := p == "" || strings.HasPrefix(p, "Main ") && !strings.HasPrefix(p, "Main 10"), strings.HasPrefix(p, "Main 10")
	switch {
	case c.clockRate != 90000:
		return 0
	case main && want == "1":
		return 3
	case ten && want == "2", main && want == "2": // Main 10 has all of Main
		return 2
	case !main && !ten:
		return 1 // nobody knows
	}
	return 0
}

// parameter returns one of the format parameters.
func (c *codec) parameter(name string) string {
	for _, p := range strings.Split(c.fmtp, ";") {
		if k, v, _ := strings.Cut(strings.TrimSpace(p), "="); strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}

// why tells people why a track is left out.
func (o *offer) why(t *camgate.Track) string {
	if t.Reorders() {
		return "it has B-frames, which WebRTC cannot show: switch them off at the camera or encoder"
	}
	offers := o.offers(t.Kind)
	switch t.Codec {
	case camgate.H264:
		if slices.Contains(strings.Fields(offers), string(camgate.H264)) {
			return fmt.Sprintf("the viewer offers %s in another form (it is %s, with packetization-mode=1)", t.Codec, cmp.Or(t.Params().Profile, "of an unknown profile"))
		}
		fallthrough
	case camgate.H265, camgate.VP8, camgate.VP9, camgate.AV1, camgate.Opus, camgate.G722, camgate.PCMA, camgate.PCMU:
		return fmt.Sprintf("the viewer offers %s only", offers)
	}
	return "WebRTC has no such codec"
}

// offers lists the codecs that the viewer can decode.
func (o *offer) offers(k camgate.Kind) string {
	var names []string
	for i := range o.sections {
		s := &o.sections[i]
		if s.kind != string(k) || !s.receives() {
			continue
		}
		for _, c := range s.codecs {
			switch c.name {
			case "", "RTX", "RED", "ULPFEC", "FLEXFEC-03", "CN", "TELEPHONE-EVENT":
			default:
				if name := printable(c.name); !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	if len(names) == 0 {
		return "no " + string(k)
	}
	slices.Sort(names)
	return strings.Join(names[:min(len(names), 12)], " ")
}

// printable makes a name from outside fit for headers and logs.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f && r != '"' && r != ',' && r != ';' {
			return r
		}
		return -1
	}, s[:min(len(s), 20)])
}
