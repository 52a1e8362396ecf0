package trust

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"strings"
	"time"
	"unicode"
)

// Verification is what a certificate was accepted for.
type Verification string

// What a certificate can be accepted for.
const (
	BySystem     Verification = "system authorities"
	ByCA         Verification = "own authority"
	ByPin        Verification = "fingerprint"
	ByFirstUse   Verification = "first use"  // never seen before: it is remembered now
	ByRemembered Verification = "remembered" // the one of the first use
	ByNothing    Verification = "nothing"    // anybody could be in between
)

// Version is a version of TLS.
type Version uint16

// String is as in "TLS 1.2"; empty before there is one.
func (v Version) String() string {
	if v == 0 {
		return ""
	}
	return tls.VersionName(uint16(v))
}

// MarshalText is String.
func (v Version) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// Suite is a cipher suite.
type Suite uint16

// String is the suite's name in the registry of IANA; empty before there is one.
func (s Suite) String() string {
	if s == 0 {
		return ""
	}
	return tls.CipherSuiteName(uint16(s))
}

// MarshalText is String.
func (s Suite) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Facts are what is known of a connection, or of one that was refused. Texts come
// from the certificate, so from anybody: they are short and have no control
// characters.
type Facts struct {
	Version     Version      `json:"version,omitzero"`
	Suite       Suite        `json:"suite,omitzero"`
	Fingerprint Pin          `json:"fingerprint,omitzero"` // of the certificate
	SPKI        Pin          `json:"spki,omitzero"`        // of its public key: it survives a renewal with the same key
	Subject     string       `json:"subject,omitzero"`
	Issuer      string       `json:"issuer,omitzero"`
	Names       []string     `json:"names,omitempty"` // DNS names and addresses it is for
	NotBefore   time.Time    `json:"not_before,omitzero"`
	NotAfter    time.Time    `json:"not_after,omitzero"`
	Verified    Verification `json:"verified,omitempty"` // empty: it was refused
	Legacy      bool         `json:"legacy"`             // by a version or suite that is off by default
}

// String is the facts as JSON.
func (f Facts) String() string {
	text, _ := json.Marshal(f)
	return string(text)
}

const (
	maxText  = 120 // bytes of a name that anybody could have chosen
	maxNames = 16
)

func factsOf(cs tls.ConnectionState) Facts {
	f := Facts{Version: Version(cs.Version), Suite: Suite(cs.CipherSuite), Legacy: isLegacy(cs)}
	if len(cs.PeerCertificates) == 0 {
		return f
	}
	leaf := cs.PeerCertificates[0]
	f.Fingerprint, f.SPKI = pinsOf(leaf)
	f.Subject, f.Issuer = tame(leaf.Subject.String()), tame(leaf.Issuer.String())
	for _, name := range leaf.DNSNames {
		f.Names = append(f.Names, tame(name))
	}
	for _, ip := range leaf.IPAddresses {
		f.Names = append(f.Names, ip.String())
	}
	f.Names = f.Names[:min(len(f.Names), maxNames)]
	f.NotBefore, f.NotAfter = leaf.NotBefore, leaf.NotAfter
	return f
}

func pinsOf(cert *x509.Certificate) (leaf, key Pin) {
	return sha256.Sum256(cert.Raw), sha256.Sum256(cert.RawSubjectPublicKeyInfo)
}

// tame makes a text of a stranger fit for logs and terminals.
func tame(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "..."
	}
	return s
}
