package rtsp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// A source that comes back with the same tracks keeps its readers; with others it
// ends their sessions.
func TestSourceComesBack(t *testing.T) {
	g := newGateway(t, nil)
	s := g.stream(t, "cam")
	cam := newCamera(t, s, false)
	cam.gop(2)
	w := dialWire(t, g.url("cam"))
	w.setup(0)
	w.want(200, "PLAY", w.base)
	read := func(n int) {
		t.Helper()
		for {
			frame := w.frame()
			if frame[1] != 0 {
				continue
			}
			p := parseRTP(t, frame[4:])
			if p.Marker && number(p) == n {
				return
			}
		}
	}
	read(1)
	cam.writer.Close()
	cam = newCamera(t, s, false)
	cam.frame = 7
	cam.gop(2)
	read(8)
	cam.writer.Close()
	cam = newCamera(t, s, true)
	cam.gop(2)
	if _, err := readAll(w.conn); err != nil {
		t.Errorf("the connection did not end: %v", err)
	}
	eventually(t, "the session to be gone", func() bool { return strings.Contains(g.logs.String(), `reason="tracks changed"`) })
	again := dialWire(t, g.url("cam"))
	again.setup(0)
	again.setup(1)
	again.want(200, "PLAY", again.base)
}

func readAll(conn net.Conn) (int, error) {
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return 0, err
	}
	buf := make([]byte, 64<<10)
	for total := 0; ; {
		n, err := conn.Read(buf)
		total += n
		if err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				return total, err
			}
			return total, nil
		}
	}
}

// A stream that is removed ends its readers' sessions.
func TestStreamRemoved(t *testing.T) {
	g := newGateway(t, nil)
	newCamera(t, g.stream(t, "cam"), false).gop(1)
	w := dialWire(t, g.url("cam"))
	w.setup(0)
	w.want(200, "PLAY", w.base)
	g.registry.Remove("cam")
	if _, err := readAll(w.conn); err != nil {
		t.Errorf("the connection did not end: %v", err)
	}
	dialWire(t, g.url("cam")).want(404, "DESCRIBE", g.url("cam"))
	// Another one of that name is another stream.
	newCamera(t, g.stream(t, "cam"), true).gop(1)
	if rep := dialWire(t, g.url("cam")).want(200, "DESCRIBE", g.url("cam")); strings.Count(rep.body, "m=") != 2 {
		t.Errorf("the old description:\n%s", rep.body)
	}
}

func TestNewNamesThePort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: evenPort(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	busyTCP, busyUDP := taken.Addr().String(), udp.LocalAddr().String()
	after := fmt.Sprint("127.0.0.1:", udp.LocalAddr().(*net.UDPAddr).Port+1)
	cases := map[string]Options{
		"rtsp.address":     {Address: busyTCP},
		"rtsp.tls_address": {Address: "127.0.0.1:0", TLSAddress: busyTCP, TLSConfig: &tls.Config{}},
		"rtsp.rtp_address": {Address: "127.0.0.1:0", RTPAddress: busyUDP, RTCPAddress: after},
	}
	for key, o := range cases {
		o.Registry = camgate.NewRegistry(0)
		_, err := New(o)
		if err == nil || !strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), "address already in use") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// Two gateways live in one process, and each ends with its context.
func TestRunEndsSessions(t *testing.T) {
	s, err := New(Options{Address: "127.0.0.1:0", Registry: camgate.NewRegistry(0)})
	if err != nil {
		t.Fatal(err)
	}
	other := newGateway(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	idle, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(2 * time.Second):
		t.Fatal("it goes on")
	}
	if _, err := readAll(idle); err != nil {
		t.Error("a connection is still open")
	}
	dialWire(t, other.url("x")).want(404, "DESCRIBE", other.url("x"))
}
