package web

import (
	"errors"
	"net/http"
	"time"

	"github.com/camgate/camgate"
)

// errNotOffered is an error that only HTTP has.
var errNotOffered = errors.New("not offered by this gateway")

// Status tells how HTTP says err, and when it is worth while to ask again (0: it
// is not known, and no Retry-After is to be sent).
func Status(err error) (code int, retryAfter time.Duration) {
	if errors.Is(err, errNotOffered) {
		return http.StatusNotImplemented, 0
	}
	a := camgate.AnswerTo(err)
	return a.HTTP, a.RetryAfter
}
