package rtsp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// gateway is a server under test with its streams.
type gateway struct {
	*Server
	registry *camgate.Registry
	logs     *logBuffer
}

// newGateway runs a server until the test ends, and checks that nothing of it is
// left then.
func newGateway(t testing.TB, change func(*Options)) *gateway {
	t.Helper()
	before := runtime.NumGoroutine()
	logs := &logBuffer{}
	o := Options{
		Address: "127.0.0.1:0", TLSAddress: "127.0.0.1:0", Registry: camgate.NewRegistry(0),
		StartTimeout: 5 * time.Second, Logger: slog.New(slog.NewTextHandler(logs, nil)),
	}
	if change != nil {
		change(&o)
	}
	s := newServer(t, o)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(2 * time.Second):
			t.Error("the server does not end within two seconds")
			return
		}
		eventually(t, "goroutines back to the start", func() bool { return runtime.NumGoroutine() <= before })
	})
	return &gateway{Server: s, registry: o.Registry, logs: logs}
}

// newServer makes a server; rtp in o.RTPAddress stands for a free pair of ports.
func newServer(t testing.TB, o Options) *Server {
	t.Helper()
	udp := o.RTPAddress == "any"
	for try := 0; ; try++ {
		if udp {
			port := evenPort(t)
			o.RTPAddress, o.RTCPAddress = fmt.Sprint("127.0.0.1:", port), fmt.Sprint("127.0.0.1:", port+1)
		}
		s, err := New(o)
		if err == nil {
			return s
		}
		if !udp || try > 10 {
			t.Fatal(err)
		}
	}
}

func withUDP(o *Options) { o.RTPAddress = "any" }

func evenPort(t testing.TB) int {
	t.Helper()
	for range 100 {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		port := c.LocalAddr().(*net.UDPAddr).Port
		c.Close()
		if port%2 == 0 {
			return port
		}
	}
	t.Fatal("no even port is free")
	return 0
}

func (g *gateway) url(name string) string { return fmt.Sprintf("rtsp://%s/%s", g.Addr(), name) }

func (g *gateway) stream(t testing.TB, name string) *camgate.Stream {
	t.Helper()
	s, err := g.registry.Add(name, camgate.StreamLimits{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// eventually waits for something that happens in another goroutine or process.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Errorf("not within ten seconds: %s", what)
			return
		}
	}
}

// logBuffer is what a server has logged.
type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// certificate returns a self-signed one for 127.0.0.1.
func certificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "camera"},
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// tool is a program that the test needs.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is needed for this test: %v", name, err)
	}
	return path
}

// viewers is how many read a stream, without the lanes.
func viewers(s *camgate.Stream) (n int) {
	for _, r := range s.Info().Readers {
		if !r.Internal {
			n++
		}
	}
	return n
}
