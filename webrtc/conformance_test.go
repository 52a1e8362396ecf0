package webrtc

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	pion "github.com/pion/webrtc/v4"

	"github.com/camgate/camgate"
)

// docs/webrtc.md names these tests beside what RFC 9725 and draft-ietf-wish-whep
// demand. What they do not cover is in handler_test.go and restart_test.go.

// The tests that the table names are there.
func TestConformanceTable(t *testing.T) {
	doc, err := os.ReadFile("../docs/webrtc.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(doc), "## Conformance")
	names := regexp.MustCompile("`((?:[a-z0-9]+/)*)((?:Test|Fuzz)[A-Za-z0-9]+)`").FindAllStringSubmatch(table, -1)
	if !ok || len(names) < 30 {
		t.Fatalf("%d names", len(names))
	}
	tests := map[string]string{}
	for _, m := range names {
		folder := "../" + m[1]
		if m[1] == "" {
			folder = "./"
		}
		if _, read := tests[folder]; !read {
			files, _ := filepath.Glob(folder + "*_test.go")
			for _, f := range files {
				text, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				tests[folder] += string(text)
			}
		}
		if !strings.Contains(tests[folder], "func "+m[2]+"(") {
			t.Errorf("there is no %s%s", m[1], m[2])
		}
	}
}

// live is a gateway with a programme of picture and sound, and an offer for it.
func live(t *testing.T, change ...func(*Options)) (*gateway, string) {
	t.Helper()
	stream := newStream(t)
	p := newProgram(t, stream, true)
	p.next()
	g := newGateway(t, stream, change...)
	p.run()
	_, offer := offerOf(t, clientOptions{})
	return g, offer
}

// A POST is answered by 201 with the answer, the address of the session and the
// entity-tag of its ICE session, which is a strong one and belongs to one session.
func TestConformanceCreated(t *testing.T) {
	g, offer := live(t)
	etags := map[string]bool{}
	for range 3 {
		r := g.request(t, "POST", g.url, typeSDP, offer)
		if r.code != http.StatusCreated || r.header.Get("Content-Type") != typeSDP {
			t.Fatalf("%d %v", r.code, r.header)
		}
		var d pion.SessionDescription
		d.Type, d.SDP = pion.SDPTypeAnswer, r.body
		if _, err := d.Unmarshal(); err != nil {
			t.Errorf("%v in\n%s", err, r.body)
		}
		etag := r.header.Get("ETag")
		if !regexp.MustCompile(`^"[!-~]+"$`).MatchString(etag) {
			t.Errorf("ETag %s", etag)
		}
		etags[etag] = true
		location := r.header.Get("Location")
		if got := g.request(t, "GET", location, "", ""); got.code != http.StatusNoContent || got.body != "" {
			t.Errorf("GET %s: %d %q", location, got.code, got.body)
		}
		if r.header.Get("Accept-Patch") != typeFragment {
			t.Errorf("Accept-Patch %q", r.header.Get("Accept-Patch"))
		}
	}
	if len(etags) != 3 {
		t.Errorf("ETags %v", etags)
	}
}

// The answer sends only, whatever the offer asked for, with all media of one stream in
// one BUNDLE group, RTCP multiplexed, and all candidates of the gateway.
func TestConformanceAnswer(t *testing.T) {
	for _, direction := range []string{"recvonly", "sendrecv"} {
		t.Run(direction, func(t *testing.T) {
			g, offer := live(t)
			answer := g.request(t, "POST", g.url, typeSDP, strings.ReplaceAll(offer, "a=recvonly", "a="+direction)).body
			head, rest, _ := strings.Cut(answer, "m=")
			sections := strings.Split(rest, "\r\nm=")
			if !strings.Contains(head, "a=group:BUNDLE 0 1\r\n") || len(sections) != 2 {
				t.Fatalf("the answer is\n%s", answer)
			}
			var streams []string
			for _, s := range sections {
				for _, want := range []string{"a=sendonly", "a=rtcp-mux", "a=rtcp-mux-only", "a=mid:", "a=setup:passive"} {
					if !slices.ContainsFunc(strings.Split(s, "\r\n"), func(l string) bool { return strings.HasPrefix(l, want) }) {
						t.Errorf("no %s in\n%s", want, s)
					}
				}
				_, msid, _ := strings.Cut(s, "a=msid:")
				id, _, _ := strings.Cut(msid, " ")
				streams = append(streams, id)
			}
			if streams[0] == "" || streams[0] != streams[1] {
				t.Errorf("media streams %q", streams)
			}
			protocols := map[string]bool{}
			for line := range strings.Lines(answer) {
				if value, ok := strings.CutPrefix(strings.TrimSpace(line), "a=candidate:"); ok {
					c, err := ice.UnmarshalCandidate(value)
					if err != nil {
						t.Fatalf("%s: %v", line, err)
					}
					protocols[c.NetworkType().NetworkShort()] = true
				}
			}
			if !protocols["udp"] || !protocols["tcp"] || !strings.Contains(answer, "a=end-of-candidates") {
				t.Errorf("candidates of %v in\n%s", protocols, answer)
			}
		})
	}
}

// An offer that does not want to receive gets no session.
func TestConformanceDirection(t *testing.T) {
	g, offer := live(t)
	for _, direction := range []string{"sendonly", "inactive"} {
		r := g.request(t, "POST", g.url, typeSDP, strings.ReplaceAll(offer, "a=recvonly", "a="+direction))
		if r.code != http.StatusNotAcceptable {
			t.Errorf("%s: %d %s", direction, r.code, r.body)
		}
	}
	if n := g.Sessions(); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

// Candidates that are trickled: 204 without a body and without an ETag, also for those
// that the gateway has no use for; with the ETag, or 428 and 412.
func TestConformanceTrickle(t *testing.T) {
	g, _ := live(t)
	v := g.join(t, clientOptions{})
	ufrag, pwd := credentialsOf(v.pc.LocalDescription().SDP)
	own := "a=ice-ufrag:" + ufrag + "\r\na=ice-pwd:" + pwd + "\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"
	for _, candidate := range []string{
		"1 1 udp 2122260223 192.0.2.1 61764 typ host generation 0",
		"1 1 udp 2122260223 0b8e4d0c-1f6c-4a5d-9d4a-5ba0c2b8f1de.local 61764 typ host",
		"1 1 dccp 2122260223 192.0.2.1 61764 typ host",
		"1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active",
		"1 1 udp 1 not-an-address 1 typ relay raddr 0.0.0.0 rport 0",
	} {
		r := g.request(t, "PATCH", v.location, typeFragment, own+"a=candidate:"+candidate+"\r\n", "If-Match", v.etag)
		if r.code != http.StatusNoContent || r.body != "" || r.header.Get("ETag") != "" {
			t.Errorf("%s: %d %q %v", candidate, r.code, r.body, r.header)
		}
	}
	for match, want := range map[string]int{`*`: 204, `"*"`: 204, `"0", ` + v.etag: 204, `"0"`: 412, "W/" + v.etag: 412} {
		if r := g.request(t, "PATCH", v.location, typeFragment, own+"a=end-of-candidates\r\n", "If-Match", match); r.code != want {
			t.Errorf("If-Match %s: %d %s, want %d", match, r.code, r.body, want)
		}
	}
	if r := g.request(t, "PATCH", v.location, typeFragment, own); r.code != http.StatusPreconditionRequired {
		t.Errorf("without If-Match: %d %s", r.code, r.body)
	}
	if n := g.Sessions(); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

// Every way to be told of servers tells of all of them, and preflights of nothing.
func TestConformanceLinks(t *testing.T) {
	servers := []ICEServer{{URL: "stun:s.example"}, {URL: "turn:t.example?transport=udp", Secret: "north"}, {URL: "turns:u.example", Username: `a"\`, Credential: "c, d; e"}}
	g, offer := live(t, func(o *Options) { o.ICEServers = servers })
	created := g.request(t, "POST", g.url, typeSDP, offer)
	for name, r := range map[string]response{"POST": created, "OPTIONS": g.request(t, "OPTIONS", g.url, "", "")} {
		links := r.header.Values("Link")
		if len(links) != 3 {
			t.Fatalf("%s: %q", name, links)
		}
		for i, want := range []string{
			`^<stun:s\.example>; rel="ice-server"$`,
			`^<turn:t\.example\?transport=udp>; rel="ice-server"; username="\d+:[0-9a-f]+"; credential="[A-Za-z0-9+/]{27}="; credential-type="password"$`,
			`^<turns:u\.example>; rel="ice-server"; username="a\\"\\\\"; credential="c, d; e"; credential-type="password"$`,
		} {
			if !regexp.MustCompile(want).MatchString(links[i]) {
				t.Errorf("%s: %s does not match %s", name, links[i], want)
			}
		}
		if strings.Contains(fmt.Sprint(r.header, r.body), "north") {
			t.Errorf("%s tells the secret", name)
		}
		if r.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be kept: %v", name, r.header)
		}
	}
}

// A viewer is reached by IPv6, and the address at which it asked comes first.
func TestConformanceIPv6(t *testing.T) {
	stream := newStream(t)
	p := newProgram(t, stream, false)
	p.next()
	g := newGateway(t, stream, func(o *Options) { o.UDPAddress, o.TCPAddress = "[::]:0", "" })
	p.run()
	v := g.join(t, clientOptions{
		settings: func(s *pion.SettingEngine) { s.SetNetworkTypes([]pion.NetworkType{pion.NetworkTypeUDP6}) },
		answer: func(answer string) string {
			first, _, _ := strings.Cut(answer[strings.Index(answer, "a=candidate:"):], "\r\n")
			if !strings.Contains(first, " 127.0.0.1 ") { // the test asks there
				t.Errorf("the first candidate is %s", first)
			}
			return strings.ReplaceAll(answer, " 127.0.0.1 ", " ::1 ")
		},
	})
	v.wait("a picture", func() bool { return len(v.packets["video"]) > 0 })
	eventually(t, "the API knows", func() bool {
		r := stream.Info().Readers
		return len(r) == 1 && r[0].Path != nil && r[0].Path.Family() == "ipv6" && r[0].Path.Protocol == "udp"
	})
}

// The round trip is known at once, and later by the viewer's reports.
func TestRoundTrip(t *testing.T) {
	g, _ := live(t)
	v := g.join(t, clientOptions{})
	v.wait("a report", func() bool { return len(v.reports["video"]) > 0 })
	way := func() camgate.Path { return *g.stream.Info().Readers[0].Path }
	if p := way(); p.RTT <= 0 || p.RTT > time.Second {
		t.Errorf("by checks: %+v", p)
	}
	v.mu.Lock()
	sent := v.reports["video"][0]
	v.mu.Unlock()
	const slow = 3 * time.Second // as if the report had been on its way for so long
	v.report(sent.SSRC, uint32(sent.NTPTime>>16)-uint32(slow<<16/time.Second))
	eventually(t, "by reports", func() bool { p := way(); return p.RTT >= slow && p.RTT < slow+10*time.Second })
}
