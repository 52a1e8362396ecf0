package fakecam

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"strings"
	"time"
)

// tlsConfig has the certificate of the options, or a new one that is signed by
// itself. Its key is an RSA one since old suites need that.
func tlsConfig(o Options) (*tls.Config, error) {
	if o.Certificate != nil {
		return &tls.Config{Certificates: []tls.Certificate{*o.Certificate}}, nil
	}
	name := o.CommonName
	if name == "" {
		name = "fakecam"
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(10, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{name, "localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}}}, nil
}

// oldTLS is what devices of some years ago can.
func oldTLS(config *tls.Config) *tls.Config {
	old := config.Clone()
	old.MaxVersion = tls.VersionTLS12
	old.CipherSuites = []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_256_CBC_SHA}
	return old
}

// Fingerprint is the SHA-256 of the certificate, in hexadecimal digits with colons;
// empty without TLS.
func (c *Cam) Fingerprint() string {
	if c.tls == nil {
		return ""
	}
	sum := sha256.Sum256(c.tls.Certificates[0].Certificate[0])
	return strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":")
}
