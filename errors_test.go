package camgate

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestErrors(t *testing.T) {
	tests := []struct {
		err   error
		retry RetryPolicy
		gone  bool
	}{
		{nil, RetryFast, false},
		{errors.New("something else"), RetryFast, false},
		{ErrTimeout, RetryFast, false},
		{ErrConnectionFailed, RetryFast, false},
		{ErrNotReady, RetryFast, false},
		{ErrAuthFailed, RetrySlow, false},
		{ErrUntrusted, RetrySlow, false},
		{ErrNoVideoTrack, RetrySlow, false},
		{ErrUnsupportedCodec, RetrySlow, false},
		{ErrClosed, RetryFast, true},
		{ErrTracksChanged, RetryFast, true},
		{context.Canceled, RetryFast, true},
		{context.DeadlineExceeded, RetryFast, false},
	}
	for _, tt := range tests {
		wrapped := tt.err
		if tt.err != nil {
			wrapped = &StreamError{"read", "yard", fmt.Errorf("%w: %w", tt.err, errors.New("a library's words"))}
		}
		for _, err := range []error{tt.err, wrapped} {
			if got := Retry(err); got != tt.retry {
				t.Errorf("Retry(%v) is %v, want %v", err, got, tt.retry)
			}
			if got := IsGone(err); got != tt.gone {
				t.Errorf("IsGone(%v) is %v, want %v", err, got, tt.gone)
			}
		}
	}
	err := error(&StreamError{"find", "yard", ErrStreamNotFound})
	if got := err.Error(); got != "find yard: stream not found" {
		t.Errorf("text is %q", got)
	}
}
