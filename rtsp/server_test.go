package rtsp

import (
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// The description follows new parameter sets, and works behind any host name.
func TestDescribeFollowsParams(t *testing.T) {
	g := newGateway(t, nil)
	cam := newCamera(t, g.stream(t, "cam"), false)
	cam.gop(1)
	w := dialWire(t, g.url("cam"))
	if rep := w.want(200, "DESCRIBE", "rtsp://camera.example/cam?x=1"); !strings.Contains(rep.body, base64Of(testSPS)) ||
		!strings.Contains(rep.body, "a=control:trackID=0") || rep.header.Get("Content-Base") != "rtsp://camera.example/cam/" {
		t.Errorf("%+v", rep)
	}
	pps := append([]byte(nil), testPPS...)
	pps[2] ^= 1
	if err := cam.writer.Write(camSample(cam, testSPS, pps)); err != nil {
		t.Fatal(err)
	}
	if rep := w.want(200, "DESCRIBE", w.base); !strings.Contains(rep.body, base64Of(pps)) {
		t.Errorf("old parameter sets:\n%s", rep.body)
	}
	w.want(200, "SETUP", "rtsp://camera.example/cam/trackID=0", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
	if info := rtpInfo(t, w.want(200, "PLAY", "rtsp://camera.example/cam/")); info[0].URL != "rtsp://camera.example/cam/trackID=0" {
		t.Errorf("RTP-Info for %s", info[0].URL)
	}
}

func TestStatusCodes(t *testing.T) {
	users := camgate.Users{
		{Name: "tv", Password: "a:b", Role: camgate.RoleViewer, Streams: []string{"front*"}},
		{Name: "nvr", Password: "secret", Role: camgate.RolePublisher},
	}
	g := newGateway(t, func(o *Options) { o.Users, o.StartTimeout = users, 50*time.Millisecond })
	newCamera(t, g.stream(t, "front/door"), false).gop(1)
	newCamera(t, g.stream(t, "yard"), false).gop(1)
	g.stream(t, "front-none")
	const basic = "Basic dHY6YTpi" // tv:a:b
	cases := []struct {
		path, auth string
		want       int
	}{
		{"front/door", basic, 200},
		{"front/door", "", 401},
		{"front/door", "Basic dHY6YQ==", 401},
		{"front/door", "Basic ???", 401},
		{"front/door", "Bearer x", 401},
		{"front/door", "Basic bnZyOnNlY3JldA==", 403}, // nvr may publish only
		{"yard", basic, 403},
		{"front-no", basic, 404},
		{"front-none", basic, 503}, // has no tracks in time
		{"nowhere", basic, 403},    // and does not tell whether it exists
	}
	for _, c := range cases {
		w := dialWire(t, g.url(c.path))
		w.auth = c.auth
		rep := w.do("DESCRIBE", w.base)
		if rep.status != c.want {
			t.Errorf("%s with %q: %d, want %d", c.path, c.auth, rep.status, c.want)
		}
		if challenge := rep.header["Www-Authenticate"]; c.auth == "" && (len(challenge) != 2 || !strings.Contains(challenge[1], "nonce=\"")) {
			t.Errorf("challenge %q", challenge)
		}
	}
	if logs := g.logs.String(); strings.Contains(logs, "a:b") || strings.Contains(logs, "secret") {
		t.Error("a password is in the log")
	}
	// SETUP asks as well: it needs no DESCRIBE before it.
	w := dialWire(t, g.url("front/door"))
	w.want(401, "SETUP", w.base+"/trackID=0", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
}

// A password that is stored as a hash is checked once for each connection.
func TestHashedPassword(t *testing.T) {
	checks := 0
	users := camgate.Users{{Name: "tv", Role: camgate.RoleViewer, Verify: func(p string) bool { checks++; return p == "x" }}}
	g := newGateway(t, func(o *Options) { o.Users = users })
	newCamera(t, g.stream(t, "cam"), false).gop(1)
	w := dialWire(t, g.url("cam"))
	if rep := w.want(401, "DESCRIBE", w.base); len(rep.header["Www-Authenticate"]) != 1 || !strings.HasPrefix(rep.header.Get("Www-Authenticate"), "Basic") {
		t.Errorf("challenge %q", rep.header["Www-Authenticate"])
	}
	w.auth = "Basic dHY6eA=="
	w.want(200, "DESCRIBE", w.base)
	w.setup(0)
	w.want(200, "PLAY", w.base)
	if checks != 1 {
		t.Errorf("%d checks", checks)
	}
}

func TestTooManyReaders(t *testing.T) {
	g := newGateway(t, nil)
	s, err := g.registry.Add("cam", camgate.StreamLimits{MaxReaders: 1})
	if err != nil {
		t.Fatal(err)
	}
	newCamera(t, s, false).gop(1)
	first, second := dialWire(t, g.url("cam")), dialWire(t, g.url("cam"))
	first.setup(0)
	first.want(200, "PLAY", first.base)
	second.setup(0)
	second.want(453, "PLAY", second.base)
	first.want(200, "TEARDOWN", first.base)
	eventually(t, "the place is free", func() bool { return viewers(s) == 0 })
	second.want(200, "PLAY", second.base)
}

// A request for a stream that is about to start waits for it.
func TestWaitsForStart(t *testing.T) {
	g := newGateway(t, nil)
	s := g.stream(t, "cam")
	w := dialWire(t, g.url("cam"))
	w.send("DESCRIBE", w.base)
	eventually(t, "demand", func() bool { n, _ := s.Demand(); return n > 0 })
	bare := startCamera(t, s, []*camgate.Track{newTrack(t, camgate.TrackOptions{Codec: camgate.H264})})
	bare.gop(1)
	if rep, _ := w.next(); rep.status != 200 || !strings.Contains(rep.body, base64Of(testSPS)) {
		t.Errorf("%d\n%s", rep.status, rep.body)
	}
}
