package trust

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestOldCameras(t *testing.T) {
	cert := rsaCertificate(t)
	for name, tt := range map[string]struct {
		lowest, highest uint16
		suites          []uint16
		connections     int
		legacy          bool
		works           bool
	}{
		"today":               {tls.VersionTLS12, 0, nil, 1, false, true},
		"TLS 1.2":             {tls.VersionTLS12, tls.VersionTLS12, nil, 1, false, true},
		"1.2, RSA exchange":   {tls.VersionTLS12, tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA256}, 2, true, true},
		"TLS 1.1":             {tls.VersionTLS10, tls.VersionTLS11, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA}, 2, true, true},
		"TLS 1.0":             {tls.VersionTLS10, tls.VersionTLS10, []uint16{tls.TLS_RSA_WITH_AES_256_CBC_SHA}, 2, true, true},
		"TLS 1.0, prefers it": {tls.VersionTLS10, tls.VersionTLS10, []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_RSA_WITH_AES_128_CBC_SHA}, 2, true, true},
		"TLS 1.0, 3DES only":  {tls.VersionTLS10, tls.VersionTLS10, []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}, 3, true, true},
		"TLS 1.0, RC4 only":   {tls.VersionTLS10, tls.VersionTLS10, []uint16{tls.TLS_RSA_WITH_RC4_128_SHA}, 3, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			cam := newCamera(t, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tt.lowest, MaxVersion: tt.highest, CipherSuites: tt.suites})
			out := &logs{}
			d, err := New(Options{Pins: []Pin{leafPin(cert)}, Logger: out.logger()})
			if err != nil {
				t.Fatal(err)
			}
			facts, err := d.try(t, cam.address())
			if (err == nil) != tt.works || facts.Legacy != tt.legacy || cam.connections() != tt.connections {
				t.Fatalf("%v after %d connections, %s", err, cam.connections(), facts)
			}
			if err != nil {
				return
			}
			if tt.highest != 0 && facts.Version != Version(tt.highest) {
				t.Errorf("version %s", facts.Version)
			}
			if len(tt.suites) > 0 && facts.Suite != Suite(tt.suites[len(tt.suites)-1]) {
				t.Errorf("suite %s", facts.Suite)
			}
			if strings.Contains(out.String(), "old TLS") != tt.legacy || tt.legacy && !strings.Contains(out.String(), facts.Suite.String()) {
				t.Errorf("the log says %s", out)
			}
			// The next time it needs no second connection, and is no news.
			before := out.String()
			if _, err := d.try(t, cam.address()); err != nil || cam.connections() != tt.connections+1 || out.String() != before {
				t.Errorf("again: %v after %d connections: %s", err, cam.connections(), out)
			}
			// And who wants none of it gets none of it.
			_, err = dialOnce(t, cam.address(), Options{Pins: []Pin{leafPin(cert)}, Modern: true})
			if (err == nil) == tt.legacy || cam.connections() != tt.connections+2 {
				t.Errorf("modern only: %v after %d connections", err, cam.connections())
			}
		})
	}
}

// A certificate that is refused is that on an old camera too.
func TestOldAndUntrusted(t *testing.T) {
	cert := rsaCertificate(t)
	cam := newCamera(t, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}})
	facts, err := dialOnce(t, cam.address(), Options{})
	refused := (*RefusedError)(nil)
	if !errors.As(err, &refused) || facts.Fingerprint != leafPin(cert) || !facts.Legacy || cam.connections() != 2 {
		t.Errorf("%v, %s", err, facts)
	}
}

func TestNoTLS(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	rude := serve(t, "127.0.0.1:0", func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) })
	plain := serve(t, "127.0.0.1:0", func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		_, _ = io.WriteString(c, "RTSP/1.0 400 Bad Request\r\n\r\n")
	})
	for name, tt := range map[string]struct {
		address     string
		cam         *camera
		connections int
		want        string
	}{
		"closed":   {closed.Addr().String(), nil, 0, "refused"},
		"hangs up": {rude.address(), rude, 2, "and with old versions and suites"},
		"plain":    {plain.address(), plain, 1, "what answers there speaks no TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := dialOnce(t, tt.address, Options{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if tt.cam != nil && tt.cam.connections() != tt.connections {
				t.Errorf("%d connections, want %d", tt.cam.connections(), tt.connections)
			}
		})
	}
}

// A camera that does not answer a long hello gets a short one the next time, and what
// never answers does not hold us longer than ctx.
func TestSilentCamera(t *testing.T) {
	cert := selfSigned(t, nil)
	hello := make(chan int, 10)
	cam := serve(t, "127.0.0.1:0", func(c net.Conn) {
		first := make([]byte, 4096)
		n, err := io.ReadAtLeast(c, first, 5)
		if err != nil {
			return
		}
		for size := 5 + int(first[3])<<8 + int(first[4]); n < size; { // RFC 8446 section 5.1
			more, err := c.Read(first[n:])
			if err != nil {
				return
			}
			n += more
		}
		hello <- n
		if n > 600 {
			_, _ = io.Copy(io.Discard, c)
			return
		}
		secure := tls.Server(&replayed{c, first[:n]}, config(cert))
		_, _ = io.Copy(secure, secure)
	})
	d, err := New(Options{Pins: []Pin{leafPin(cert)}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, _, err := d.Dial(ctx, "tcp", cam.address(), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if facts, err := d.try(t, cam.address()); err != nil || facts.Legacy {
		t.Errorf("%v, %s", err, facts)
	}
	if long, short := <-hello, <-hello; long < 1000 || short > 600 {
		t.Errorf("hellos of %d and %d bytes", long, short)
	}
}

// replayed gives back what was read already.
type replayed struct {
	net.Conn
	first []byte
}

func (r *replayed) Read(b []byte) (int, error) {
	if len(r.first) == 0 {
		return r.Conn.Read(b)
	}
	n := copy(b, r.first)
	r.first = r.first[n:]
	return n, nil
}

func TestPeersAreBounded(t *testing.T) {
	d, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		d.connected(net.JoinHostPort("192.0.2.1", string(rune('a'+i))), modern, Facts{})
	}
	if len(d.peers) > maxPeers {
		t.Errorf("%d are remembered", len(d.peers))
	}
}
