package sound

import (
	"errors"
	"fmt"

	aacpcm "github.com/tphakala/go-aac/pcm"

	"github.com/camgate/camgate"
)

// errCorrupt is the unit's fault.
var errCorrupt = fmt.Errorf("%w: not an access unit of its codec", camgate.ErrDecoder)

// translate says in camgate's words what a codec says.
func translate(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, aacpcm.ErrUnsupported):
		return fmt.Errorf("%w: %w", camgate.ErrUnsupportedCodec, err)
	}
	return fmt.Errorf("%w: %w", camgate.ErrDecoder, err)
}
