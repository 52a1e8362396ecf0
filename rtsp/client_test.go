package rtsp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// remoteCamera runs testdata/gstcam.py, a server that is not ours.
type remoteCamera struct {
	port int
	cmd  *exec.Cmd
}

func startRemote(t testing.TB, port int, args ...string) *remoteCamera {
	t.Helper()
	args = append([]string{filepath.Join("..", "testdata", "gstcam.py"), fmt.Sprint(port)}, args...)
	// The system's own: it has the bindings of the system's GStreamer.
	cmd := exec.Command("/usr/bin/python3", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("GStreamer's RTSP server for Python is needed for this test: %v", err)
	}
	r := &remoteCamera{port: port, cmd: cmd}
	t.Cleanup(r.stop)
	if line, err := bufio.NewReader(out).ReadString('\n'); !strings.HasPrefix(line, "ready") {
		t.Fatalf("gstcam.py: %q, %v", line, err)
	}
	return r
}

func (r *remoteCamera) stop() {
	if r.cmd.ProcessState == nil {
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func parseURL(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// supervise fills a stream from a URL until the test ends.
func supervise(t testing.TB, s *camgate.Stream, o SourceOptions) {
	t.Helper()
	source, err := NewSource(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = ingest.NewSupervisor(s, []camgate.Source{source}, ingest.Options{}).Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
}

// attempt is one Run of a source, which has to fail.
func attempt(t testing.TB, o SourceOptions) error {
	t.Helper()
	source, err := NewSource(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err = source.Run(ctx, camgate.NewRendition("cam", camgate.StreamLimits{}))
	if ctx.Err() != nil {
		t.Errorf("%s does not end", source)
	}
	return err
}

func TestPullErrors(t *testing.T) {
	remote := startRemote(t, freePort(t), "--user", "a:b", "--auth", "basic")
	silent := serveRaw(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	rude := serveRaw(t, func(c net.Conn) { c.Close() })
	liar := serveRaw(t, func(c net.Conn) { fmt.Fprint(c, "HTTP/1.1 200 OK\r\n\r\n") })
	empty := serveRaw(t, respond("RTSP/1.0 200 OK\r\nCSeq: %d\r\nContent-Type: application/sdp\r\nContent-Base: rtsp://x/\r\nContent-Length: 0\r\n\r\n"))
	busy := serveRaw(t, respond("RTSP/1.0 453 Not Enough Bandwidth\r\nCSeq: %d\r\n\r\n"))
	multicast := newScripted(t, func(c *scriptedConn, r request) bool {
		if r.method == "SETUP" {
			c.reply(r, 461, "")
		}
		return r.method == "SETUP"
	})
	cases := []struct {
		name, url string
		want      error
	}{
		{"no password", fmt.Sprintf("rtsp://127.0.0.1:%d/h264", remote.port), camgate.ErrAuthFailed},
		{"wrong password", fmt.Sprintf("rtsp://a:wrong@127.0.0.1:%d/h264", remote.port), camgate.ErrAuthFailed},
		{"no such path", fmt.Sprintf("rtsp://a:b@127.0.0.1:%d/nothing", remote.port), camgate.ErrStreamNotFound},
		{"refused", fmt.Sprintf("rtsp://127.0.0.1:%d/", freePort(t)), camgate.ErrConnectionFailed},
		{"no such host", "rtsp://no-such-host.invalid/", camgate.ErrConnectionFailed},
		{"silence", "rtsp://" + silent + "/", camgate.ErrTimeout},
		{"silence instead of TLS", "rtsps://" + silent + "/", camgate.ErrTimeout},
		{"hangs up", "rtsp://" + rude + "/", camgate.ErrConnectionFailed},
		{"no RTSP", "rtsp://" + liar + "/", camgate.ErrConnectionFailed},
		{"no SDP", "rtsp://" + empty + "/", camgate.ErrNoVideoTrack},
		{"busy", "rtsp://" + busy + "/", camgate.ErrTooManyStreams},
		{"neither UDP nor TCP", multicast.url(""), camgate.ErrConnectionFailed},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := attempt(t, SourceOptions{URL: parseURL(t, c.url), Timeout: time.Second})
			if !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			if hint := strings.Contains(fmt.Sprint(err), "transport: multicast"); hint != strings.HasPrefix(c.name, "neither") {
				t.Errorf("what to try: %v", err)
			}
			if strings.Contains(fmt.Sprint(err), "wrong") {
				t.Errorf("a secret is in %v", err)
			}
		})
	}
}

func serveRaw(t testing.TB, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); serve(c) }()
		}
	}()
	return l.Addr().String()
}

