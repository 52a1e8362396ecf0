package webrtc

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	pion "github.com/pion/webrtc/v4"
)

// offerRestart makes the viewer's side of an ICE restart, as an SDP fragment.
func (c *client) offerRestart() string {
	c.t.Helper()
	offer, err := c.pc.CreateOffer(&pion.OfferOptions{ICERestart: true})
	if err != nil {
		c.t.Fatal(err)
	}
	gathered := pion.GatheringCompletePromise(c.pc)
	if err := c.pc.SetLocalDescription(offer); err != nil {
		c.t.Fatal(err)
	}
	<-gathered
	var b strings.Builder
	for line := range strings.Lines(c.pc.LocalDescription().SDP) {
		for _, prefix := range []string{"a=group", "a=ice-", "m=", "a=mid", "a=candidate"} {
			if strings.HasPrefix(line, prefix) {
				b.WriteString(line)
			}
		}
		if strings.HasPrefix(line, "a=end-of-candidates") { // the first section stands for all
			break
		}
	}
	b.WriteString("a=end-of-candidates\r\n")
	return b.String()
}

var credentials = regexp.MustCompile(`(?m)^a=(ice-ufrag|ice-pwd):(.*?)\r?$`)

// values of ice-ufrag and ice-pwd in SDP, first ones.
func credentialsOf(sdp string) (ufrag, pwd string) {
	for _, m := range credentials.FindAllStringSubmatch(sdp, -1) {
		switch {
		case m[1] == "ice-ufrag" && ufrag == "":
			ufrag = m[2]
		case m[1] == "ice-pwd" && pwd == "":
			pwd = m[2]
		}
	}
	return ufrag, pwd
}

// restart does an ICE restart with the gateway and returns its answer.
func (g *gateway) restart(c *client, match string) response {
	c.t.Helper()
	r := g.request(c.t, "PATCH", c.location, typeFragment, c.offerRestart(), "If-Match", match)
	if r.code != http.StatusOK {
		c.t.Fatalf("PATCH: %d %s", r.code, r.body)
	}
	ufrag, pwd := credentialsOf(r.body)
	answer := credentials.ReplaceAllStringFunc(c.answer, func(line string) string {
		if strings.HasPrefix(line, "a=ice-ufrag:") {
			return "a=ice-ufrag:" + ufrag + "\r"
		}
		return "a=ice-pwd:" + pwd + "\r"
	})
	if err := c.pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeAnswer, SDP: answer}); err != nil {
		c.t.Fatalf("%v in\n%s", err, answer)
	}
	c.etag = r.header.Get("ETag")
	return r
}

// An ICE restart changes credentials and path and nothing else: media goes on at once,
// in the same DTLS session.
func TestICERestart(t *testing.T) {
	for name, settings := range map[string]func(*pion.SettingEngine){"udp": nil, "tcp": byTCP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stream := newStream(t)
			p := newProgram(t, stream, true)
			for range 30 {
				p.next()
			}
			g := newGateway(t, stream, logTo(t))
			p.run()
			v := g.join(t, clientOptions{settings: settings})
			v.wait("pictures", func() bool { return len(v.packets["video"]) > 200 })
			before := *g.only(t).transport.path.Load()
			for _, match := range []string{"*", "the ETag"} {
				if match != "*" {
					match = v.etag
				}
				ufrag, pwd := credentialsOf(v.answer)
				etag := v.etag
				r := g.restart(v, match)
				newUfrag, newPwd := credentialsOf(r.body)
				if newUfrag == ufrag || newPwd == pwd || newUfrag == "" || newPwd == "" {
					t.Errorf("the credentials are %q %q and were %q %q", newUfrag, newPwd, ufrag, pwd)
				}
				if v.etag == "" || v.etag == etag {
					t.Errorf("the ETag is %q and was %q", v.etag, etag)
				}
				if got := r.header.Get("Content-Type"); got != typeFragment {
					t.Errorf("Content-Type %q", got)
				}
				for _, want := range []string{"a=group:BUNDLE 0 1\r\n", "m=video 9 UDP/TLS/RTP/SAVPF ", "a=mid:0\r\n", "a=candidate:", "a=end-of-candidates\r\n"} {
					if !strings.Contains(r.body, want) {
						t.Errorf("no %q in\n%s", want, r.body)
					}
				}
				x := g.only(t)
				eventually(t, "there is a new path", func() bool { return x.transport.path.Load().since.After(before.since) })
				before = *x.transport.path.Load()
				n := 0
				v.wait("pictures after it", func() bool {
					if n == 0 {
						n = len(v.packets["video"]) + 100
					}
					return len(v.packets["video"]) > n
				})
				if c := x.transport.held.Load(); c != nil {
					t.Error("the connection of before is kept")
				}
			}
			v.mu.Lock()
			defer v.mu.Unlock()
			// This client closes its old sockets before it asks, so what comes
			// meanwhile is lost; browsers keep them.
			for kind, packets := range v.packets {
				missing := 0
				for i := 1; i < len(packets); i++ {
					d := int16(packets[i].SequenceNumber - packets[i-1].SequenceNumber)
					if d < 1 {
						t.Errorf("%s packet %d: sequence number goes on by %d", kind, i, d)
					}
					missing += int(d) - 1
				}
				if missing > 100 {
					t.Errorf("%d packets of %s are missing", missing, kind)
				}
			}
			if n := g.Stats().Joined; n != 1 {
				t.Errorf("%d joined", n)
			}
		})
	}
}

