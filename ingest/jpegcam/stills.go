package jpegcam

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/camgate/camgate"
)

// maxDrain bounds the wait for what a camera sends behind its picture.
const maxDrain = 200 * time.Millisecond

// stills asks for one picture after the other.
type stills struct {
	*Source
	client *client
	etag   string // of the picture that was fetched last
	last   []byte // that picture
}

// runStills asks for a picture at each interval. One that has not changed is
// published again only after Options.Repeat.
func (s *Source) runStills(ctx context.Context, stream *camgate.Stream) error {
	in := stills{Source: s, client: s.newClient()}
	defer in.client.close()
	var out *session
	timer := time.NewTimer(0)
	defer timer.Stop()
	var due, published time.Time
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		changed := false
		if now := time.Now(); !now.Before(due) {
			due = now.Add(s.opts.Interval)
			var err error
			if changed, err = in.fetch(ctx); err != nil {
				return err
			}
		}
		if out == nil {
			var err error
			if out, err = newSession(stream); err != nil {
				return err
			}
			defer out.close()
		}
		now := time.Now()
		if changed || now.Sub(published) >= s.opts.Repeat {
			out.publish(picture{jpeg: in.last})
			published = now
		}
		timer.Reset(min(due.Sub(now), published.Add(s.opts.Repeat).Sub(now)))
	}
}

// fetch asks for a picture and reports whether it is another one than the last.
func (s *stills) fetch(ctx context.Context) (changed bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	res, err := s.client.get(ctx, s.etag)
	if err != nil {
		return false, err
	}
	defer func() {
		// So that the connection can be used again, unless the rest never comes.
		defer time.AfterFunc(maxDrain, cancel).Stop()
		waste(res)
	}()
	if res.StatusCode == http.StatusNotModified {
		if s.last == nil {
			return false, refused(res)
		}
		return false, nil
	}
	kind, _ := mediaType(res)
	switch {
	case isJPEG(kind), kind == "", kind == "application/octet-stream":
	case strings.HasPrefix(kind, "multipart/"):
		return false, fmt.Errorf("%w: the camera answers with a stream: that is %s://", camgate.ErrUnsupportedCodec, s.url.Scheme+"+mjpeg")
	default:
		return false, notPictures(res, kind)
	}
	in := splitter{r: res.Body, max: s.opts.MaxPicture, whole: true}
	p, err := in.next()
	switch {
	case err == io.EOF:
		return false, fmt.Errorf("%w: the answer is no JPEG picture", camgate.ErrNoVideoTrack)
	case err != nil:
		return false, err
	}
	s.etag = res.Header.Get("ETag")
	changed = !bytes.Equal(p.jpeg, s.last)
	if changed {
		s.last = p.jpeg
	}
	return changed, nil
}
