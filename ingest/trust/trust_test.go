//go:debug x509negativeserial=1
package trust

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

func TestVerification(t *testing.T) {
	own, other := newAuthority(t, "own authority"), newAuthority(t, "other authority")
	key := newKey(t)
	loopback := func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)} }
	serial := func(c *x509.Certificate) { c.Subject.CommonName = "01S00C123456789" }
	expired := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	plain := selfSigned(t, nil)
	old := selfSigned(t, expired)
	renewed := (*authority)(nil).issue(t, key, nil)
	for name, tt := range map[string]struct {
		cert tls.Certificate
		opts Options
		by   Verification
		want string // in the refusal
	}{
		"self-signed":              {plain, Options{}, "", "it is self-signed"},
		"system, unknown":          {own.issue(t, key, loopback), Options{}, "", "its authority is not known here"},
		"authority":                {own.issue(t, key, loopback), Options{CAs: own.pool()}, ByCA, ""},
		"other authority":          {other.issue(t, key, loopback), Options{CAs: own.pool()}, "", "its authority is not known here"},
		"authority, expired":       {own.issue(t, key, func(c *x509.Certificate) { loopback(c); expired(c) }), Options{CAs: own.pool()}, "", "it has expired, or"},
		"authority, not yet":       {own.issue(t, key, func(c *x509.Certificate) { loopback(c); c.NotBefore = time.Now().Add(time.Minute) }), Options{CAs: own.pool()}, "", "the clock of this machine"},
		"itself as the authority":  {selfSigned(t, loopback), Options{}, "", "it is self-signed"},
		"wrong host":               {own.issue(t, key, func(c *x509.Certificate) { c.DNSNames = []string{"cam.example"} }), Options{CAs: own.pool()}, "", "127.0.0.1"},
		"other name":               {own.issue(t, key, func(c *x509.Certificate) { c.DNSNames = []string{"cam.example"} }), Options{CAs: own.pool(), ServerName: "cam.example"}, ByCA, ""},
		"wildcard":                 {own.issue(t, key, func(c *x509.Certificate) { c.DNSNames = []string{"*.example"} }), Options{CAs: own.pool(), ServerName: "cam.example"}, ByCA, ""},
		"common name":              {own.issue(t, key, serial), Options{CAs: own.pool(), ServerName: "01S00C123456789"}, ByCA, ""},
		"common name in lower":     {own.issue(t, key, serial), Options{CAs: own.pool(), ServerName: "01s00c123456789"}, ByCA, ""},
		"other common name":        {own.issue(t, key, serial), Options{CAs: own.pool(), ServerName: "01S00C999999999"}, "", "it is for 01S00C123456789, not for 01S00C999999999"},
		"common name, no name":     {own.issue(t, key, serial), Options{CAs: own.pool()}, "", "it is for 01S00C123456789, not for 127.0.0.1: the key server_name"},
		"common name of others":    {other.issue(t, key, serial), Options{CAs: own.pool(), ServerName: "01S00C123456789"}, "", "its authority is not known here"},
		"common name beside names": {own.issue(t, key, func(c *x509.Certificate) { serial(c); loopback(c) }), Options{CAs: own.pool(), ServerName: "01S00C123456789"}, "", "01S00C123456789"},
		"common name is no star":   {own.issue(t, key, func(c *x509.Certificate) { c.Subject.CommonName = "*" }), Options{CAs: own.pool(), ServerName: "cam"}, "", "it is for *, not for cam"},
		"name with a space":        {own.issue(t, key, func(c *x509.Certificate) { c.Subject.CommonName = "IP Camera" }), Options{CAs: own.pool(), ServerName: "IP Camera"}, ByCA, ""},
		"pin":                      {plain, Options{Pins: []Pin{leafPin(plain)}}, ByPin, ""},
		"pin of the key":           {plain, Options{Pins: []Pin{keyPin(plain)}}, ByPin, ""},
		"pins for rotation":        {plain, Options{Pins: []Pin{leafPin(old), leafPin(plain)}}, ByPin, ""},
		"pin of the key, renewed":  {renewed, Options{Pins: []Pin{keyPin((*authority)(nil).issue(t, key, nil))}}, ByPin, ""},
		"pin, renewed":             {renewed, Options{Pins: []Pin{leafPin((*authority)(nil).issue(t, key, nil))}}, "", "it has another fingerprint than the config says: " + leafPin(renewed).String()},
		"pin, expired":             {old, Options{Pins: []Pin{leafPin(old)}}, ByPin, ""},
		"wrong pin":                {plain, Options{Pins: []Pin{leafPin(old)}}, "", "it has another fingerprint than the config says: " + leafPin(plain).String()},
		"insecure":                 {old, Options{Insecure: true}, ByNothing, ""},
	} {
		t.Run(name, func(t *testing.T) {
			cam := newCamera(t, config(tt.cert))
			facts, err := dialOnce(t, cam.address(), tt.opts)
			if facts.Fingerprint != leafPin(tt.cert) || facts.SPKI != keyPin(tt.cert) || !facts.NotAfter.Equal(tt.cert.Leaf.NotAfter) {
				t.Errorf("the facts are wrong: %s", facts)
			}
			if facts.Verified != tt.by || (err == nil) != (tt.want == "") {
				t.Fatalf("%v, verified by %q, want %q", err, facts.Verified, tt.by)
			}
			if err == nil {
				if facts.Version != tls.VersionTLS13 || facts.Legacy {
					t.Errorf("the facts are wrong: %s", facts)
				}
				return
			}
			refused := (*RefusedError)(nil)
			if !errors.As(err, &refused) || !errors.Is(err, camgate.ErrConnectionFailed) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("refused by %v, want %q", err, tt.want)
			}
			if line := "tls: {fingerprint: " + leafPin(tt.cert).String() + "}"; !strings.Contains(err.Error(), line) {
				t.Errorf("no line to paste in %v", err)
			}
			if cam.connections() != 1 {
				t.Errorf("a refused certificate was asked for %d times", cam.connections())
			}
		})
	}
}

