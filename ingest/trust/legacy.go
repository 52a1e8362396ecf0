package trust

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"slices"
)

// level is how much of the past a handshake offers.
type level int

const (
	modern level = iota // TLS 1.2 and 1.3 with suites that are good
	old                 // also TLS 1.0 and 1.1, and RSA key exchange
	oldest              // also 3DES
)

// config is the part of a tls.Config that depends on the level. What is set
// explicitly there does not depend on GODEBUG.
func (l level) config(c *tls.Config) {
	c.MinVersion = tls.VersionTLS12
	if l == modern {
		return
	}
	// Old servers may also choke on a hello that is long: no TLS 1.3, no post-quantum keys.
	c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS12
	c.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		if !isRC4(s.ID) && (l == oldest || !is3DES(s.ID)) {
			c.CipherSuites = append(c.CipherSuites, s.ID)
		}
	}
}

// after is the level to try once a handshake failed with err. Only a server that says
// that there is nothing in common is offered 3DES.
func (l level) after(err error) (level, bool) {
	switch {
	case l == modern && mayBeOld(err):
		return old, true
	case l == old && (isAlert(err, handshakeFailure) || isAlert(err, insufficientSecurity)):
		return oldest, true
	}
	return modern, false
}

// mayBeOld tells whether a handshake can have failed because the server is old: it
// said so, it hung up, or it chose what we do not take.
func mayBeOld(err error) bool {
	var (
		handshake *handshakeError
		refused   *RefusedError
		noTLS     tls.RecordHeaderError
	)
	return errors.As(err, &handshake) && !errors.As(err, &refused) && !errors.As(err, &noTLS) && !isTimeout(err) &&
		!errors.Is(err, context.Canceled) && !errors.Is(err, net.ErrClosed)
}

func isTimeout(err error) bool {
	var network net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &network) && network.Timeout()
}

// RFC 8446 section 6.
const (
	handshakeFailure     = 40
	insufficientSecurity = 71
)

// isAlert tells whether the server sent an alert. crypto/tls has its own type for
// those, which says the same as AlertError.
func isAlert(err error, alert tls.AlertError) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error" && op.Err != nil && op.Err.Error() == alert.Error()
}

// isLegacy tells whether a connection has what is off by default.
func isLegacy(cs tls.ConnectionState) bool {
	if cs.Version == 0 {
		return false
	}
	insecure := slices.ContainsFunc(tls.InsecureCipherSuites(), func(s *tls.CipherSuite) bool { return s.ID == cs.CipherSuite })
	return cs.Version < tls.VersionTLS12 || insecure
}

func isRC4(id uint16) bool {
	switch id {
	case tls.TLS_RSA_WITH_RC4_128_SHA, tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA, tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA:
		return true
	}
	return false
}

func is3DES(id uint16) bool {
	return id == tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA || id == tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA
}
