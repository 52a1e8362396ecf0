package encode

import (
	"errors"
	"fmt"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/child"
)

// How an encoder fails. All of them are ErrEncoderUnavailable: another one may do.
var (
	// ErrDied: it ended by itself, or could not be started.
	ErrDied = fmt.Errorf("%w: it ended", camgate.ErrEncoderUnavailable)
	// ErrHung: pictures go in and nothing comes out.
	ErrHung = fmt.Errorf("%w: it takes pictures and gives none", camgate.ErrEncoderUnavailable)
	// ErrEmpty: what comes out holds no picture.
	ErrEmpty = fmt.Errorf("%w: it gives empty pictures", camgate.ErrEncoderUnavailable)
	// ErrSlow: it does not keep up.
	ErrSlow = fmt.Errorf("%w: it is too slow", camgate.ErrEncoderUnavailable)
	// ErrGarbage: what comes out cannot be read.
	ErrGarbage = fmt.Errorf("%w: it gives what cannot be read", camgate.ErrEncoderUnavailable)
)

// ErrTimes says that the pictures' times went back by more than can be put in order:
// the encoder is not at fault, a new session goes on.
var ErrTimes = errors.New("times went back")

// ErrInput says that the pictures that go in cannot be decoded: the encoder is not at
// fault, and another one would fare no better.
var ErrInput = fmt.Errorf("%w: the pictures that come in cannot be decoded", camgate.ErrDecoder)

// errUnbegun is ErrHung before the first picture.
var errUnbegun = fmt.Errorf("%w", ErrHung)

// errGone ends what reads from or writes to a child: how that ended says why.
var errGone = errors.New("the child is gone")

// errNoFFmpeg is for people: what is missing and how to get it.
var errNoFFmpeg = fmt.Errorf("%w: encoding needs ffmpeg on the gateway "+
	"(Debian, Ubuntu, Raspberry Pi OS: apt install ffmpeg; Fedora: dnf install ffmpeg-free; Alpine: apk add ffmpeg; macOS: brew install ffmpeg)", camgate.ErrNotInstalled)

// SessionError says which encoder failed. Err wraps one of the errors above.
type SessionError struct {
	Encoder string
	Err     error
	Output  string // last lines of what it said; may be empty
}

func (e *SessionError) Error() string {
	if e.Output == "" {
		return fmt.Sprintf("%s: %v", e.Encoder, e.Err)
	}
	return fmt.Sprintf("%s: %v: %s", e.Encoder, e.Err, e.Output)
}

func (e *SessionError) Unwrap() error { return e.Err }

// ofChild translates how a child ended. An error of the one who brings the pictures,
// or takes what is made of them, is returned as it is.
func ofChild(name string, err, theirs error) error {
	var ce *child.Error
	switch {
	case err == nil:
		return nil
	case theirs != nil && errors.Is(err, theirs):
		return theirs
	case !errors.As(err, &ce):
		return err // of the context
	case errors.Is(ce.Err, ErrInput):
		return fmt.Errorf("%w: %s", ce.Err, ce.Output)
	case errors.Is(ce.Err, ErrDied) && ce.Ended != nil: // which says more
		return &SessionError{Encoder: name, Err: fmt.Errorf("%w: %w", ErrDied, ce.Ended), Output: ce.Output}
	case errors.Is(ce.Err, camgate.ErrEncoderUnavailable):
		return &SessionError{Encoder: name, Err: ce.Err, Output: ce.Output}
	}
	return &SessionError{Encoder: name, Err: fmt.Errorf("%w: %w", ErrDied, ce.Err), Output: ce.Output}
}
