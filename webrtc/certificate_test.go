package webrtc

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"
)

// A certificate is used for a while, and replaced long before it ends.
func TestCertificates(t *testing.T) {
	var c certificates
	now := time.Now()
	first, print1, err := c.get(now)
	if err != nil {
		t.Fatal(err)
	}
	if _, again, _ := c.get(now.Add(certificateAge)); again != print1 {
		t.Error("it is replaced too early")
	}
	parsed, err := x509.ParseCertificate(first.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	if left := parsed.NotAfter.Sub(now.Add(certificateAge)); left < 7*24*time.Hour {
		t.Errorf("the last session with it has %v left", left)
	}
	_, print2, err := c.get(now.Add(certificateAge + time.Second))
	if err != nil || print1 == print2 {
		t.Errorf("it is not replaced: %v", err)
	}
	if err := verifyFingerprint([]string{"sha-1 00", print2, strings.ToLower(print1)})(first.Certificate, nil); err != nil {
		t.Error(err)
	}
	for _, bad := range [][]string{nil, {print2}, {"sha-256 "}, {"md5 00"}, {""}} {
		if verifyFingerprint(bad)(first.Certificate, nil) == nil {
			t.Errorf("%q lets it pass", bad)
		}
	}
	if verifyFingerprint([]string{print1})(nil, nil) == nil {
		t.Error("no certificate passes")
	}
}
