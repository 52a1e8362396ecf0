package fakecam_test

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
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

	cam := withFaults(t, "hold-port=500ms")
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
	if d := time.Since(began); refused == 0 || d < 300*time.Millisecond || d > 5*time.Second {
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
	handshake := func(config *tls.Config) (tls.ConnectionState, error) {
		nc, err := net.Dial("tcp", u.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		nc.SetDeadline(time.Now().Add(500 * time.Millisecond))
		client := tls.Client(nc, config)
		err = client.Handshake()
		return client.ConnectionState(), err
	}
	if _, err := handshake(&tls.Config{InsecureSkipVerify: true}); err == nil {
		t.Error("old-tls: a client without RSA key exchange is served")
	}
	state, err := handshake(&tls.Config{InsecureSkipVerify: true, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}})
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
	if _, err := handshake(&tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}); err != nil {
		t.Errorf("trusted: %v", err)
	}
	if err := cam.Set("dead-tls"); err != nil {
		t.Fatal(err)
	}
	if _, err := handshake(&tls.Config{InsecureSkipVerify: true}); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("dead-tls: %v", err)
	}
}

// digester answers challenges as RFC 7616 says.
type digester struct {
	hash         func(string) string
	realm, nonce string
	qop          bool
	nc           int
}

func newDigester(t *testing.T, a answer, algorithm string) *digester {
	t.Helper()
	d := &digester{hash: func(s string) string { sum := md5.Sum([]byte(s)); return hex.EncodeToString(sum[:]) }}
	if algorithm == "SHA-256" {
		d.hash = func(s string) string { sum := sha256.Sum256([]byte(s)); return hex.EncodeToString(sum[:]) }
	}
	for _, h := range a.header["www-authenticate"] {
		if !strings.HasPrefix(h, "Digest ") || !strings.Contains(h, "realm=") || algorithm != "" && !strings.Contains(h, "algorithm="+algorithm) {
			continue
		}
		d.realm, d.nonce, d.qop = between(h, `realm="`), between(h, `nonce="`), strings.Contains(h, `qop="auth"`)
		return d
	}
	t.Fatalf("status %d, no challenge for %q in %v", a.status, algorithm, a.header)
	return nil
}

func between(s, open string) string {
	_, s, _ = strings.Cut(s, open)
	s, _, _ = strings.Cut(s, `"`)
	return s
}

func (d *digester) header(method, uri, password, algorithm string) string {
	middle, more := d.nonce, ""
	if d.qop {
		d.nc++
		middle += fmt.Sprintf(":%08x:abc:auth", d.nc)
		more = fmt.Sprintf(`, qop=auth, nc=%08x, cnonce="abc"`, d.nc)
	}
	if algorithm != "" {
		more += ", algorithm=" + algorithm
	}
	response := d.hash(d.hash("admin:"+d.realm+":"+password) + ":" + middle + ":" + d.hash(method+":"+uri))
	return fmt.Sprintf(`Authorization: Digest username="admin", realm="%s", nonce="%s", uri="%s", response="%s"%s`, d.realm, d.nonce, uri, response, more)
}

func TestDigest(t *testing.T) {
	tests := []struct {
		faults    string
		algorithm string
		refusals  int // of five requests with the right password
	}{
		{"", "", 0},
		{"digest-md5", "MD5", 0},
		{"digest-sha256", "SHA-256", 0},
		{"digest-qop", "", 0},
		{"digest-qop digest-sha256", "SHA-256", 0},
		{"odd-realm", "", 0},
		{"all-schemes", "SHA-256", 0},
		{"all-schemes", "MD5", 0},
		{"digest-stale=2", "", 2},
		{"realm-change", "", 1},
		{"realm-change odd-realm digest-qop", "", 1},
		{"refuse-password", "", 5},
	}
	for _, tt := range tests {
		t.Run(tt.faults, func(t *testing.T) {
			cam := start(t, fakecam.Options{User: "admin", Password: "p@ss:/%w", Faults: strings.Fields(tt.faults)})
			c := connect(t, cam)
			a := c.do("DESCRIBE", c.url)
			if a.status != 401 {
				t.Fatalf("without a password: %d", a.status)
			}
			d := newDigester(t, a, tt.algorithm)
			if tt.faults == "odd-realm" && !strings.ContainsAny(d.realm, ",=(") {
				t.Errorf("realm %s", d.realm)
			}
			realm, refusals := d.realm, 0
			for range 5 {
				a := c.do("DESCRIBE", c.url, d.header("DESCRIBE", c.url, "p@ss:/%w", tt.algorithm))
				if a.status == 200 {
					continue
				}
				refusals++
				stale := strings.Contains(a.get("www-authenticate"), "stale=TRUE")
				if strings.HasPrefix(tt.faults, "digest-stale") != stale {
					t.Errorf("stale: %v", stale)
				}
				d = newDigester(t, a, tt.algorithm)
				if refusals > 1 || tt.faults == "refuse-password" {
					continue
				}
				if a = c.do("DESCRIBE", c.url, d.header("DESCRIBE", c.url, "p@ss:/%w", tt.algorithm)); a.status != 200 {
					t.Errorf("with the new nonce: %d", a.status)
				}
			}
			if refusals != tt.refusals && !(tt.faults == "digest-stale=2" && refusals > 0) {
				t.Errorf("%d refusals, want %d", refusals, tt.refusals)
			}
			if strings.Contains(tt.faults, "realm-change") == (d.realm == realm) {
				t.Errorf("realm %q after %q", d.realm, realm)
			}
			failures := cam.Status().AuthFailures
			if a := c.do("DESCRIBE", c.url, d.header("DESCRIBE", c.url, "wrong", tt.algorithm)); a.status != 401 || cam.Status().AuthFailures != failures+1 {
				t.Errorf("wrong password: %d, %d failures", a.status, cam.Status().AuthFailures)
			}
			if tt.faults == "digest-qop" {
				d.nc = 0
				if a := c.do("DESCRIBE", c.url, d.header("DESCRIBE", c.url, "p@ss:/%w", tt.algorithm)); a.status != 401 {
					t.Errorf("nc used twice: %d", a.status)
				}
				d.qop = false
				if a := c.do("DESCRIBE", c.url, d.header("DESCRIBE", c.url, "p@ss:/%w", tt.algorithm)); a.status != 401 {
					t.Errorf("without qop: %d", a.status)
				}
			}
		})
	}
}

func TestBasic(t *testing.T) {
	t.Parallel()
	cam := start(t, fakecam.Options{User: "admin", Password: "secret", Faults: []string{"basic", "auth-options"}})
	c := connect(t, cam)
	if a := c.do("OPTIONS", c.url); a.status != 401 {
		t.Errorf("auth-options: %d", a.status)
	}
	a := c.do("DESCRIBE", c.url)
	if got := a.get("www-authenticate"); a.status != 401 || !strings.HasPrefix(got, "Basic realm=") {
		t.Errorf("%d %s", a.status, got)
	}
	header := func(s string) string { return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	if a := c.do("DESCRIBE", c.url, header("admin:wrong")); a.status != 401 {
		t.Errorf("wrong password: %d", a.status)
	}
	c.must("DESCRIBE", c.url, header("admin:secret"))
	cam.Clear()
	if a := c.do("DESCRIBE", c.url, header("admin:secret")); a.status != 401 {
		t.Errorf("Basic where Digest is asked for: %d", a.status)
	}
}
