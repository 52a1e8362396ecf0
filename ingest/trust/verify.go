package trust

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// verify decides about a certificate. It is called before the peer has proved that
// it has the key, so nothing is remembered here.
func (d *Dialer) verify(address string, cs tls.ConnectionState) (Verification, error) {
	facts := factsOf(cs)
	if len(cs.PeerCertificates) == 0 {
		return "", &RefusedError{Facts: facts, Address: address, Reason: "there is none"}
	}
	leaf := cs.PeerCertificates[0]
	switch {
	case d.opts.Insecure:
		return ByNothing, nil
	case len(d.opts.Pins) > 0:
		if slices.Contains(d.opts.Pins, facts.Fingerprint) || slices.Contains(d.opts.Pins, facts.SPKI) {
			return ByPin, nil
		}
		reason := fmt.Sprintf("it has another fingerprint than the config says: %s", facts.Fingerprint)
		return "", &RefusedError{Facts: facts, Address: address, Reason: reason, Accept: "add that: " + pinLine(facts.Fingerprint)}
	case d.opts.TrustOnFirstUse:
		return d.verifyRemembered(address, facts)
	}
	by := BySystem
	if d.opts.CAs != nil {
		by = ByCA
	}
	if err := d.verifyChain(leaf, cs.PeerCertificates[1:], d.nameFor(address)); err != nil {
		return "", &RefusedError{
			Facts: facts, Address: address, Reason: reasonOf(err), Err: err,
			Accept: "trust exactly it by " + pinLine(facts.Fingerprint),
		}
	}
	return by, nil
}

func (d *Dialer) verifyRemembered(address string, facts Facts) (Verification, error) {
	known, found, err := d.opts.Store.Lookup(address)
	switch {
	case err != nil:
		return "", &RefusedError{Facts: facts, Address: address, Reason: "nobody knows whether it is the remembered one: " + err.Error(), Err: err}
	case !found:
		return ByFirstUse, nil
	case known.Pin == facts.Fingerprint:
		return ByRemembered, nil
	}
	return "", d.changed(address, known, facts)
}

// changed is the refusal of a certificate because another one is remembered.
func (d *Dialer) changed(address string, known Known, facts Facts) error {
	return &RefusedError{
		Facts: facts, Address: address,
		Reason: fmt.Sprintf("its fingerprint is %s, but since %s it was %s", facts.Fingerprint, known.Since.UTC().Format("2006-01-02"), known.Pin),
		Accept: fmt.Sprintf("remove the line of %s from %s, or trust exactly it by %s in place of trust_on_first_use",
			known.Address, d.opts.Store.Path(), pinLine(facts.Fingerprint)),
	}
}

// nameFor is the name that a certificate has to be for.
func (d *Dialer) nameFor(address string) string {
	if d.opts.ServerName != "" {
		return d.opts.ServerName
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	host, _, _ = strings.Cut(host, "%") // the zone of an IPv6 address is ours, not the camera's
	return host
}

// verifyChain is what crypto/tls does by itself, but for certificates that name their
// owner in the common name only, as those of devices do.
func (d *Dialer) verifyChain(leaf *x509.Certificate, others []*x509.Certificate, name string) error {
	opts := x509.VerifyOptions{Roots: d.opts.CAs, Intermediates: x509.NewCertPool(), CurrentTime: d.now()}
	for _, cert := range others {
		opts.Intermediates.AddCert(cert)
	}
	if _, err := leaf.Verify(opts); err != nil {
		return err
	}
	// RFC 6125 section 6.4.4: the common name counts only where there is no other one.
	// Public authorities issue no such certificates, so somebody has to have asked for it.
	asked := d.opts.CAs != nil || d.opts.ServerName != ""
	if asked && !hasNames(leaf) && leaf.Subject.CommonName != "" {
		if strings.EqualFold(leaf.Subject.CommonName, name) {
			return nil
		}
		return &nameError{name: name, common: leaf.Subject.CommonName}
	}
	return leaf.VerifyHostname(name)
}

func hasNames(cert *x509.Certificate) bool {
	return len(cert.DNSNames)+len(cert.IPAddresses)+len(cert.URIs)+len(cert.EmailAddresses) > 0
}

func (d *Dialer) now() time.Time {
	if d.opts.now != nil {
		return d.opts.now()
	}
	return time.Now()
}

// nameError is a common name that is another one than expected.
type nameError struct{ name, common string }

func (e *nameError) Error() string {
	return fmt.Sprintf("it is for %s, not for %s: the key server_name of tls says which name to expect", tame(e.common), e.name)
}

// reasonOf tells what the verification said, in our words where those help more.
func reasonOf(err error) string {
	var (
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		host    x509.HostnameError
		name    *nameError
	)
	switch {
	case errors.As(err, &name):
		return name.Error()
	case errors.As(err, &unknown):
		if c := unknown.Cert; c != nil && c.Subject.String() == c.Issuer.String() {
			return "it is self-signed"
		}
		return "its authority is not known here"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "it has expired, or is not good yet, or the clock of this machine is wrong: " + tame(invalid.Detail)
	case errors.As(err, &host):
		return tame(strings.TrimPrefix(err.Error(), "x509: "))
	}
	return tame(strings.TrimPrefix(err.Error(), "x509: "))
}
