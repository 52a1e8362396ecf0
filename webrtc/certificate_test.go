package webrtc

import (
	"testing"
	"time"
)

// A certificate is used for a while, and replaced long before it ends.
func TestCertificates(t *testing.T) {
	var c certificates
	now := time.Now()
	first, err := c.get(now)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := c.get(now.Add(certificateAge)); !again.Equals(first) {
		t.Error("it is replaced too early")
	}
	if left := first.Expires().Sub(now.Add(certificateAge)); left < 7*24*time.Hour {
		t.Errorf("the last session with it has %v left", left)
	}
	if second, err := c.get(now.Add(certificateAge + time.Second)); err != nil || second.Equals(first) {
		t.Errorf("it is not replaced: %v", err)
	}
}

// The fingerprint that counts is one by a hash that is not broken.
func TestFingerprint(t *testing.T) {
	for _, c := range []struct {
		offered []string
		want    string
	}{
		{[]string{"sha-256 AA:BB"}, "sha-256 AA:BB"},
		{[]string{"sha-1 00", "md5 00", "SHA-384  aa:bb ", "sha-256 CC"}, "sha-384 aa:bb"},
		{[]string{"sha-512 AA"}, "sha-512 AA"},
		{[]string{"sha-256", "sha-256 ", "sha-256 AA BB", "", "sha-1 00"}, ""},
	} {
		p := peer{fingerprints: c.offered}
		if got := p.fingerprint(); got != c.want {
			t.Errorf("%q: %q, want %q", c.offered, got, c.want)
		}
	}
}
