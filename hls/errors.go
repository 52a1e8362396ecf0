package hls

import (
	"fmt"

	"github.com/camgate/camgate"
)

// unsupported wraps what a library says of a track's parameters.
func unsupported(t *camgate.Track, err error) error {
	return fmt.Errorf("%w: %s: %w", camgate.ErrUnsupportedCodec, t.Codec, err)
}
