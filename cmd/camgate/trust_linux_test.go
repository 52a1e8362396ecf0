package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestCertificates is the way of a user with a camera that has a certificate of its
// own: it is refused with a line to paste, and the line works.
func TestCertificates(t *testing.T) {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	defer served.Wait()
	defer plain.Close()
	secure := tls.NewListener(plain, &tls.Config{Certificates: []tls.Certificate{ownCertificate(t)}})
	served.Go(func() { refuse(secure) }) // whoever comes through the handshake gets a 401
	url := "rtsps://user:s3cret-code@" + plain.Addr().String() + "/x"

	dir := t.TempDir()
	file := filepath.Join(dir, "camgate.yaml")
	start := func(streams string) *process {
		text := "state_dir: state\nlog: {level: debug}\nstreams:\n" + streams
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return launch(t, nil, "-c", file)
	}
	end := func(p *process, pages string) {
		_ = p.Process.Signal(syscall.SIGTERM)
		<-p.ended
		if strings.Contains(p.printed.String()+pages, "s3cret") {
			t.Errorf("a secret is shown:\n%s\n%s", pages, p.printed.String())
		}
	}

	p := start("  untrusted: {source: '" + url + "'}\n" +
		"  first: {source: '" + url + "', tls: {trust_on_first_use: true}}\n" +
		"  open: {source: '" + url + "', tls: {insecure: true}}\n" +
		"  noport: {source: 'rtsps://user:s3cret@127.0.0.1/x', on_demand: true}\n")
	var pages string
	p.await(t, "one refused, two with a wrong password", func() bool {
		_, pages = p.get("/api/v1/streams")
		return strings.Contains(pages, "is refused: it is self-signed") && strings.Count(pages, `"error":"authentication failed`) == 2
	})
	found := regexp.MustCompile(`tls: \{fingerprint: [0-9A-F:]{95}\}`).FindString(pages)
	pin := strings.TrimSuffix(strings.TrimPrefix(found, "tls: {fingerprint: "), "}")
	log := p.printed.String()
	for what, want := range map[string]string{
		"the line to paste":    `trust exactly it by ` + found,
		"the port":             `msg="port 322 by default" stream=noport`,
		"the standing warning": "any certificate is accepted",
		"the first use":        "certificate trusted on first use and remembered",
	} {
		if strings.Count(log, want) != 1 {
			t.Errorf("%s (%q) is %d times in the log, want once:\n%s", what, want, strings.Count(log, want), log)
		}
	}
	if n := strings.Count(pages, "the certificate of the source is not verified"); n != 1 {
		t.Errorf("%d streams have a warning, want one: %s", n, pages)
	}
	end(p, pages)
	known := filepath.Join(dir, "state", "known_certificates")
	data, err := os.ReadFile(known)
	if err != nil || !strings.Contains(string(data), "\n"+plain.Addr().String()+" "+pin+" ") {
		t.Errorf("%v: %s", err, data)
	}

	// What was remembered is known after a start; the pasted line works.
	p = start("  untrusted: {source: '" + url + "', " + found + "}\n" +
		"  first: {source: '" + url + "', tls: {trust_on_first_use: true}}\n")
	p.await(t, "both have a wrong password", func() bool {
		_, pages = p.get("/api/v1/streams")
		return strings.Count(pages, `"error":"authentication failed`) == 2
	})
	end(p, pages)
	if again, _ := os.ReadFile(known); string(again) != string(data) || strings.Contains(p.printed.String(), "remembered") {
		t.Errorf("it was remembered again: %s", again)
	}
}

func ownCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "camera"}, NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
