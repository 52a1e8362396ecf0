package config

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
)

func (t TLS) isZero() bool {
	return len(t.Fingerprint) == 0 && t.CA == "" && t.ServerName == "" && !t.Insecure
}

// ParseFingerprint reads a SHA-256 as 64 hexadecimal digits, with or without colons.
func ParseFingerprint(text string) ([sha256.Size]byte, error) {
	var out [sha256.Size]byte
	raw, err := hex.DecodeString(strings.ReplaceAll(strings.TrimPrefix(strings.ToLower(text), "sha256:"), ":", ""))
	if err != nil || len(raw) != len(out) {
		return out, fmt.Errorf("a fingerprint is a SHA-256: 64 hexadecimal digits, with or without colons")
	}
	return [sha256.Size]byte(raw), nil
}

// LoadCA reads a file of certificates.
func LoadCA(file string) (*x509.CertPool, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s: there is no certificate in it", file)
	}
	return pool, nil
}

// ClientTLS returns how the certificate of a stream's source is verified; nil
// means as by default.
func (c *Config) ClientTLS(t TLS) (*tls.Config, error) {
	if t.isZero() {
		return nil, nil
	}
	out := &tls.Config{ServerName: t.ServerName, InsecureSkipVerify: t.Insecure}
	if t.CA != "" {
		pool, err := LoadCA(c.File(t.CA))
		if err != nil {
			return nil, err
		}
		out.RootCAs = pool
	}
	if len(t.Fingerprint) > 0 {
		var pins [][sha256.Size]byte
		for _, text := range t.Fingerprint {
			pin, err := ParseFingerprint(text)
			if err != nil {
				return nil, err
			}
			pins = append(pins, pin)
		}
		out.InsecureSkipVerify = true // the pin is verified instead
		out.VerifyConnection = func(cs tls.ConnectionState) error { return verifyPin(pins, cs) }
	}
	return out, nil
}

func verifyPin(pins [][sha256.Size]byte, cs tls.ConnectionState) error {
	if len(cs.PeerCertificates) == 0 {
		return errors.New("the server has no certificate")
	}
	leaf := cs.PeerCertificates[0]
	found := sha256.Sum256(leaf.Raw)
	key := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	for _, pin := range pins {
		if bytes.Equal(pin[:], found[:]) || bytes.Equal(pin[:], key[:]) {
			return nil
		}
	}
	return fmt.Errorf("the certificate has another fingerprint: %s", FormatFingerprint(found))
}

// FormatFingerprint writes a SHA-256 as ParseFingerprint reads it.
func FormatFingerprint(sum [sha256.Size]byte) string {
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(parts, ":")
}
