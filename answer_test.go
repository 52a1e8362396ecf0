package camgate

import (
	"errors"
	"fmt"
	"testing"
)

func TestAnswerTo(t *testing.T) {
	for name, c := range map[string]struct {
		err        error
		http, rtsp int
	}{
		"unknown stream":            {&StreamError{"find", "x", ErrStreamNotFound}, 404, 404},
		"not ready":                 {fmt.Errorf("%w: retrying", ErrNotReady), 503, 503},
		"a camera refuses us":       {fmt.Errorf("%w: %w", ErrNotReady, ErrAuthFailed), 503, 503},
		"a viewer is refused":       {ErrAuthFailed, 401, 401},
		"a viewer may not":          {ErrForbidden, 403, 403},
		"too many readers":          {ErrTooManyReaders, 503, 453},
		"no such codec":             {ErrUnsupportedCodec, 406, 415},
		"no picture":                {ErrNoVideoTrack, 406, 415},
		"second publisher":          {ErrPublisherActive, 409, 455},
		"no encoder":                {ErrEncoderUnavailable, 503, 503},
		"a program is missing":      {fmt.Errorf("%w: ffmpeg", ErrNotInstalled), 501, 501},
		"nonsense":                  {ErrBadRequest, 400, 400},
		"something else":            {errors.New("boom"), 500, 500},
		"what is wrapped first won": {fmt.Errorf("%w: %w", ErrStreamNotFound, ErrTimeout), 404, 404},
	} {
		t.Run(name, func(t *testing.T) {
			if a := AnswerTo(c.err); a.HTTP != c.http || a.RTSP != c.rtsp {
				t.Errorf("%v: HTTP %d, RTSP %d, want %d and %d", c.err, a.HTTP, a.RTSP, c.http, c.rtsp)
			}
		})
	}
	if a := AnswerTo(ErrNotReady); a.RetryAfter <= 0 {
		t.Error("who finds a stream not ready is not told when to ask again")
	}
}
