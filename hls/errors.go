package hls

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/camgate/camgate"
)

// unsupported wraps what a library says of a track's parameters.
func unsupported(t *camgate.Track, err error) error {
	return fmt.Errorf("%w: %s: %w", camgate.ErrUnsupportedCodec, t.Codec, err)
}

// statusOf is the HTTP status that tells a viewer of err.
func statusOf(err error) int {
	switch {
	case errors.Is(err, camgate.ErrStreamNotFound):
		return http.StatusNotFound
	case errors.Is(err, camgate.ErrUnsupportedCodec), errors.Is(err, camgate.ErrNoVideoTrack):
		return http.StatusNotAcceptable
	}
	return http.StatusServiceUnavailable
}
