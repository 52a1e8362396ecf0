package webrtc

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/pion/sdp/v3"

	"github.com/camgate/camgate"
)

// maxRestarts is how many ICE sessions a session remembers, to tell what is late from
// what is new.
const maxRestarts = 64

// signalling is what requests change of a session. What changes of it is one ICE
// session (RFC 8445 section 9): credentials and candidates. Media, DTLS and SRTP go
// on as they are.
type signalling struct {
	mu     sync.Mutex
	etag   string   // of the ICE session that is now
	peer   peer     // the viewer's credentials for it
	past   []string // ufrags of ICE sessions before it
	claims claims
}

// now returns the entity-tag of the ICE session.
func (g *signalling) now() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.etag
}

// fragmentKind is what a fragment is, by its credentials.
type fragmentKind int

const (
	fragmentTrickle fragmentKind = iota // candidates for the ICE session that is
	fragmentRestart                     // the beginning of another one
	fragmentLate                        // for one that is over
	fragmentMixed                       // credentials of which only one is new
)

// sort says what a fragment is, by its credentials; known are those of all sections
// of the offer.
func (g *signalling) sort(f *fragment, known []peer) fragmentKind {
	if f.ufrag == "" && f.pwd == "" {
		return fragmentTrickle
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.past) == 0 { // before one is chosen, each section may have its own
		known = append(slices.Clone(known), g.peer)
	} else {
		known = []peer{g.peer}
	}
	for _, p := range known {
		switch {
		case f.ufrag == p.ufrag && (f.pwd == "" || f.pwd == p.pwd):
			return fragmentTrickle
		case f.ufrag == p.ufrag, f.pwd == p.pwd:
			return fragmentMixed // RFC 8445 section 9: both have to change
		}
	}
	if slices.Contains(g.past, f.ufrag) {
		return fragmentLate
	}
	return fragmentRestart
}

// begin notes that another ICE session has begun, and returns its entity-tag.
func (g *signalling) begin(p peer) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.past) == maxRestarts {
		g.past = slices.Delete(g.past, 0, 1)
	}
	g.past = append(g.past, g.peer.ufrag)
	g.peer, g.etag, g.claims = p, newETag(), claims{}
	return g.etag
}

func newETag() string { return `"` + random(8) + `"` }

// matches reports whether an If-Match header names the entity-tag (RFC 9110 section
// 13.1.1). The asterisk is taken with quotes, too: examples have it so.
func matches(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		switch strings.TrimSpace(tag) {
		case "*", `"*"`, etag:
			return true
		}
	}
	return false
}

// restart gives both sides of the transport new credentials. Media goes on along the
// old path until there is a new one.
func (t *transport) restart(o *offer, p *plan, viewer peer, candidates []string) (string, error) {
	t.hold()
	made, err := t.accept(o.part(p, viewer))
	if err != nil {
		t.unhold()
		return "", err
	}
	var a sdp.SessionDescription
	if err := a.UnmarshalString(made); err != nil {
		return "", fmt.Errorf("PeerConnection: %w", err)
	}
	if len(a.MediaDescriptions) == 0 {
		return "", fmt.Errorf("PeerConnection: %w: no section", camgate.ErrClosed)
	}
	return o.fragment(&a, p, candidates), nil
}

// fragment is the gateway's side of an ICE session as an SDP fragment (RFC 8840
// section 9): that of the one section which stands for the transport.
func (o *offer) fragment(a *sdp.SessionDescription, p *plan, candidates []string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	for _, name := range []string{"ice-lite", "ice-options", "ice-pacing"} { // as in the answer
		for _, attribute := range a.Attributes {
			if attribute.Key == name {
				line("a=%s", attribute.String())
			}
		}
	}
	parts := p.parts()
	mids := make([]string, len(parts))
	for i, r := range parts {
		mids[i] = o.sections[r.section].midOr("0")
	}
	m := a.MediaDescriptions[0]
	first, formats := o.sections[p.first(o)], m.MediaName.Formats
	if p.first(o) != parts[0].section { // it has no media
		mids, formats = append([]string{first.mid}, mids...), []string{strconv.Itoa(int(first.speaks().payloadType))}
	}
	if o.bundle != nil {
		line("a=group:BUNDLE %s", strings.Join(mids, " "))
	}
	line("m=%s 9 %s %s", first.kind, first.proto, strings.Join(formats, " "))
	if first.mid != "" {
		line("a=mid:%s", first.mid)
	}
	for _, name := range []string{"ice-ufrag", "ice-pwd"} {
		value, ok := m.Attribute(name)
		if !ok {
			value, _ = a.Attribute(name)
		}
		line("a=%s:%s", name, value)
	}
	for _, c := range candidates {
		line("a=candidate:%s", c)
	}
	line("a=end-of-candidates")
	return b.String()
}

// hold keeps the connection of a viewer by TCP until there is another path: the
// library closes it with the ICE session that it belonged to.
func (t *transport) hold() {
	t.restarting.Store(true)
	p := t.path.Load()
	if p == nil || p.udp {
		return
	}
	if c := t.ports.tcp.find(p.remote); c != nil {
		c.held.Store(true)
		if old := t.held.Swap(c); old != nil && old != c {
			old.release()
		}
	}
}

// unhold takes back hold: nothing has changed.
func (t *transport) unhold() {
	t.restarting.Store(false)
	if c := t.held.Swap(nil); c != nil {
		c.held.Store(false)
	}
}

// release gives up what was held.
func (t *transport) release() {
	t.restarting.Store(false)
	if c := t.held.Swap(nil); c != nil {
		c.release()
	}
}
