package trust

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/camgate/camgate"
)

// RefusedError is a certificate that was not accepted. It is a
// camgate.ErrConnectionFailed and camgate.ErrUntrusted.
type RefusedError struct {
	Facts          // of the certificate: Fingerprint, Subject, NotAfter ...
	Address string // host:port
	Reason  string // why, in words
	Accept  string // what to do where it is the right one all the same
	Err     error  // what the verification said; nil: it was no question of authorities
}

func (e *RefusedError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the certificate of %s is refused: %s", e.Address, e.Reason)
	if e.Fingerprint != (Pin{}) {
		fmt.Fprintf(&b, " (it is for %s, until %s)", orNobody(e.Subject), e.NotAfter.UTC().Format("2006-01-02"))
	}
	if e.Accept != "" {
		fmt.Fprintf(&b, "; if it is the right one, %s", e.Accept)
	}
	return b.String()
}

// Unwrap makes it those, and what the verification said.
func (e *RefusedError) Unwrap() []error {
	if e.Err == nil {
		return []error{camgate.ErrConnectionFailed, camgate.ErrUntrusted}
	}
	return []error{camgate.ErrConnectionFailed, camgate.ErrUntrusted, e.Err}
}

func orNobody(subject string) string {
	if subject == "" {
		return "nobody in particular"
	}
	return subject
}

// pinLine is a line of the config that accepts a certificate. It has no quotes, so
// that it can be pasted from a log that escapes them.
func pinLine(p Pin) string { return fmt.Sprintf("tls: {fingerprint: %s}", p) }

// handshakeError is a connection that came, but no TLS over it.
type handshakeError struct{ err error }

func (e *handshakeError) Error() string {
	if noTLS := (tls.RecordHeaderError{}); errors.As(e.err, &noTLS) {
		return "what answers there speaks no TLS"
	}
	return "TLS handshake: " + e.err.Error()
}

func (e *handshakeError) Unwrap() error { return e.err }
