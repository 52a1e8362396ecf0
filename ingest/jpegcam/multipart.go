package jpegcam

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/camgate/camgate"
)

// runMultipart takes the pictures of an answer that does not end.
func (s *Source) runMultipart(ctx context.Context, stream *camgate.Stream) error {
	c := s.newClient()
	defer c.close()
	res, err := c.get(ctx, "")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	kind, boundary := mediaType(res)
	switch {
	case strings.HasPrefix(kind, "multipart/"):
	case isJPEG(kind), strings.HasPrefix(kind, "video/") && strings.Contains(kind, "jpeg"):
	case kind == "", kind == "application/octet-stream": // who knows
	default:
		return notPictures(res, kind)
	}
	out, err := newSession(stream)
	if err != nil {
		return err
	}
	defer out.close()
	in := splitter{r: res.Body, max: s.opts.MaxPicture, delimiter: delimiterOf(boundary)}
	for n := 0; ; n++ {
		p, err := in.next()
		switch {
		case err == io.EOF && n == 1 && isJPEG(kind):
			return fmt.Errorf("%w: the camera answers with one picture: that is %s://", camgate.ErrUnsupportedCodec, s.url.Scheme+"+jpeg")
		case err == io.EOF && n == 0:
			return fmt.Errorf("%w: %w", camgate.ErrNoVideoTrack, errNoPicture)
		case err == io.EOF:
			return fmt.Errorf("%w: the camera ended the stream", camgate.ErrConnectionFailed)
		case err != nil:
			return err
		}
		out.publish(p)
	}
}

func isJPEG(kind string) bool {
	return kind == "image/jpeg" || kind == "image/jpg" || kind == "image/pjpeg"
}
