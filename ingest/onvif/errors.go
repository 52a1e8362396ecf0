package onvif

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/camgate/camgate"
)

// own are the errors that this package tells itself.
var own = []error{
	camgate.ErrAuthFailed, camgate.ErrStreamNotFound, camgate.ErrTimeout, camgate.ErrConnectionFailed, camgate.ErrNoVideoTrack,
	camgate.ErrUnsupportedCodec,
}

// translate gives an error of the network its place among the errors of camgate.
func translate(err error) error {
	if err == nil || slices.ContainsFunc(own, func(sentinel error) bool { return errors.Is(err, sentinel) }) {
		return err
	}
	var network net.Error
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout() {
		return fmt.Errorf("%w: %w", camgate.ErrTimeout, err)
	}
	return fmt.Errorf("%w: %w", camgate.ErrConnectionFailed, err)
}

// notONVIF is told when something else answers. It is tried again soon: cameras that
// start answer so, too.
func notONVIF(answer string) error {
	return fmt.Errorf("%w: no ONVIF service here, the answer is %s: is ONVIF switched on in the camera's settings, and is the port right (often 80, 8000, 8080, 8899 or 2020)?", camgate.ErrConnectionFailed, answer)
}

// faultError is a SOAP fault: what a camera says in place of an answer.
type faultError struct {
	action string
	codes  []string // local names, the outer one first
	reason string
}

func (e *faultError) Error() string {
	what := e.reason
	if what == "" {
		what = strings.Join(e.codes, ", ")
	}
	return fmt.Sprintf("%s: the camera answers %q", e.action, what)
}

// faultOf reads a fault of SOAP 1.2, or of 1.1; nil: there is none.
func faultOf(action string, body *element) *faultError {
	fault := body.child("Fault")
	if fault == nil {
		return nil
	}
	f := &faultError{action: action, reason: clean(fault.at("Reason", "Text").value())}
	for code, n := fault.child("Code"), 0; code != nil && n < maxDepth; code, n = code.child("Subcode"), n+1 {
		f.codes = append(f.codes, local(code.child("Value").value()))
	}
	if code := fault.child("faultcode"); code != nil {
		f.codes, f.reason = append(f.codes, local(code.value())), clean(fault.child("faultstring").value())
	}
	return f
}

// local is a qualified name without its prefix.
func local(name string) string {
	_, after, ok := strings.Cut(name, ":")
	if !ok {
		after = name
	}
	return clean(after)
}

func (e *faultError) has(codes ...string) bool {
	return slices.ContainsFunc(e.codes, func(c string) bool {
		return slices.ContainsFunc(codes, func(code string) bool { return strings.EqualFold(c, code) })
	})
}

// refused tells whether it is about who asks. Not all cameras say it with the codes
// that there are for it.
func (e *faultError) refused() bool {
	if e.has("NotAuthorized", "FailedAuthentication", "InvalidSecurity", "InvalidSecurityToken", "SenderNotAuthorized") {
		return true
	}
	reason := strings.ToLower(e.reason)
	return slices.ContainsFunc([]string{"not authorized", "unauthorized", "authority failure", "not permitted", "authenticat", "password"}, func(s string) bool {
		return strings.Contains(reason, s)
	})
}

// unsupported tells whether the camera does not know what it was asked for.
func (e *faultError) unsupported() bool {
	return e.has("ActionNotSupported", "OptionalActionNotImplemented", "UnknownAction", "NoSuchService")
}

// clean makes text of a device fit to be shown: one short line without control
// characters.
func clean(s string) string {
	s = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, s)), " ")
	const longest = 160
	if r := []rune(s); len(r) > longest {
		s = string(r[:longest]) + "..."
	}
	return s
}
