package webrtc

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	pion "github.com/pion/webrtc/v4"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

func publish(t *testing.T, tracks ...*camgate.Track) *camgate.Stream {
	t.Helper()
	s := newStream(t)
	w, err := ingest.NewWriter(s, tracks)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return s
}

func TestRequests(t *testing.T) {
	g := newGateway(t, publish(t, h264Track(t)), func(o *Options) {
		o.ICEServers = []ICEServer{{URL: "stun:stun.example:3478"}, {URL: "turn:turn.example:3478?transport=udp", Username: `a"b`, Credential: "c"}}
	})
	_, offer := offerOf(t, clientOptions{})
	session := g.request(t, "POST", g.url, typeSDP, offer).header.Get("Location")
	if session == "" {
		t.Fatal("no session")
	}
	fragment := "a=ice-ufrag:x\r\na=ice-pwd:yyyyyyyyyyyyyyyyyyyyyyyy\r\n"
	cases := []struct {
		name, method, url, contentType, body string
		header                               []string
		want                                 int
		says                                 string
	}{
		{"GET", "GET", g.url, "", "", nil, 204, ""},
		{"GET session", "GET", session, "", "", nil, 204, ""},
		{"GET unknown", "GET", g.url + "/0123", "", "", nil, 404, ""},
		{"PUT", "PUT", g.url, "", "", nil, 405, "POST"},
		{"PUT session", "PUT", session, "", "", nil, 405, "DELETE"},
		{"POST to session", "POST", session, typeSDP, offer, nil, 405, ""},
		{"PATCH endpoint", "PATCH", g.url, typeFragment, fragment, nil, 405, ""},
		{"no type", "POST", g.url, "", offer, nil, 415, typeSDP},
		{"JSON", "POST", g.url, "application/json", "{}", nil, 415, ""},
		{"type with charset", "POST", g.url, "application/sdp; charset=utf-8", "x", nil, 400, "v=0"},
		{"empty", "POST", g.url, typeSDP, "", nil, 400, "v=0"},
		{"too large", "POST", g.url, typeSDP, offer + strings.Repeat("a=x\r\n", 20_000), nil, 413, "65536"},
		{"no fingerprint", "POST", g.url, typeSDP, strings.ReplaceAll(offer, "a=fingerprint", "a=x"), nil, 400, "fingerprint"},
		{"single NAL units", "POST", g.url, typeSDP, strings.ReplaceAll(offer, "packetization-mode=1", "packetization-mode=0"), nil, 406, "packetization-mode=1"},
		{"no H264", "POST", g.url, typeSDP, strings.ReplaceAll(offer, "H264", "H999"), nil, 406, "video H264: the viewer offers"},
		{"unknown session", "PATCH", g.url + "/0123", typeFragment, fragment, nil, 404, ""},
		{"PATCH SDP", "PATCH", session, typeSDP, offer, nil, 415, ""},
		{"PATCH rubbish", "PATCH", session, typeFragment, "hello", []string{"If-Match", "*"}, 400, ""},
		{"PATCH too large", "PATCH", session, typeFragment, strings.Repeat("a=x\r\n", 20_000), nil, 413, ""},
		{"PATCH old", "PATCH", session, typeFragment, fragment, []string{"If-Match", `"other"`}, 412, ""},
		{"PATCH anything", "PATCH", session, typeFragment, fragment, nil, 428, "If-Match"},
		{"DELETE unknown", "DELETE", g.url + "/0123", "", "", nil, 404, ""},
		{"DELETE endpoint", "DELETE", g.url, "", "", nil, 405, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := g.request(t, c.method, c.url, c.contentType, c.body, c.header...)
			if r.code != c.want || !strings.Contains(r.body, c.says) {
				t.Errorf("%d %q, want %d with %q", r.code, r.body, c.want, c.says)
			}
			if c.want == 405 && r.header.Get("Allow") == "" {
				t.Error("no Allow")
			}
		})
	}
	r := g.request(t, "OPTIONS", g.url, "", "")
	if r.code != http.StatusOK || r.header.Get("Accept-Post") != typeSDP {
		t.Errorf("OPTIONS: %d %v", r.code, r.header)
	}
	links := strings.Join(r.header.Values("Link"), "\n")
	for _, want := range []string{`<stun:stun.example:3478>; rel="ice-server"`, `<turn:turn.example:3478?transport=udp>; rel="ice-server"; username="a\"b"; credential="c"; credential-type="password"`} {
		if !strings.Contains(links, want) {
			t.Errorf("no %s in %s", want, links)
		}
	}
	if n := g.Sessions(); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

