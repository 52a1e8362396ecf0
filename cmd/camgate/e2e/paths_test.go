package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// certificate makes one for 127.0.0.1 that nobody has signed.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
}

// TestDemoOverTLSAndHLS has the paths to ffprobe and GStreamer that no other test takes.
func TestDemoOverTLSAndHLS(t *testing.T) {
	port := freeTCP(t)
	cert, key := certificate(t)
	t.Setenv("CAMGATE_RTSP_TLS_ADDRESS", fmt.Sprintf("127.0.0.1:%d", port))
	t.Setenv("CAMGATE_RTSP_TLS_CERT", cert)
	t.Setenv("CAMGATE_RTSP_TLS_KEY", key)
	g := start(t, demoConfig)
	g.awaitLive("demo")
	secure, hls := fmt.Sprintf("rtsps://127.0.0.1:%d/demo", port), g.url("/demo/index.m3u8")
	wantFrames(t, "ffprobe rtsps", probeRTSP(t, "tcp", secure, 3), 50, 50)
	wantFrames(t, "ffprobe HLS", ffprobe(t, 3, hls), 50, 50)
	if n := gstRTSP(t, secure, "tcp", gstH264, 5); n < 50 {
		t.Errorf("GStreamer rtsps showed %d pictures, want 50", n)
	}
	if n := gstHLS(t, hls, 8); n < 50 {
		t.Errorf("GStreamer HLS showed %d pictures, want 50", n)
	}
}
