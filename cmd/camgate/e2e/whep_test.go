package e2e

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A browser that restarts ICE sees on without a freeze and without a packet less, in
// the same DTLS session.
func TestICERestartInTheBrowser(t *testing.T) {
	g := start(t, demoConfig)
	g.awaitLive("demo")
	r := browse(t, g, "restart=/demo/whep")["restart"]
	if r.Frames < 150 || r.Lost != 0 || r.Freezes != 0 || r.DTLS != "connected" || r.ETags != 3 || r.Pairs != 3 || r.Deleted != 200 {
		t.Errorf("%+v", r)
	}
	if log := g.log.String(); strings.Count(log, `msg="reader joined"`) != 1 || strings.Count(log, `msg="reader moved"`) < 2 {
		t.Error("the log tells another story")
	}
}

// A player whose way to the gateway breaks finds another one: the same session goes on.
func TestPlayerFindsAnotherWay(t *testing.T) {
	g := start(t, demoConfig)
	g.awaitLive("demo")
	detour := newDetour(t, g.webrt)
	control := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { detour.broken.Store(true) }))
	defer control.Close()
	t.Setenv("DETOUR", strconv.Itoa(detour.port))
	t.Setenv("BREAK", control.URL)
	r := browse(t, g, "page=/demo")["page"]
	if r.Rung != "webrtc" || r.Frames < 50 || detour.passed.Load() == 0 {
		t.Errorf("%+v", r)
	}
	if log := g.log.String(); strings.Count(log, `msg="reader joined"`) != 1 || !strings.Contains(log, `msg="reader moved"`) {
		t.Error("the log tells another story")
	}
}

// detour is a UDP port that leads to the gateway's until it is broken.
type detour struct {
	port   int
	broken atomic.Bool
	passed atomic.Int64
}

func newDetour(t *testing.T, to int) *detour {
	t.Helper()
	near, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	d := &detour{port: near.LocalAddr().(*net.UDPAddr).Port}
	var running sync.WaitGroup
	far := map[string]*net.UDPConn{}
	running.Go(func() {
		buf := make([]byte, 2000)
		for {
			n, from, err := near.ReadFromUDP(buf)
			if err != nil {
				break
			}
			c := far[from.String()]
			if c == nil {
				if c, err = net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: to}); err != nil {
					t.Error(err)
					break
				}
				far[from.String()] = c
				running.Go(func() { d.back(c, near, from) })
			}
			if !d.broken.Load() {
				_, _ = c.Write(buf[:n])
			}
		}
		for _, c := range far {
			c.Close()
		}
	})
	t.Cleanup(func() { near.Close(); running.Wait() })
	return d
}

// back passes what the gateway says to a viewer.
func (d *detour) back(from, near *net.UDPConn, to *net.UDPAddr) {
	buf := make([]byte, 2000)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if !d.broken.Load() {
			d.passed.Add(1)
			_, _ = near.WriteToUDP(buf[:n], to)
		}
	}
}

// A browser that reaches nothing but a TURN server sees by it. The secret that the
// gateway shares with the server, and what it makes of it, are in no log.
func TestTURNInTheBrowser(t *testing.T) {
	port, secret := freeTCP(t), "s3cret-of-turn"
	dir := t.TempDir()
	_, turn := background(t, "turnserver", "-n", "--listening-ip=127.0.0.1", fmt.Sprintf("--listening-port=%d", port), "--relay-ip=127.0.0.1",
		"--use-auth-secret", "--static-auth-secret="+secret, "--realm=camgate", "--no-tls", "--no-dtls", "--no-cli", "--allow-loopback-peers",
		"--log-file=stdout", "--verbose", "--pidfile="+filepath.Join(dir, "pid"), "--userdb="+filepath.Join(dir, "db"))
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			g := startBy(t, []string{fmt.Sprintf(`CAMGATE_WEBRTC_ICE_SERVERS=[{url: "turn:127.0.0.1:%d?transport=%s", secret: %q, ttl: 10m}]`, port, transport, secret)}, nil,
				demoConfig+"log: {level: debug}\n")
			g.awaitLive("demo")
			r := browse(t, g, "relay=/demo/whep")["relay"]
			if r.Frames < 50 || r.Path != "relay" || r.Lost != 0 {
				t.Errorf("%+v\ncoturn said:\n%s", r, turn)
			}
			log := g.log.String()
			if !strings.Contains(log, `path="udp ipv4 by a relay"`) {
				t.Error("the log does not tell of the relay")
			}
			if strings.Contains(log, secret) || regexp.MustCompile(`\d{10}:[0-9a-f]{8}`).MatchString(log) {
				t.Errorf("a secret in the log:\n%s", log)
			}
		})
	}
}

// GStreamer's webrtcbin sees and hears the demo, and hears what has no picture: of an offer
// in which but the first section has a port (max-bundle).
func TestGStreamerWHEP(t *testing.T) {
	address := outward(t)
	script, err := filepath.Abs("../../../testdata/whep.py")
	if err != nil {
		t.Fatal(err)
	}
	g := startBy(t, []string{fmt.Sprintf("CAMGATE_WEBRTC_ADDRESS=%s:%d", address, freeTCP(t))}, nil,
		`allow_anonymous: true
streams:
  demo: {source: demo}
  sound: {source: "exec:ffmpeg -hide_banner -loglevel error -re -f lavfi -i sine=1000 -c:a aac -f mpegts -"}
`)
	for name, kinds := range map[string][]string{"demo": {"video", "audio"}, "sound": {"audio"}} {
		g.awaitLive(name)
		out, _ := run(t, 40*time.Second, []string{"GST_DEBUG=1"}, "/usr/bin/python3", script, g.url("/"+name+"/whep"), "50")
		for _, kind := range kinds {
			if n := regexp.MustCompile("'" + kind + `': (\d+)`).FindStringSubmatch(out); n == nil || len(n[1]) < 2 {
				t.Errorf("%s: no %s was decoded", name, kind)
			}
		}
		t.Log(out)
	}
}

// outward is an address of this machine that is not loopback.
func outward(t *testing.T) string {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			return n.IP.String()
		}
	}
	t.Fatal("this machine has loopback addresses only, and libnice uses none of them")
	return ""
}