// What is wrong with an ICE restart leaves the session as it is.
func TestICERestartRefused(t *testing.T) {
	stream := newStream(t)
	p := newProgram(t, stream, false)
	p.next()
	g := newGateway(t, stream, logTo(t))
	p.run()
	v := g.join(t, clientOptions{})
	v.wait("a picture", func() bool { return len(v.packets["video"]) > 0 })
	ufrag, pwd := credentialsOf(v.pc.LocalDescription().SDP)
	const newUfrag, newPwd = "abcd", "0123456789abcdefghijkl"
	fragment := func(ufrag, pwd string) string { return "a=ice-ufrag:" + ufrag + "\r\na=ice-pwd:" + pwd + "\r\n" }
	for _, c := range []struct {
		name, body, match string
		want              int
	}{
		{"no If-Match", fragment(newUfrag, newPwd), "", 428},
		{"another ETag", fragment(newUfrag, newPwd), `"0"`, 412},
		{"a weak ETag", fragment(newUfrag, newPwd), "W/" + v.etag, 412},
		{"no password", "a=ice-ufrag:abcd\r\n", "*", 400},
		{"the same password", fragment(newUfrag, pwd), "*", 400},
		{"the same name", fragment(ufrag, newPwd), "*", 400},
		{"a space in it", fragment("ab cd", newPwd), "*", 400},
		{"too long", fragment(newUfrag, strings.Repeat("x", 257)), "*", 400},
		{"empty", fragment("", ""), "*", 400},
	} {
		header := []string{"If-Match", c.match}
		if c.match == "" {
			header = nil
		}
		if r := g.request(t, "PATCH", v.location, typeFragment, c.body, header...); r.code != c.want {
			t.Errorf("%s: %d %s, want %d", c.name, r.code, r.body, c.want)
		}
	}
	if got := g.only(t).signalling.now(); got != v.etag {
		t.Errorf("the ETag is %s and was %s", got, v.etag)
	}
	n := 0
	v.wait("pictures after it", func() bool {
		if n == 0 {
			n = len(v.packets["video"]) + 100
		}
		return len(v.packets["video"]) > n
	})
	// Late candidates of before do not begin yet another one.
	g.restart(v, "*")
	if r := g.request(t, "PATCH", v.location, typeFragment, fragment(ufrag, pwd), "If-Match", "*"); r.code != http.StatusConflict {
		t.Errorf("late candidates: %d %s", r.code, r.body)
	}
	eventually(t, "it is connected", func() bool { return v.pc.ICEConnectionState() == pion.ICEConnectionStateConnected })
}

// A viewer that restarts ICE and then is not heard of again has to go.
func TestICERestartInVain(t *testing.T) {
	stream := newStream(t)
	p := newProgram(t, stream, false)
	p.next()
	g := newGateway(t, stream, logTo(t), func(o *Options) { o.ReaderTimeout = 1e9 })
	p.run()
	v := g.join(t, clientOptions{})
	v.wait("a picture", func() bool { return len(v.packets["video"]) > 0 })
	r := g.request(t, "PATCH", v.location, typeFragment, "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\n", "If-Match", "*")
	if r.code != http.StatusOK {
		t.Fatalf("%d %s", r.code, r.body)
	}
	eventually(t, "it is gone", func() bool { return g.Sessions() == 0 })
}
