package mjpeg

import (
	"errors"
	"fmt"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/child"
)

var (
	// errNoFFmpeg is for people: what is missing and how to get it.
	errNoFFmpeg = fmt.Errorf("%w: ffmpeg is needed on the gateway to make JPEG of H264 and H265 "+
		"(Debian, Ubuntu, Raspberry Pi OS: apt install ffmpeg; Fedora: dnf install ffmpeg-free; Alpine: apk add ffmpeg; macOS: brew install ffmpeg)", camgate.ErrNotInstalled)

	errStalled     = fmt.Errorf("%w: the decoder gives no pictures", camgate.ErrTimeout)
	errNoPicture   = fmt.Errorf("%w: no picture could be made", camgate.ErrDecoder)
	errNewParams   = errors.New("the picture's parameters changed")
	errDecoderGone = errors.New("the decoder is gone")

	// Why a viewer's pictures end: for the log, as there is no one to tell it to.
	errViewerGone = errors.New("the viewer is gone")
	errStuck      = errors.New("the viewer takes nothing")
	errShutdown   = errors.New("the gateway ends")
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

// tooManyDecoders names the limit, which is there for the machine's sake.
func (s *Server) tooManyDecoders() error {
	return fmt.Errorf("%w: as many decoders run as are permitted (mjpeg.max_decoders: %d)", camgate.ErrEncoderUnavailable, s.opts.MaxDecoders)
}