func TestSessionResource(t *testing.T) {
	stream := publish(t, h264Track(t), testTrack(t, camgate.TrackOptions{Codec: camgate.AAC, Params: &camgate.Params{Config: []byte{0x11, 0x90}}}))
	g := newGateway(t, stream)
	c := g.join(t, clientOptions{sendrecv: true})
	location, ok := strings.CutPrefix(c.location, "/cam/whep/")
	if id, query, _ := strings.Cut(location, "?"); !ok || len(id) != 32 || query != "token=x" {
		t.Errorf("Location %q", c.location)
	}
	if c.etag == "" || c.header.Get("Accept-Patch") != typeFragment || c.header.Get("Content-Type") != typeSDP {
		t.Errorf("headers %v", c.header)
	}
	if m := c.header.Get(camgate.MissingHeader); m != "audio AAC: WebRTC has no such codec" {
		t.Errorf("missing %q", m)
	}
	if !strings.Contains(c.answer, "a=sendonly") || strings.Contains(c.answer, "a=sendrecv") {
		t.Errorf("the answer to sendrecv is\n%s", c.answer)
	}
	description := c.pc.LocalDescription().SDP
	_, ufrag, _ := strings.Cut(description, "a=ice-ufrag:")
	ufrag, _, _ = strings.Cut(ufrag, "\r\n")
	fragment := "a=ice-ufrag:" + ufrag + "\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\na=end-of-candidates\r\n"
	for _, match := range []string{c.etag, "*"} {
		if r := g.request(t, "PATCH", c.location, typeFragment, fragment, "If-Match", match); r.code != http.StatusNoContent {
			t.Errorf("PATCH: %d %s", r.code, r.body)
		}
	}
	closed, once := make(chan struct{}), sync.Once{} // the library may tell twice
	c.pc.OnConnectionStateChange(func(s pion.PeerConnectionState) {
		if s == pion.PeerConnectionStateClosed {
			once.Do(func() { close(closed) })
		}
	})
	eventually(t, "connected", func() bool { return c.pc.ConnectionState() == pion.PeerConnectionStateConnected })
	eventually(t, "served", func() bool { return g.Stats().Joined == 1 }) // it is told only then
	if r := g.request(t, "DELETE", c.location, "", ""); r.code != http.StatusOK {
		t.Errorf("DELETE: %d %s", r.code, r.body)
	}
	if n := g.Sessions(); n != 0 {
		t.Errorf("%d sessions after DELETE", n)
	}
	if r := g.request(t, "DELETE", c.location, "", ""); r.code != http.StatusNotFound {
		t.Errorf("second DELETE: %d", r.code)
	}
	select {
	case <-closed:
	case <-time.After(5 * time.Second):
		t.Error("the viewer is not told")
	}
}

// A stream that has not begun is waited for, but not for ever.
func TestNotReady(t *testing.T) {
	stream := newStream(t)
	g := newGateway(t, stream, func(o *Options) { o.StartTimeout = 50 * time.Millisecond })
	_, offer := offerOf(t, clientOptions{})
	r := g.request(t, "POST", g.url, typeSDP, offer)
	if r.code != http.StatusServiceUnavailable {
		t.Errorf("%d %v %s", r.code, r.header, r.body)
	}
	t.Log(r.body)
	stream.Close()
	if r := g.request(t, "POST", g.url, typeSDP, offer); r.code != http.StatusServiceUnavailable {
		t.Errorf("closed stream: %d %s", r.code, r.body)
	}
}

func TestLimits(t *testing.T) {
	stream := camgate.NewRendition("cam", camgate.StreamLimits{MaxReaders: 2})
	t.Cleanup(stream.Close)
	w, err := ingest.NewWriter(stream, []*camgate.Track{h264Track(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	for name, g := range map[string]*gateway{
		"readers":  newGateway(t, stream),
		"sessions": newGateway(t, publish(t, h264Track(t)), func(o *Options) { o.MaxSessions = 2 }),
	} {
		t.Run(name, func(t *testing.T) {
			_, offer := offerOf(t, clientOptions{})
			var locations []string
			for range 2 {
				r := g.request(t, "POST", g.url, typeSDP, offer)
				if r.code != http.StatusCreated {
					t.Fatalf("%d %s", r.code, r.body)
				}
				locations = append(locations, r.header.Get("Location"))
			}
			r := g.request(t, "POST", g.url, typeSDP, offer)
			if r.code != http.StatusServiceUnavailable || !strings.Contains(r.body, "limit is 2") {
				t.Errorf("%d %v %s", r.code, r.header, r.body)
			}
			g.request(t, "DELETE", locations[0], "", "")
			if r := g.request(t, "POST", g.url, typeSDP, offer); r.code != http.StatusCreated {
				t.Errorf("after one has left: %d %s", r.code, r.body)
			}
		})
	}
}

func TestPortTaken(t *testing.T) {
	g := newGateway(t, newStream(t))
	for _, o := range []Options{{UDPAddress: g.ports.udpAddr.String()}, {TCPAddress: g.ports.tcpAddr.String()}} {
		_, err := New(o)
		if err == nil || !strings.Contains(err.Error(), "webrtc.address") || !strings.Contains(err.Error(), "taken") {
			t.Error(err)
		}
		t.Log(err)
	}
	if _, err := New(Options{}); err == nil {
		t.Error("a server without any port")
	}
}

// Rubbish that almost is an offer gets a clear answer, and leaves nothing behind.
func TestRubbish(t *testing.T) {
	g := newGateway(t, publish(t, h264Track(t), opusTrack(t)), func(o *Options) {
		o.connectTimeout = 100 * time.Millisecond
		o.MaxSessions = 20
	})
	_, offer := offerOf(t, clientOptions{})
	before := resources()
	rnd := rand.New(rand.NewPCG(3, 4))
	codes := map[int]int{}
	for range 500 {
		text := []byte(offer)
		for range 1 + rnd.IntN(8) {
			switch i := rnd.IntN(len(text)); rnd.IntN(3) {
			case 0:
				text = text[:i+1]
			case 1:
				text[i] = byte(rnd.Uint32())
			case 2:
				j := i + rnd.IntN(len(text)-i)
				text = append(text[:i], text[j:]...)
			}
			if len(text) == 0 {
				text = []byte{'v'}
			}
		}
		codes[g.request(t, "POST", g.url, typeSDP, string(text)).code]++
	}
	t.Log(codes)
	for code := range codes {
		switch code {
		case 201, 400, 406, 503:
		default:
			t.Errorf("status %d", code)
		}
	}
	eventually(t, "all sessions are gone", func() bool { return g.Sessions() == 0 })
	settled(t, before)
}
