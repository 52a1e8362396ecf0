package fakecam_test

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate/cmd/camgate/fakecam"
)

func TestDescribe(t *testing.T) {
	tests := []struct {
		fault     string
		tracks    int
		has, lack string // in the headers or in the SDP
	}{
		{"", 2, "sprop-parameter-sets=", "packetization-mode=0"},
		{"no-tracks", 0, "v=0", "m="},
		{"video-only", 1, "m=video", "m=audio"},
		{"audio-only", 1, "m=audio", "m=video"},
		{"late-sdp=1h", 0, "v=0", "m="},
		{"late-sdp=0s", 2, "m=audio", ""},
		{"huge-sdp=60", 2, strings.Repeat("x", 1000), ""},
		{"relative-control", 2, "a=control:trackID=0", "content-base"},
		{"absolute-control", 2, "a=control:rtsp://127.0.0.1:", "content-base"},
		{"describe-other-base", 2, "content-base: rtsp://camera.invalid:554/other/stream/", "127.0.0.1:"},
		{"sps-band-only", 2, "H264", "sprop"},
		{"late-params=1s", 2, "H264", "sprop"},
		{"single-nal", 2, "packetization-mode=0", "packetization-mode=1"},
		{"pcma", 2, "8 PCMA/8000", "mpeg4-generic"},
		{"pcmu", 2, "0 PCMU/8000", "mpeg4-generic"},
		{"opus", 2, "opus/48000/2", "mpeg4-generic"},
		{"aac", 2, "mpeg4-generic/48000/1", "opus"},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			var cam *fakecam.Cam
			if tt.fault == "" {
				cam = withFaults(t)
			} else {
				cam = withFaults(t, tt.fault)
			}
			c := connect(t, cam)
			a := c.setup("tcp")
			all := fmt.Sprint(a.body)
			for key, values := range a.header {
				all += key + ": " + strings.Join(values, "\n") + "\n"
			}
			if !strings.Contains(all, tt.has) || tt.lack != "" && strings.Contains(all, tt.lack) {
				t.Errorf("want %.40q and no %q in:\n%.2000s", tt.has, tt.lack, all)
			}
			if n := len(controls(a)); n != tt.tracks {
				t.Errorf("%d tracks, want %d", n, tt.tracks)
			}
			if tt.fault == "huge-sdp=60" && len(a.body) < 60<<10 {
				t.Errorf("the SDP has %d bytes", len(a.body))
			}
			if tt.tracks > 0 {
				c.must("PLAY", c.url)
				c.packets(0, 3)
			}
		})
	}
}

func TestSignalling(t *testing.T) {
	t.Parallel()
	c := connect(t, withFaults(t, "slow-describe=300ms", "no-public", "no-rtp-info", "teardown-hang"))
	if a := c.must("OPTIONS", c.url); a.get("public") != "" {
		t.Errorf("no-public: %s", a.get("public"))
	}
	began := time.Now()
	c.must("DESCRIBE", c.url)
	if d := time.Since(began); d < 300*time.Millisecond {
		t.Errorf("slow-describe: after %v", d)
	}
	if a := c.play("tcp"); a.get("rtp-info") != "" {
		t.Errorf("no-rtp-info: %s", a.get("rtp-info"))
	}
	c.send("TEARDOWN", c.url)
	c.conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if a, err := c.receive(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("teardown-hang: %v %v", a, err)
	}

	c = connect(t, withFaults(t, "redirect"))
	a := c.do("DESCRIBE", c.url)
	if a.status != 302 || a.get("location") != c.url+"/moved" {
		t.Fatalf("redirect: %d %s", a.status, a.get("location"))
	}
	c.url = a.get("location")
	c.play("tcp")

	c = connect(t, withFaults(t))
	for want, try := range map[int]func() answer{
		404: func() answer { return c.do("DESCRIBE", c.url+"/x") },
		405: func() answer { return c.do("PAUSE", c.url) },
		454: func() answer { return c.do("PLAY", c.url) },
		455: func() answer { return c.do("SETUP", c.url+"/trackID=0", "Transport: RTP/AVP/TCP") },
		501: func() answer { return c.do("FLY", c.url) },
	} {
		if a := try(); a.status != want {
			t.Errorf("status %d, want %d", a.status, want)
		}
	}
}

