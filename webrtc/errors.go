package webrtc

import (
	"errors"
	"fmt"
	"net/http"
	"syscall"

	"github.com/camgate/camgate"
)

// Causes of the end of a session, beside those of package camgate.
var (
	errBadOffer    = errors.New("bad SDP offer")
	errBadFragment = errors.New("bad SDP fragment")
	errDeleted     = errors.New("ended by the viewer")
	errLost        = errors.New("the viewer is gone")
	errNoConnect   = errors.New("the viewer did not connect")
	errShutdown    = errors.New("the gateway ends")

	errTooManySources = errors.New("the viewer sends for too many sources")
)

// bindError says which port could not be had and where it was configured.
func bindError(network, address string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("webrtc.address: %s port %s is taken by another program: %w", network, address, err)
	}
	return fmt.Errorf("webrtc.address: cannot listen on %s %s: %w", network, address, err)
}

// status is how an error is told to an HTTP client.
func status(err error) int {
	switch {
	case errors.Is(err, errBadOffer), errors.Is(err, errBadFragment):
		return http.StatusBadRequest
	case errors.Is(err, camgate.ErrUnsupportedCodec), errors.Is(err, camgate.ErrNoVideoTrack):
		return http.StatusNotAcceptable
	case errors.Is(err, camgate.ErrStreamNotFound), errors.Is(err, camgate.ErrClosed):
		return http.StatusNotFound
	case errors.Is(err, camgate.ErrNotReady), errors.Is(err, camgate.ErrTooManyReaders), errors.Is(err, camgate.ErrTracksChanged),
		errors.Is(err, errShutdown):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
