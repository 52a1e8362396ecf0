package webrtc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"sync"
	"time"

	pion "github.com/pion/webrtc/v4"
)

// certificateAge is how long new sessions get the same certificate: it ends a
// month after it was made.
const certificateAge = 10 * 24 * time.Hour

// certificates makes the self-signed certificate of the gateway's side of DTLS,
// which the viewer knows by its fingerprint in the answer (RFC 8122 section 5).
type certificates struct {
	mu          sync.Mutex
	made        time.Time
	certificate pion.Certificate
}

func (c *certificates) get(now time.Time) (pion.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made.IsZero() || now.Sub(c.made) > certificateAge {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return pion.Certificate{}, err
		}
		cert, err := pion.GenerateCertificate(key)
		if err != nil {
			return pion.Certificate{}, err
		}
		c.certificate, c.made = *cert, now
	}
	return c.certificate, nil
}