// respond gives the same answer to each request.
func respond(answer string) func(net.Conn) {
	return func(c net.Conn) {
		r := bufio.NewReader(c)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			var cseq int
			if n, _ := fmt.Sscanf(line, "CSeq: %d", &cseq); n == 1 {
				fmt.Fprintf(c, answer, cseq)
			}
		}
	}
}

// A camera whose network is gone in the middle does not keep Run from ending.
func TestPullEndsWithContext(t *testing.T) {
	before := runtime.NumGoroutine()
	remote := startRemote(t, freePort(t))
	source, err := NewSource(SourceOptions{URL: parseURL(t, fmt.Sprintf("rtsp://127.0.0.1:%d/h264", remote.port)), Transport: TransportTCP})
	if err != nil {
		t.Fatal(err)
	}
	s := camgate.NewRendition("cam", camgate.StreamLimits{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- source.Run(ctx, s) }()
	eventually(t, "live", func() bool { return s.Status().State == camgate.StateLive })
	cancel()
	begin := time.Now()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if d := time.Since(begin); d > teardownTimeout+time.Second {
		t.Errorf("it took %s", d)
	}
	remote.stop()
	eventually(t, "goroutines back to the start", func() bool { return runtime.NumGoroutine() <= before })
}

func TestKnock(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSource(SourceOptions{URL: parseURL(t, "rtsp://"+l.Addr().String()+"/x")})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Knock(t.Context()); err != nil {
		t.Error(err)
	}
	l.Close()
	if err := s.Knock(t.Context()); !errors.Is(err, camgate.ErrConnectionFailed) {
		t.Errorf("nobody there: %v", err)
	}
}

func TestNewSource(t *testing.T) {
	cases := []struct {
		url             string
		transport       Transport
		want            string // of String; empty: refused
		address, chosen string
	}{
		{"rtsp://u:secret@cam/a?b=c", "", "rtsp://u:xxxxx@cam/a?b=c", "cam:554", "auto"},
		{"rtsps://cam/a", "tcp", "rtsps://cam/a", "cam:322", "tcp"},
		{"rtsp://cam:8554/a", "udp", "rtsp://cam:8554/a", "cam:8554", "udp"},
		{"rtsp+http://cam/a", "", "rtsp+http://cam/a", "cam:80", "http"},
		{"rtsps+ws://[::1]/a", "", "rtsps+ws://[::1]/a", "[::1]:443", "ws"},
		{"rtsp:///a", "", "", "", ""},
		{"http://cam/a", "", "", "", ""},
		{"rtsp+ftp://cam/a", "", "", "", ""},
		{"rtsp://cam/a", "pigeon", "", "", ""},
	}
	for _, c := range cases {
		s, err := NewSource(SourceOptions{URL: parseURL(t, c.url), Transport: c.transport})
		if c.want == "" {
			if err == nil {
				t.Errorf("%s %s was taken", c.url, c.transport)
			}
			continue
		}
		if err != nil || s.String() != c.want || s.address(s.url) != c.address || string(s.transport) != c.chosen {
			t.Errorf("%s: %v, %v %s %s", c.url, err, s, s.address(s.url), s.transport)
		}
	}
	if _, err := NewSource(SourceOptions{}); err == nil {
		t.Error("no URL was taken")
	}
}
