package mjpeg

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/child"
)

var (
	// errNoFFmpeg is for people: what is missing and how to get it.
	errNoFFmpeg = errors.New("ffmpeg is needed to make JPEG of H264 and H265, and it is not installed on the gateway " +
		"(Debian, Ubuntu, Raspberry Pi OS: apt install ffmpeg; Fedora: dnf install ffmpeg-free; Alpine: apk add ffmpeg; macOS: brew install ffmpeg)")

	errTooManyDecoders = fmt.Errorf("%w: as many decoders run as are permitted", camgate.ErrEncoderUnavailable)
	errStalled         = fmt.Errorf("%w: the decoder gives no pictures", camgate.ErrTimeout)
	errNoPicture       = fmt.Errorf("%w: no picture could be made", camgate.ErrDecoder)
	errNewParams       = errors.New("the picture's parameters changed")
	errDecoderGone     = errors.New("the decoder is gone")
)

// ofDecoder translates how a decoder ended.
func ofDecoder(err error) error {
	var ce *child.Error
	switch {
	case err == nil, !errors.As(err, &ce):
		return err
	case errors.Is(err, camgate.ErrTimeout), errors.Is(err, camgate.ErrDecoder), errors.Is(err, errNewParams), camgate.IsGone(err):
		return err
	}
	return fmt.Errorf("%w: %w", camgate.ErrDecoder, err)
}

// statuses is what HTTP says of errors; the first one that is wrapped counts.
var statuses = []struct {
	err        error
	code       int
	retryAfter time.Duration // 0: nobody knows
}{
	{errNoFFmpeg, http.StatusNotImplemented, 0},
	{camgate.ErrNoVideoTrack, http.StatusNotAcceptable, 0},
	{camgate.ErrUnsupportedCodec, http.StatusNotAcceptable, 0},
	{camgate.ErrStreamNotFound, http.StatusNotFound, 0},
	{camgate.ErrTooManyReaders, http.StatusServiceUnavailable, 10 * time.Second},
	{camgate.ErrEncoderUnavailable, http.StatusServiceUnavailable, 10 * time.Second},
	{camgate.ErrNotReady, http.StatusServiceUnavailable, 2 * time.Second},
	{camgate.ErrConnectionFailed, http.StatusServiceUnavailable, 2 * time.Second},
	{camgate.ErrTimeout, http.StatusServiceUnavailable, 2 * time.Second},
	{camgate.ErrDecoder, http.StatusServiceUnavailable, 5 * time.Second},
	{camgate.ErrTracksChanged, http.StatusServiceUnavailable, time.Second},
	{camgate.ErrClosed, http.StatusServiceUnavailable, 2 * time.Second},
	{context.Canceled, http.StatusServiceUnavailable, 2 * time.Second},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, 2 * time.Second},
}

// fail answers with an error. Nothing may have been written before.
func fail(w http.ResponseWriter, r *http.Request, stream string, err error) {
	code := http.StatusInternalServerError
	h := w.Header()
	for _, s := range statuses {
		if errors.Is(err, s.err) {
			code = s.code
			if s.retryAfter > 0 {
				h.Set("Retry-After", strconv.Itoa(int(s.retryAfter/time.Second)))
			}
			break
		}
	}
	text := err.Error()
	var se *camgate.StreamError
	if errors.As(err, &se) && se.Stream == stream && error(se) == err {
		text = se.Err.Error() // the answer names the stream anyway
	}
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	if r.Method == http.MethodHead {
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]string{"error": text, "stream": stream})
}
