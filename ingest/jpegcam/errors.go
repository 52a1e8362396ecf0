package jpegcam

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"

	"github.com/camgate/camgate"
)

// own are the errors that this package tells itself.
var own = []error{
	camgate.ErrAuthFailed, camgate.ErrStreamNotFound, camgate.ErrTimeout, camgate.ErrConnectionFailed,
	camgate.ErrNoVideoTrack, camgate.ErrUnsupportedCodec, camgate.ErrClosed, camgate.ErrTracksChanged,
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

// refused says what an answer's status means for a source (RFC 9110 section 15).
func refused(res *http.Response) error {
	sentinel := camgate.ErrConnectionFailed
	switch res.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		sentinel = camgate.ErrAuthFailed
	case http.StatusNotFound, http.StatusGone:
		sentinel = camgate.ErrStreamNotFound
	case http.StatusUnsupportedMediaType, http.StatusNotAcceptable:
		sentinel = camgate.ErrUnsupportedCodec
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		sentinel = camgate.ErrTimeout
	}
	return fmt.Errorf("%w: the camera answers %d %s", sentinel, res.StatusCode, http.StatusText(res.StatusCode))
}
