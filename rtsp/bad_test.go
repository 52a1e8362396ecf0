package rtsp

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// No request, however broken, ends the server or leaves something behind.
func TestBrokenRequests(t *testing.T) {
	g := newGateway(t, withUDP)
	newCamera(t, g.stream(t, "cam"), true).gop(3)
	valid := []string{
		"OPTIONS rtsp://h/cam RTSP/1.0\r\nCSeq: 1\r\n\r\n",
		"DESCRIBE rtsp://h/cam RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\n\r\n",
		"SETUP rtsp://h/cam/trackID=0 RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n",
		"SETUP rtsp://h/cam/trackID=1 RTSP/1.0\r\nCSeq: 4\r\nTransport: RTP/AVP;unicast;client_port=5000-5001\r\n\r\n",
		"PLAY rtsp://h/cam RTSP/1.0\r\nCSeq: 5\r\n\r\n",
		"PAUSE rtsp://h/cam RTSP/1.0\r\nCSeq: 6\r\n\r\n",
		"TEARDOWN rtsp://h/cam RTSP/1.0\r\nCSeq: 7\r\n\r\n",
		"ANNOUNCE rtsp://h/cam RTSP/1.0\r\nCSeq: 8\r\nContent-Type: application/sdp\r\nContent-Length: 60\r\n\r\n" + head[:60],
		"RECORD rtsp://h/cam RTSP/1.0\r\nCSeq: 9\r\n\r\n",
		"GET_PARAMETER rtsp://h/cam RTSP/1.0\r\nCSeq: 10\r\n\r\n",
		"GET /cam HTTP/1.1\r\nAccept: application/x-rtsp-tunnelled\r\nX-Sessioncookie: a\r\n\r\n",
		"GET /cam HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: rtsp.onvif.org\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
		"$\x00\x00\x04\x80\x60\x00\x01",
	}
	rng := rand.New(rand.NewPCG(7, 7))
	for range 1000 {
		conn, err := net.Dial("tcp", g.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		var b []byte
		for range 1 + rng.IntN(5) {
			b = append(b, valid[rng.IntN(len(valid))]...)
		}
		for range rng.IntN(4) { // damage
			switch i := rng.IntN(len(b)); rng.IntN(3) {
			case 0:
				b[i] = byte(rng.Uint32())
			case 1:
				b = append(b[:i:i], b[min(i+rng.IntN(20), len(b)):]...)
			case 2:
				b = b[:i+1]
			}
			if len(b) == 0 {
				b = []byte{0}
			}
		}
		_, _ = conn.Write(b)
		if rng.IntN(4) == 0 {
			_ = conn.(*net.TCPConn).SetLinger(0)
		}
		conn.Close()
	}
	w := dialWire(t, g.url("cam"))
	w.want(200, "DESCRIBE", w.base)
	eventually(t, "no readers", func() bool {
		s, err := g.registry.Get("cam")
		return err == nil && viewers(s) == 0
	})
}

// A tunnel is refused before the library sees it.
func TestTunnelRefused(t *testing.T) {
	g := newGateway(t, nil)
	for _, start := range []string{
		"GET /cam HTTP/1.1\r\nHost: h\r\nAccept: application/x-rtsp-tunnelled\r\nX-Sessioncookie: abc\r\n\r\n",
		"POST /cam HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-rtsp-tunnelled\r\nX-Sessioncookie: abc\r\n\r\n",
		"GET /cam HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: rtsp.onvif.org\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\nmore",
	} {
		conn, err := net.Dial("tcp", g.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, start)
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		buf := make([]byte, 4096)
		if n, err := conn.Read(buf); err != nil || !strings.HasPrefix(string(buf[:n]), "HTTP/1.1 501 ") {
			t.Errorf("%q: %q, %v", start, buf[:n], err)
		}
		conn.Close()
	}
}

func TestMaxConns(t *testing.T) {
	g := newGateway(t, func(o *Options) { o.MaxConns = 2 })
	var kept []*wire
	for range 2 {
		w := dialWire(t, g.url("x"))
		w.want(200, "OPTIONS", w.base)
		kept = append(kept, w)
	}
	over := dialWire(t, g.url("x"))
	if n, err := readAll(over.conn); err != nil || n > 0 {
		t.Errorf("a third connection: %d bytes, %v", n, err)
	}
	kept[0].conn.Close()
	eventually(t, "a free place", func() bool {
		g.plain.listener.mu.Lock()
		defer g.plain.listener.mu.Unlock()
		return len(g.plain.listener.conns) == 1
	})
	w := dialWire(t, g.url("x"))
	w.want(200, "OPTIONS", w.base)
}

// Wrong passwords are counted by address, and who has had too many is refused with
// the right one, too.
func TestPasswordsAreNotGuessed(t *testing.T) {
	g := newGateway(t, func(o *Options) {
		o.Users = camgate.Users{{Name: "tv", Password: "right", Role: camgate.RoleViewer}}
		o.Attempts = camgate.NewAttempts(5, time.Minute)
	})
	newCamera(t, g.stream(t, "cam"), true).gop(3)
	describe := func(password string) int {
		w := dialWire(t, g.url("cam")) // the server hangs up after a wrong one
		w.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte("tv:"+password))
		return w.do("DESCRIBE", w.base, "Accept: application/sdp").status
	}
	if got := describe("right"); got != 200 {
		t.Fatalf("the right password: %d", got)
	}
	for range 5 {
		if got := describe("wrong"); got != 401 {
			t.Fatalf("a wrong password: %d", got)
		}
	}
	if got := describe("right"); got != 403 {
		t.Errorf("after too many wrong ones: %d", got)
	}
	if log := g.logs.String(); strings.Count(log, "too many wrong passwords") != 1 || strings.Contains(log, "wrong\"") {
		t.Errorf("the log:\n%s", log)
	}
}