// The authority file may be the camera's own certificate.
func TestOwnCertificateAsAuthority(t *testing.T) {
	cert := selfSigned(t, func(c *x509.Certificate) { c.Subject.CommonName = "printer" })
	pool := x509.NewCertPool()
	pool.AddCert(cert.Leaf)
	cam := newCamera(t, config(cert))
	if facts, err := dialOnce(t, cam.address(), Options{CAs: pool, ServerName: "printer"}); err != nil || facts.Verified != ByCA {
		t.Errorf("%v, %s", err, facts)
	}
}

// The way of cmd/camgate with certificates that break RFC 5280 section 4.1.2.2: they
// can be trusted at least by their fingerprints. CreateCertificate makes none.
func TestNegativeSerialNumber(t *testing.T) {
	key := newKey(t)
	cert := (*authority)(nil).issue(t, key, func(c *x509.Certificate) { c.SerialNumber = big.NewInt(0x7dcba987654321) })
	// An INTEGER begins with its sign.
	der := bytes.Replace(cert.Certificate[0], []byte{0x7d, 0xcb, 0xa9, 0x87}, []byte{0xfd, 0xcb, 0xa9, 0x87}, 1)
	leaf, err := x509.ParseCertificate(der)
	if err != nil || leaf.SerialNumber.Sign() >= 0 {
		t.Fatal(leaf, err)
	}
	cert = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
	if facts, err := dialOnce(t, newCamera(t, config(cert)).address(), Options{Pins: []Pin{leafPin(cert)}}); err != nil {
		t.Errorf("%v, %s", err, facts)
	}
}

// What a stranger has put into a certificate is fit for a terminal.
func TestStrangeCertificate(t *testing.T) {
	cert := selfSigned(t, func(c *x509.Certificate) {
		c.Subject.CommonName = "evil\x1b[2J\nlevel=INFO msg=fine " + strings.Repeat("x", 1000)
	})
	_, err := dialOnce(t, newCamera(t, config(cert)).address(), Options{})
	if err == nil || strings.ContainsAny(err.Error(), "\x1b\n") || len(err.Error()) > 600 {
		t.Errorf("%q", err)
	}
}

func TestContradictions(t *testing.T) {
	pins := []Pin{{1}}
	for name, o := range map[string]Options{
		"insecure and a pin":        {Insecure: true, Pins: pins},
		"insecure and a name":       {Insecure: true, ServerName: "x"},
		"insecure and first use":    {Insecure: true, TrustOnFirstUse: true, Store: NewStore("x")},
		"pin and authority":         {Pins: pins, CAs: x509.NewCertPool()},
		"pin and first use":         {Pins: pins, TrustOnFirstUse: true, Store: NewStore("x")},
		"first use without a store": {TrustOnFirstUse: true},
	} {
		if _, err := New(o); !errors.Is(err, ErrContradiction) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInsecureTells(t *testing.T) {
	cert := selfSigned(t, nil)
	cam := newCamera(t, config(cert))
	out := &logs{}
	d, err := New(Options{Insecure: true, Logger: out.logger()})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := d.try(t, cam.address()); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(out.String(), "certificate not verified"); n != 1 || !strings.Contains(out.String(), leafPin(cert).String()) {
		t.Errorf("said %d times: %s", n, out)
	}
}

func TestServerName(t *testing.T) {
	for name, want := range map[string]string{
		"cam.example": "cam.example", "01S00C123456789": "01S00C123456789", "127.0.0.1": "", "::1": "", "IP Camera": "", "": "",
	} {
		if got := sni(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	for address, want := range map[string]string{
		"cam.example:322": "cam.example", "[fe80::1%eth0]:322": "fe80::1", "127.0.0.1:443": "127.0.0.1", "cam": "cam",
	} {
		if got := (&Dialer{}).nameFor(address); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}
