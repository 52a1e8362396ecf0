package trust

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// camera is a TLS server that echoes, and counts connections.
type camera struct {
	net.Listener
	mu    sync.Mutex
	count int
}

func (c *camera) address() string { return c.Addr().String() }

func (c *camera) connections() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count
}

// serve runs a server until the test ends; serve is called for each connection.
func serve(t testing.TB, address string, handle func(net.Conn)) *camera {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	c := &camera{Listener: l}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.mu.Lock()
			c.count++
			c.mu.Unlock()
			all.Go(func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
				handle(conn)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		all.Wait()
	})
	return c
}

func newCamera(t testing.TB, config *tls.Config) *camera {
	t.Helper()
	return newCameraAt(t, "127.0.0.1:0", config)
}

func newCameraAt(t testing.TB, address string, config *tls.Config) *camera {
	t.Helper()
	return serve(t, address, func(conn net.Conn) {
		secure := tls.Server(conn, config)
		_, _ = io.Copy(secure, secure)
	})
}

// authority issues certificates.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue makes a certificate; a nil authority makes it self-signed. change may be nil.
func (a *authority) issue(t testing.TB, key crypto.Signer, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "camera"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	if change != nil {
		change(template)
	}
	parent, signer := template, key
	if a != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func selfSigned(t testing.TB, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	return (*authority)(nil).issue(t, newKey(t), change)
}

func rsaCertificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return (*authority)(nil).issue(t, key, func(c *x509.Certificate) { c.Subject.CommonName = "old camera" })
}

func config(cert tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
}

func leafPin(cert tls.Certificate) Pin { p, _ := pinsOf(cert.Leaf); return p }
func keyPin(cert tls.Certificate) Pin  { _, p := pinsOf(cert.Leaf); return p }

// use dials, checks that what was dialled carries data, and hangs up.
func use(t testing.TB, dial func(context.Context) (*tls.Conn, Facts, error)) (Facts, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	conn, facts, err := dial(ctx)
	if err != nil {
		if conn != nil {
			t.Error("a connection with an error")
		}
		return facts, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	got := make([]byte, 4)
	if _, err := conn.Write([]byte("ping")); err != nil {
		t.Error(err)
	} else if _, err := io.ReadFull(conn, got); err != nil || string(got) != "ping" {
		t.Errorf("read %q, %v", got, err)
	}
	return facts, nil
}

func dialOnce(t testing.TB, address string, o Options) (Facts, error) {
	t.Helper()
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d.try(t, address)
}

func (d *Dialer) try(t testing.TB, address string) (Facts, error) {
	t.Helper()
	return use(t, func(ctx context.Context) (*tls.Conn, Facts, error) { return d.Dial(ctx, "tcp", address, nil) })
}

// logs is what was logged.
type logs struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logs) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }
