package webrtc

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/camgate/camgate"
)

// What is wrong with requests.
var (
	errBadOffer    = fmt.Errorf("%w: SDP offer", camgate.ErrBadRequest)
	errBadFragment = fmt.Errorf("%w: SDP fragment", camgate.ErrBadRequest)
)

// Causes of the end of a session, beside those of package camgate.
var (
	errDeleted        = errors.New("ended by the viewer")
	errGoodbye        = fmt.Errorf("%w", errDeleted) // by the connection itself: a DELETE may follow
	errLost           = errors.New("the viewer is gone")
	errNoConnect      = errors.New("the viewer did not connect")
	errTooManySources = errors.New("the viewer sends for too many sources")
	errShutdown       = fmt.Errorf("%w: the gateway ends", camgate.ErrClosed)
)

// bindError says which port could not be had and where it was configured.
func bindError(network, address string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("webrtc.address: %s port %s is taken by another program: %w", network, address, err)
	}
	return fmt.Errorf("webrtc.address: cannot listen on %s %s: %w", network, address, err)
}
