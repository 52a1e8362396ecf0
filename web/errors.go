package web

import (
	"errors"
	"net/http"
	"time"

	"github.com/camgate/camgate"
)

// The errors that only HTTP has.
var (
	errTooManyFailures = errors.New("too many wrong passwords from this address")
	errNotOffered      = errors.New("not offered by this gateway")
)

// Status tells how HTTP says err, and when it is worth while to ask again (0: it
// is not known, and no Retry-After is to be sent).
func Status(err error) (code int, retryAfter time.Duration) {
	switch {
	case errors.Is(err, errTooManyFailures):
		return http.StatusTooManyRequests, 0 // the gate knows until when
	case errors.Is(err, errNotOffered):
		return http.StatusNotImplemented, 0
	}
	a := camgate.AnswerTo(err)
	return a.HTTP, a.RetryAfter
}
