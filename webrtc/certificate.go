package webrtc

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"hash"
	"strings"
	"sync"
	"time"

	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
)

// certificateAge is how long new sessions get the same certificate: it ends a
// month after it was made.
const certificateAge = 10 * 24 * time.Hour

// certificates makes the self-signed certificate of the gateway's side of DTLS,
// which the viewer knows by its fingerprint in the answer (RFC 8122 section 5).
type certificates struct {
	mu          sync.Mutex
	made        time.Time
	certificate tls.Certificate
	fingerprint string
}

func (c *certificates) get(now time.Time) (tls.Certificate, string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made.IsZero() || now.Sub(c.made) > certificateAge {
		cert, err := selfsign.GenerateSelfSigned()
		if err != nil {
			return tls.Certificate{}, "", err
		}
		c.certificate, c.made = cert, now
		c.fingerprint = "sha-256 " + fingerprint(sha256.New(), cert.Certificate[0])
	}
	return c.certificate, c.fingerprint, nil
}

func fingerprint(h hash.Hash, cert []byte) string {
	h.Write(cert)
	sum := strings.ToUpper(hex.EncodeToString(h.Sum(nil)))
	var out strings.Builder
	for i := 0; i < len(sum); i += 2 {
		if i > 0 {
			out.WriteByte(':')
		}
		out.WriteString(sum[i : i+2])
	}
	return out.String()
}

var errFingerprint = errors.New("the viewer's certificate is not the one of its offer")

// verifyFingerprint returns what checks the viewer's certificate against the
// fingerprints of its offer, each "hash value".
func verifyFingerprint(offered []string) func([][]byte, [][]*x509.Certificate) error {
	return func(raw [][]byte, _ [][]*x509.Certificate) error {
		if len(raw) == 0 {
			return errFingerprint
		}
		for _, f := range offered {
			name, value, _ := strings.Cut(f, " ")
			h := fingerprintHash(name)
			if h != nil && strings.EqualFold(fingerprint(h, raw[0]), strings.TrimSpace(value)) {
				return nil
			}
		}
		return errFingerprint
	}
}

// fingerprintHash returns nil for a hash that is unknown or broken.
func fingerprintHash(name string) hash.Hash {
	switch strings.ToLower(name) {
	case "sha-256":
		return sha256.New()
	case "sha-384":
		return sha512.New384()
	case "sha-512":
		return sha512.New()
	}
	return nil
}