// A recorder that opens all its streams at once with the right password does not
// guess, however long the password takes to verify.
func TestManyLoginsAtOnce(t *testing.T) {
	var underWay atomic.Int64
	goOn := make(chan struct{})
	hashed := func(password string) bool {
		if n := underWay.Add(1); n > maxLogins {
			t.Errorf("%d passwords are verified at a time", n)
		}
		<-goOn
		underWay.Add(-1)
		return password == "right"
	}
	g := newGateway(t, func(o *Options) {
		o.Users = camgate.Users{{Name: "nvr", Verify: hashed, Role: camgate.RoleViewer}}
	})
	newCamera(t, g.stream(t, "cam"), true).gop(3)
	var all []*wire
	for range 40 {
		w := dialWire(t, g.url("cam"))
		w.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte("nvr:right"))
		w.send("DESCRIBE", w.base, "Accept: application/sdp")
		all = append(all, w)
	}
	eventually(t, "as many as may are under way", func() bool { return underWay.Load() >= maxLogins })
	for range 40 { // time for more of them to come in, if they could
		w := dialWire(t, g.url("cam"))
		if rep := w.do("DESCRIBE", w.base, "Accept: application/sdp"); rep.status != 401 {
			t.Errorf("without a password: %d", rep.status)
		}
	}
	close(goOn)
	for i, w := range all {
		if rep, _ := w.next(); rep.status != 200 {
			t.Errorf("login %d: %d", i, rep.status)
		}
	}
}

// Players make control URLs by appending to the base: it has no query and one slash.
func TestContentBase(t *testing.T) {
	g := newGateway(t, nil)
	newCamera(t, g.stream(t, "live/cam"), true).gop(3)
	for _, path := range []string{"/live/cam", "/live/cam/", "//live/cam", "/live/cam?token=1", "/live/cam/?token=1"} {
		w := dialWire(t, g.url("live/cam"))
		rep := w.do("DESCRIBE", "rtsp://camera.example:8554"+path, "Accept: application/sdp")
		if got := rep.header.Get("Content-Base"); rep.status != 200 || got != "rtsp://camera.example:8554/live/cam/" {
			t.Errorf("%s: %d, Content-Base %q", path, rep.status, got)
		}
	}
}