func TestSessionsThatAreRefused(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]int{"one-client": 453, "one-client=503": 503} {
		cam := withFaults(t, fault)
		first := connect(t, cam)
		first.play("tcp")
		second := connect(t, cam)
		sdp := second.must("DESCRIBE", second.url)
		if a := second.do("SETUP", controls(sdp)[0], "Transport: RTP/AVP/TCP"); a.status != want {
			t.Errorf("%s: %d", fault, a.status)
		}
		first.must("TEARDOWN", first.url)
		second.must("SETUP", controls(sdp)[0], "Transport: RTP/AVP/TCP")
	}

	cam := withFaults(t, "hold-port=2s") // longer than it takes to come again
	c := connect(t, cam)
	c.play("tcp")
	c.must("TEARDOWN", c.url)
	c = connect(t, cam)
	c.play("tcp") // after a TEARDOWN
	c.conn.Close()
	waitFor(t, func() bool { return cam.Status().Sessions == 0 })
	began := time.Now()
	c = connect(t, cam)
	sdp := c.must("DESCRIBE", c.url)
	refused := 0
	for c.do("SETUP", controls(sdp)[0], "Transport: RTP/AVP/TCP").status == 453 {
		refused++
	}
	if d := time.Since(began); refused == 0 || d < 1200*time.Millisecond || d > 5*time.Second {
		t.Errorf("hold-port: %d times refused, for %v", refused, d)
	}
}

func TestHeal(t *testing.T) {
	t.Parallel()
	cam := withFaults(t, "no-tracks", "heal=2")
	for i := range 4 {
		c := connect(t, cam)
		if n := len(controls(c.must("DESCRIBE", c.url))); (n == 0) != (i < 2) {
			t.Errorf("connection %d: %d tracks", i+1, n)
		}
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	cam := start(t, fakecam.Options{TLS: true, CommonName: "01S00C123456789", Faults: []string{"old-tls"}})
	u, err := url.Parse(cam.URL())
	if err != nil {
		t.Fatal(err)
	}
	handshake := func(config *tls.Config, limit time.Duration) (tls.ConnectionState, error) {
		nc, err := net.Dial("tcp", u.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		nc.SetDeadline(time.Now().Add(limit))
		client := tls.Client(nc, config)
		err = client.Handshake()
		return client.ConnectionState(), err
	}
	if _, err := handshake(&tls.Config{InsecureSkipVerify: true}, patience); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("old-tls: a client without RSA key exchange: %v", err)
	}
	state, err := handshake(&tls.Config{InsecureSkipVerify: true, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}}, patience)
	if err != nil || state.Version != tls.VersionTLS12 {
		t.Fatalf("old-tls: %v, version %x", err, state.Version)
	}
	leaf := state.PeerCertificates[0]
	sum := sha256.Sum256(leaf.Raw)
	if got := strings.ReplaceAll(cam.Fingerprint(), ":", ""); !strings.EqualFold(got, hex.EncodeToString(sum[:])) || leaf.Subject.CommonName != "01S00C123456789" {
		t.Errorf("fingerprint %s, name %s", cam.Fingerprint(), leaf.Subject.CommonName)
	}
	cam.Clear()
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	if _, err := handshake(&tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}, patience); err != nil {
		t.Errorf("trusted: %v", err)
	}
	if err := cam.Set("dead-tls"); err != nil {
		t.Fatal(err)
	}
	if _, err := handshake(&tls.Config{InsecureSkipVerify: true}, 500*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("dead-tls: %v", err)
	}
}
