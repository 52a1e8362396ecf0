package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// cameraCertificate makes what cameras have: a certificate that is signed by itself, for
// a name that is not the host's.
func cameraCertificate(t *testing.T) (certFile, keyFile, fingerprint string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "camera"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sum := sha256.Sum256(cert)
	return certFile, keyFile, hex.EncodeToString(sum[:])
}

// TestSourcesOfGStreamer pulls what TestRemoteCameraOnAllOutputs does not from a server
// that shares no code with us: other codecs, passwords and TLS, by each transport.
func TestSourcesOfGStreamer(t *testing.T) {
	certFile, keyFile, fingerprint := cameraCertificate(t)
	plain, digest, basic, secure, both := freeTCP(t), freeTCP(t), freeTCP(t), freeTCP(t), freeTCP(t)
	camera(t, plain)
	camera(t, digest, "--user", "ada:s:e@c/r%t")
	camera(t, basic, "--user", "ada:secret", "--auth", "basic")
	camera(t, secure, "--cert", certFile, "--key", keyFile)
	camera(t, both, "--user", "ada:secret", "--cert", certFile, "--key", keyFile)

	pin := "tls: {fingerprint: \"" + fingerprint + "\"}"
	rows := []struct {
		name, login string
		port        int
		path, more  string
		codecs      string
		sound       int // frames at the least, in 2 s: one of PCMA has 128 ms here
	}{
		{"h264-auto", "", plain, "h264", "transport: auto", "H264 Opus", 50},
		{"h265-auto", "", plain, "h265", "transport: auto", "H265", 0},
		{"mjpeg-tcp", "", plain, "mjpeg", "transport: tcp", "MJPEG", 0},
		{"mjpeg-udp", "", plain, "mjpeg", "transport: udp", "MJPEG", 0},
		{"pcma-tcp", "", plain, "pcma", "transport: tcp", "H264 PCMA", 12},
		{"pcma-udp", "", plain, "pcma", "transport: udp", "H264 PCMA", 12},
		{"digest-tcp", "ada:s:e@c%2Fr%25t@", digest, "h264", "transport: tcp", "H264 Opus", 50},
		{"digest-udp", "ada:s:e@c%2Fr%25t@", digest, "h264", "transport: udp", "H264 Opus", 50},
		{"basic-tcp", "ada:secret@", basic, "h264", "transport: tcp", "H264 Opus", 50},
		{"tls-tcp", "", secure, "h264", "transport: tcp, " + pin, "H264 Opus", 50},
		{"tls-auto", "", secure, "h264", "transport: auto, " + pin, "H264 Opus", 50},
		{"tls-digest-tcp", "ada:secret@", both, "h265", "transport: tcp, " + pin, "H265", 0},
	}
	config := "streams:\n"
	for _, r := range rows {
		scheme := "rtsp"
		if strings.Contains(r.more, "tls") {
			scheme = "rtsps"
		}
		config += fmt.Sprintf("  %s: {source: \"%s://%s127.0.0.1:%d/%s\", %s}\n", r.name, scheme, r.login, r.port, r.path, r.more)
	}
	config += fmt.Sprintf("  unpinned: {source: \"rtsps://127.0.0.1:%d/h264\"}\n  wrong: {source: \"rtsp://ada:guess@127.0.0.1:%d/h264\"}\n", secure, digest)
	g := start(t, config)
	t.Run("rows", func(t *testing.T) { // ends when all of them have
		for _, r := range rows {
			t.Run(r.name, func(t *testing.T) {
				t.Parallel()
				g := g.of(t)
				g.awaitLive(r.name)
				wantFrames(t, r.name, probeRTSP(t, "tcp", g.rtspURL(r.name), 2), 25, r.sound)
				codecs := []string{}
				for _, track := range g.stream(r.name).Tracks {
					codecs = append(codecs, track.Codec)
				}
				if got := strings.Join(codecs, " "); got != r.codecs {
					t.Errorf("%s has %s, want %s", r.name, got, r.codecs)
				}
			})
		}
	})
	for name, want := range map[string]string{"unpinned": strings.ToLower(fingerprint), "wrong": "authentication failed"} {
		g.await(name+" waits, and says "+want, 10*time.Second, func() bool { // between two attempts
			s := g.stream(name)
			return (s.State == "failed" || s.State == "retrying") && strings.Contains(strings.ToLower(strings.ReplaceAll(s.Error, ":", "")), want)
		})
	}
	if log := g.log.String(); strings.Contains(log, "secret") || strings.Contains(log, "guess") {
		t.Errorf("a password is in the log:\n%s", log)
	}
}

// of is the gateway with a test of its own to fail, for subtests that run side by side.
func (g *gateway) of(t *testing.T) *gateway {
	return &gateway{t: t, cmd: g.cmd, log: g.log, http: g.http, rtsp: g.rtsp, rtp: g.rtp, webrt: g.webrt, exited: g.exited}
}
