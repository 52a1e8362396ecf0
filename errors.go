package camgate

import (
	"context"
	"errors"
	"fmt"
)

// The errors that cross package borders. An adapter translates what its library
// says into one of these once, wrapping both ("%w: %w").
var (
	ErrStreamNotFound     = errors.New("stream not found")
	ErrStreamExists       = errors.New("stream exists already")
	ErrNotReady           = errors.New("stream is not ready")
	ErrAuthFailed         = errors.New("authentication failed")
	ErrUntrusted          = errors.New("certificate refused")
	ErrForbidden          = errors.New("not permitted")
	ErrConnectionFailed   = errors.New("connection failed")
	ErrTimeout            = errors.New("timeout")
	ErrNoVideoTrack       = errors.New("no video track")
	ErrUnsupportedCodec   = errors.New("unsupported codec")
	ErrDecoder            = errors.New("decoder error")
	ErrTooManyStreams     = errors.New("too many streams")
	ErrTooManyReaders     = errors.New("too many readers")
	ErrTracksChanged      = errors.New("tracks changed")
	ErrEncoderUnavailable = errors.New("no encoder available")
	ErrPublisherActive    = errors.New("stream has a publisher already")
	ErrNotInstalled       = errors.New("not installed")
	ErrTalkerActive       = errors.New("somebody talks already")
	ErrNoBackChannel      = errors.New("no back channel")
	ErrBadRequest         = errors.New("bad request")
	ErrClosed             = errors.New("closed")
)

// StreamError says what was being done (Op) to which stream when Err happened.
type StreamError struct {
	Op     string
	Stream string
	Err    error
}

func (e *StreamError) Error() string {
	return fmt.Sprintf("%s %s: %v", e.Op, e.Stream, e.Err)
}

func (e *StreamError) Unwrap() error { return e.Err }

// RetryPolicy is how a supervisor goes on after an error.
type RetryPolicy int

// The policies; see Retry.
const (
	RetryFast RetryPolicy = iota // a blip: exponential backoff from one second
	RetrySlow                    // trying again soon cannot help, or does harm
)

// Retry tells how to go on after a source ended with err. A password that was
// refused is tried slowly so that the camera does not lock the account, a certificate
// because somebody has to say that it is the right one.
func Retry(err error) RetryPolicy {
	switch {
	case errors.Is(err, ErrAuthFailed), errors.Is(err, ErrUntrusted), errors.Is(err, ErrNoVideoTrack), errors.Is(err, ErrUnsupportedCodec):
		return RetrySlow
	}
	return RetryFast
}

// IsGone reports whether err says that a stream or its reader ended in an orderly
// way, which is no failure of the one who reads.
func IsGone(err error) bool {
	return errors.Is(err, ErrClosed) || errors.Is(err, ErrTracksChanged) || errors.Is(err, context.Canceled)
}
