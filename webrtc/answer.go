package webrtc

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// answerer has what the gateway's side of a session puts into its answer.
type answerer struct {
	id          uint64 // session id of the o= line
	ufrag, pwd  string
	fingerprint string
	candidates  []string // "candidate:..." lines
	cname       string
	ssrcs       []uint32 // by route
}

// answer makes the answer to an offer (RFC 8829 section 5.3): the sections of the
// plan are sent, all others are rejected.
func (a *answerer) answer(o *offer, p *plan) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("v=0")
	line("o=- %d 1 IN IP4 0.0.0.0", a.id)
	line("s=-")
	line("t=0 0")
	if o.bundle != nil {
		mids := make([]string, len(p.routes))
		for i, r := range p.routes {
			mids[i] = o.sections[r.section].mid
		}
		line("a=group:BUNDLE %s", strings.Join(mids, " "))
	}
	line("a=msid-semantic: WMS *")
	for i := range o.sections {
		s := &o.sections[i]
		n := slices.IndexFunc(p.routes, func(r route) bool { return r.section == i })
		if n < 0 {
			reject(line, s)
			continue
		}
		a.section(line, s, p.routes[n], a.ssrcs[n], n == 0)
	}
	return b.String()
}

func (a *answerer) section(line func(string, ...any), s *section, r route, ssrc uint32, first bool) {
	c := r.codec
	line("m=%s 9 %s %d", s.kind, s.proto, c.payloadType)
	line("c=IN IP4 0.0.0.0")
	line("a=rtcp:9 IN IP4 0.0.0.0")
	if first { // the others are bundled with it
		for _, candidate := range a.candidates {
			line("a=%s", candidate)
		}
		line("a=end-of-candidates")
	}
	line("a=ice-ufrag:%s", a.ufrag)
	line("a=ice-pwd:%s", a.pwd)
	line("a=fingerprint:%s", a.fingerprint)
	line("a=setup:passive")
	if s.mid != "" {
		line("a=mid:%s", s.mid)
	}
	line("a=sendonly")
	line("a=msid:camgate %s%d", r.track.Kind, r.track.ID)
	line("a=rtcp-mux")
	line("a=rtcp-rsize")
	c.rtpmap(line)
	if c.fmtp != "" {
		line("a=fmtp:%d %s", c.payloadType, c.fmtp)
	}
	for _, feedback := range []string{"nack", "nack pli", "ccm fir"} {
		if slices.Contains(c.feedback, feedback) {
			line("a=rtcp-fb:%d %s", c.payloadType, feedback)
		}
	}
	line("a=ssrc:%d cname:%s", ssrc, a.cname)
	line("a=ssrc:%d msid:camgate %s%d", ssrc, r.track.Kind, r.track.ID)
}

// reject declines a section (RFC 8829 section 5.3.1). It names a format all the
// same, and some viewers want to know what that is.
func reject(line func(string, ...any), s *section) {
	line("m=%s 0 %s %s", s.kind, s.proto, s.formats[0])
	line("c=IN IP4 0.0.0.0")
	if s.mid != "" {
		line("a=mid:%s", s.mid)
	}
	line("a=inactive")
	for _, c := range s.codecs {
		if c.name != "" && strconv.Itoa(int(c.payloadType)) == s.formats[0] {
			c.rtpmap(line)
		}
	}
}

func (c *codec) rtpmap(line func(string, ...any)) {
	if c.channels > 1 {
		line("a=rtpmap:%d %s/%d/%d", c.payloadType, wireName(c), c.clockRate, c.channels)
	} else {
		line("a=rtpmap:%d %s/%d", c.payloadType, wireName(c), c.clockRate)
	}
}

// wireName is the codec's name as browsers write it.
func wireName(c *codec) string {
	if c.name == "OPUS" {
		return "opus"
	}
	return c.name
}
