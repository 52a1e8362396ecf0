package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/camgate/camgate"
)

// status is what HTTP says of an error.
type status struct {
	err        error
	code       int
	retryAfter time.Duration
}

// statuses is the one table of errors and what HTTP says of them. The first entry
// that an error wraps counts: a camera that refuses our password makes a stream
// not ready, and that is what its viewers are to hear.
func statuses() []status {
	return []status{
		{camgate.ErrStreamNotFound, http.StatusNotFound, 0},
		{camgate.ErrNotReady, http.StatusServiceUnavailable, 2 * time.Second},
		{camgate.ErrConnectionFailed, http.StatusServiceUnavailable, 2 * time.Second},
		{camgate.ErrTimeout, http.StatusServiceUnavailable, 2 * time.Second},
		{context.DeadlineExceeded, http.StatusServiceUnavailable, 2 * time.Second},
		{camgate.ErrTooManyStreams, http.StatusServiceUnavailable, 10 * time.Second},
		{camgate.ErrTooManyReaders, http.StatusServiceUnavailable, 10 * time.Second},
		{camgate.ErrEncoderUnavailable, http.StatusServiceUnavailable, 0},
		{camgate.ErrDecoder, http.StatusServiceUnavailable, 2 * time.Second},
		{camgate.ErrTracksChanged, http.StatusServiceUnavailable, time.Second},
		{camgate.ErrClosed, http.StatusServiceUnavailable, 2 * time.Second},
		{context.Canceled, http.StatusServiceUnavailable, 2 * time.Second},
		{camgate.ErrNoVideoTrack, http.StatusNotAcceptable, 0},
		{camgate.ErrUnsupportedCodec, http.StatusNotAcceptable, 0},
		{camgate.ErrPublisherActive, http.StatusConflict, 0},
		{camgate.ErrStreamExists, http.StatusConflict, 0},
		{camgate.ErrForbidden, http.StatusForbidden, 0},
		{errTooManyFailures, http.StatusTooManyRequests, 0}, // the gate knows until when
		{camgate.ErrAuthFailed, http.StatusUnauthorized, 0},
		{errNotOffered, http.StatusNotImplemented, 0},
	}
}

// The errors that only HTTP has.
var (
	errTooManyFailures = errors.New("too many wrong passwords from this address")
	errNotOffered      = errors.New("not offered by this gateway")
)

// Status tells how HTTP says err, and when it is worth while to ask again (0: it
// is not known, and no Retry-After is to be sent).
func Status(err error) (code int, retryAfter time.Duration) {
	for _, s := range statuses() {
		if errors.Is(err, s.err) {
			return s.code, s.retryAfter
		}
	}
	return http.StatusInternalServerError, 0
}
