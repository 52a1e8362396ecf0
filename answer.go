package camgate

import (
	"context"
	"errors"
	"time"
)

// Answer is how an error is told to whoever asked for a stream.
type Answer struct {
	HTTP       int           // status code, RFC 9110 section 15
	RTSP       int           // status code, RFC 2326 section 7.1.1
	RetryAfter time.Duration // when asking again is worth while; 0: nobody knows
}

// answers is the one table of errors and answers. The first entry that an error
// wraps counts: a camera that refuses our password makes a stream not ready, and
// that is what its viewers are to hear.
var answers = [...]struct {
	err    error
	answer Answer
}{
	{ErrStreamNotFound, Answer{404, 404, 0}},
	{ErrNotInstalled, Answer{501, 501, 0}},
	{ErrNotReady, Answer{503, 503, 2 * time.Second}},
	{ErrConnectionFailed, Answer{503, 503, 2 * time.Second}},
	{ErrTimeout, Answer{503, 503, 2 * time.Second}},
	{context.DeadlineExceeded, Answer{503, 503, 2 * time.Second}},
	{ErrTooManyStreams, Answer{503, 453, 10 * time.Second}},
	{ErrTooManyReaders, Answer{503, 453, 10 * time.Second}},
	{ErrEncoderUnavailable, Answer{503, 503, 10 * time.Second}},
	{ErrDecoder, Answer{503, 503, 5 * time.Second}},
	{ErrTracksChanged, Answer{503, 503, time.Second}},
	{ErrClosed, Answer{503, 503, 2 * time.Second}},
	{context.Canceled, Answer{503, 503, 2 * time.Second}},
	{ErrNoVideoTrack, Answer{406, 415, 0}},
	{ErrUnsupportedCodec, Answer{406, 415, 0}},
	{ErrBadRequest, Answer{400, 400, 0}},
	{ErrPublisherActive, Answer{409, 455, 0}},
	{ErrStreamExists, Answer{409, 455, 0}},
	{ErrTalkerActive, Answer{409, 455, 5 * time.Second}},
	{ErrNoBackChannel, Answer{406, 415, 0}},
	{ErrForbidden, Answer{403, 403, 0}},
	{ErrTooManyAttempts, Answer{429, 403, 0}}, // TooManyAttemptsError knows until when
	{ErrAuthFailed, Answer{401, 401, 0}},
}

// AnswerTo returns how err is told to a viewer or publisher; an error that the
// table does not know is ours: 500.
func AnswerTo(err error) Answer {
	for _, a := range answers {
		if errors.Is(err, a.err) {
			return a.answer
		}
	}
	return Answer{500, 500, 0}
}
