package rtsp

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest/trust"
)

// Cameras of all kinds, by TCP and UDP, are served again to a real client by both.
func TestPullAndServe(t *testing.T) {
	remote := startRemote(t, freePort(t))
	cases := []struct {
		path      string
		transport Transport
		want      map[string]int
	}{
		{"h264", TransportTCP, map[string]int{"h264": 50, "opus": 80}},
		{"h264", TransportUDP, map[string]int{"h264": 50, "opus": 80}},
		{"nosps", TransportAuto, map[string]int{"h264": 50}},
		{"h265", TransportTCP, map[string]int{"hevc": 50}},
		{"mjpeg", TransportUDP, map[string]int{"mjpeg": 50}},
		{"pcma", TransportAuto, map[string]int{"h264": 50, "pcm_alaw": 10}},
		{"aac", TransportTCP, map[string]int{"h264": 50, "aac": 60}},
		{"latm", TransportTCP, map[string]int{"h264": 50, "aac": 60}},
		{"vp8", TransportUDP, map[string]int{"vp8": 50}},
		{"l16", TransportTCP, map[string]int{"pcm_s16be": 50}},
	}
	g := newGateway(t, withUDP)
	for _, c := range cases {
		t.Run(fmt.Sprint(c.path, "/", c.transport), func(t *testing.T) {
			t.Parallel()
			name := c.path + "-" + string(c.transport)
			s := g.stream(t, name)
			supervise(t, s, SourceOptions{URL: parseURL(t, fmt.Sprintf("rtsp://127.0.0.1:%d/%s", remote.port, c.path)), Transport: c.transport})
			eventually(t, "live", func() bool { return s.Status().State == camgate.StateLive })
			probe(t, g.url(name), "tcp", c.want)
			probe(t, g.url(name), "udp", c.want)
		})
	}
}

// GStreamer's client plays what ours has pulled, without a frame that comes too late.
func TestGStreamerReads(t *testing.T) {
	g := newGateway(t, withUDP)
	s := g.stream(t, "cam")
	remote := startRemote(t, freePort(t))
	supervise(t, s, SourceOptions{URL: parseURL(t, fmt.Sprintf("rtsp://127.0.0.1:%d/h264", remote.port))})
	eventually(t, "live", func() bool { return s.Status().State == camgate.StateLive })
	for _, protocol := range []string{"tcp", "udp"} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		out, err := exec.CommandContext(ctx, tool(t, "gst-launch-1.0"), "-e", "rtspsrc", "location="+g.url("cam"), "protocols="+protocol, "latency=200",
			"name=src", "src.", "!", "rtph264depay", "!", "h264parse", "!", "avdec_h264", "!", "identity", "eos-after=60", "!", "fakesink", "sync=true",
			"src.", "!", "rtpopusdepay", "!", "opusdec", "!", "identity", "eos-after=80", "!", "fakesink", "sync=true").CombinedOutput()
		// Afterwards it may fall over itself: what it closes the connection with aborts
		// the PAUSE that it is about to send, which it takes for our end of it.
		played, _, ended := strings.Cut(string(out), "Setting pipeline to NULL")
		if !ended || !strings.Contains(played, "Got EOS from element") || strings.Contains(played, "ERROR") || strings.Contains(played, "WARN") {
			t.Errorf("%s: %v\n%s", protocol, err, out)
		}
	}
}

// A camera that dies and comes back finds its readers waiting.
func TestRemoteComesBack(t *testing.T) {
	port := freePort(t)
	remote := startRemote(t, port)
	g := newGateway(t, nil)
	s := g.stream(t, "cam")
	supervise(t, s, SourceOptions{URL: parseURL(t, fmt.Sprintf("rtsp://127.0.0.1:%d/h264", port)), Transport: TransportTCP})
	eventually(t, "live", func() bool { return s.Status().State == camgate.StateLive })
	v := watch(t, g.url("cam"))
	count := func() int { v.mu.Lock(); defer v.mu.Unlock(); return v.packets }
	eventually(t, "packets", func() bool { return count() > 10 })
	remote.stop()
	eventually(t, "the loss to be noticed", func() bool { return s.Status().State == camgate.StateRetrying })
	before := count()
	startRemote(t, port)
	back := time.Now()
	eventually(t, "packets again", func() bool { return count() > before+10 })
	if d := time.Since(back); d > 5*time.Second {
		t.Errorf("it took %s", d)
	}
	if err := v.alive(); err != nil {
		t.Errorf("the reader had to leave: %v", err)
	}
}

// watch is view without a look at what the pictures are.
func watch(t testing.TB, u string) *viewer {
	t.Helper()
	return view(t, u, gortsplib.ProtocolTCP, nil, -1)
}

func (v *viewer) alive() error {
	done := make(chan error, 1)
	go func() { done <- v.client.Wait() }()
	select {
	case err := <-done:
		return err
	case <-time.After(100 * time.Millisecond):
		return nil
	}
}

// TLS: with the right authority it works, without it does not.
func TestPullTLS(t *testing.T) {
	cert := certificate(t)
	dir := t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, typ string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	remote := startRemote(t, freePort(t), "--user", "bblp:code", "--auth", "digest",
		"--cert", write("cert.pem", "CERTIFICATE", cert.Certificate[0]), "--key", write("key.pem", "PRIVATE KEY", key))
	pool := x509.NewCertPool()
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(leaf)
	u := fmt.Sprintf("rtsps://bblp:code@127.0.0.1:%d/h264", remote.port)
	err = attempt(t, SourceOptions{URL: parseURL(t, u)})
	refused := (*trust.RefusedError)(nil)
	if !errors.Is(err, camgate.ErrConnectionFailed) || !errors.As(err, &refused) || !strings.Contains(err.Error(), "tls: {fingerprint: "+refused.Fingerprint.String()) {
		t.Errorf("an unknown authority: %v", err)
	}
	dialer, err := trust.New(trust.Options{CAs: pool})
	if err != nil {
		t.Fatal(err)
	}
	s := camgate.NewRendition("cam", camgate.StreamLimits{})
	supervise(t, s, SourceOptions{URL: parseURL(t, u), TLS: dialer})
	eventually(t, "live", func() bool { return s.Status().State == camgate.StateLive })
}

// ffprobe logs in by Digest and by Basic, and not with a wrong password.
func TestLogIn(t *testing.T) {
	for name, users := range map[string]camgate.Users{
		"digest": {{Name: "tv", Password: "right", Role: camgate.RoleViewer}},
		"basic":  {{Name: "tv", Verify: func(p string) bool { return p == "right" }, Role: camgate.RoleViewer}},
	} {
		t.Run(name, func(t *testing.T) {
			remote := startRemote(t, freePort(t))
			g := newGateway(t, func(o *Options) { o.Users = users })
			s := g.stream(t, "cam")
			supervise(t, s, SourceOptions{URL: parseURL(t, fmt.Sprintf("rtsp://127.0.0.1:%d/h264", remote.port))})
			eventually(t, "live", func() bool { return s.Status().State == camgate.StateLive })
			probe(t, fmt.Sprintf("rtsp://tv:right@%s/cam", g.Addr()), "tcp", map[string]int{"h264": 50, "opus": 50})
			out, err := exec.Command(tool(t, "ffprobe"), "-v", "error", fmt.Sprintf("rtsp://tv:wrong@%s/cam", g.Addr())).CombinedOutput()
			if err == nil || !strings.Contains(string(out), "401 Unauthorized") {
				t.Errorf("a wrong password: %v\n%s", err, out)
			}
		})
	}
}
