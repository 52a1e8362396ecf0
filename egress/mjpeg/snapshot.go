package mjpeg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/camgate/camgate"
)

const (
	// maxAge is how old a picture may be to be served: older than any keyframe in
	// the cache of a stream that is live.
	maxAge = 20 * time.Second
	// maxRenditionAge is how old the newest picture of a rendition may be; one that
	// is older is not made any more.
	maxRenditionAge = 2 * time.Second
)

// picture is one JPEG file.
type picture struct {
	file []byte
	at   time.Time // when it was taken
}

func pictureOf(u *camgate.Unit) *picture {
	list, size := pieces(u.AU[0])
	p := &picture{file: list[0], at: u.NTP}
	if len(list[0]) != size {
		p.file = bytes.Join(list[:], nil)
	}
	return p
}

// etag tells pictures apart (RFC 9110 section 8.8.3): taken at another time, or made
// in another way.
func (p *picture) etag(q shape) string {
	return fmt.Sprintf(`"%x-%x-%d-%d"`, p.at.UnixMicro(), len(p.file), q.width, q.quality)
}

// Snapshot serves NAME/snapshot.jpg: the newest picture there is, with its age; with max_age
// in the query, or max-age in Cache-Control, one that is not older than that.
func (s *Server) Snapshot(w http.ResponseWriter, r *http.Request, stream *camgate.Stream, rest string) error {
	if !plausible(w, r, rest) {
		return nil
	}
	q, err := s.parse(r)
	if err != nil {
		return err
	}
	q.fps = 0 // there is one
	ctx, leave, err := s.enter(r.Context())
	if err != nil {
		return err
	}
	defer leave()
	want := wanted{stream, q.shape}
	p, err := s.newest(ctx, want, q.maxAge)
	if errors.Is(err, camgate.ErrTracksChanged) {
		p, err = s.newest(ctx, want, q.maxAge)
	}
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "image/jpeg")
	h.Set("Cache-Control", "no-cache") // keep it, but ask whether there is a newer one
	if seconds := q.maxAge / time.Second; seconds > 0 && r.URL.Query().Has("max_age") {
		h.Set("Cache-Control", "max-age="+strconv.Itoa(int(seconds)))
	}
	if text := want.String(); text != "" {
		h.Set(ShapeHeader, text)
	}
	h.Set("ETag", p.etag(want.shape))
	h.Set("Age", strconv.Itoa(int(max(time.Since(p.at), 0)/time.Second)))
	h.Set("X-Timestamp", string(appendTimestamp(nil, p.at)))
	http.ServeContent(w, r, "", p.at, bytes.NewReader(p.file))
	return nil
}

// newest returns the newest picture of a stream. With an age it is not older than that was
// at the call; a negative one asks for no more than what is there.
func (s *Server) newest(ctx context.Context, want wanted, age time.Duration) (*picture, error) {
	begin, stream := time.Now(), want.stream
	start, cancel := context.WithTimeout(ctx, s.opts.StartTimeout)
	defer cancel()
	tracks, err := stream.Ready(start)
	if err != nil {
		return nil, err
	}
	track, err := videoTrack(tracks)
	if err != nil {
		return nil, &camgate.StreamError{Op: "show", Stream: stream.Name(), Err: err}
	}
	want.shape = s.fit(want.shape, track)
	asIs := track.Codec == camgate.MJPEG && !want.encoded()
	recent := func(u *camgate.Unit, atMost time.Duration) bool {
		return u != nil && begin.Sub(u.NTP) < atMost && (age < 0 || begin.Sub(u.NTP) <= age)
	}
	if !asIs {
		if t := s.transcoderOf(want); t != nil {
			if u := t.newest(); recent(u, maxRenditionAge) {
				return pictureOf(u), nil
			}
		}
		if p := s.snapshots.cached(want, begin, age); p != nil {
			return p, nil
		}
		if _, err := s.ffmpeg(); err != nil {
			return nil, err
		}
	}
	limit := maxAge
	if asIs && age >= 0 {
		limit = min(age, maxAge)
	}
	key, err := s.keyframe(start, stream, track, limit)
	switch {
	case err != nil && ctx.Err() == nil && errors.Is(err, camgate.ErrClosed):
		return nil, noPicture(stream)
	case err != nil:
		return nil, err
	case asIs:
		return pictureOf(key), nil
	case !recent(key, maxAge) && age >= 0:
		return s.fresh(start, want, begin.Add(-age))
	}
	if t := s.transcoderOf(want); t != nil {
		// Old, but not older than what could be made now.
		if u := t.newest(); u != nil && !u.NTP.Before(key.NTP.Add(-time.Millisecond)) {
			return pictureOf(u), nil
		}
	}
	return s.snapshots.get(ctx, want, key)
}

// fresh has pictures made as for a viewer, and returns the first one that was not taken
// before since. What makes them stays for a while: who asks so, asks again.
func (s *Server) fresh(ctx context.Context, want wanted, since time.Time) (*picture, error) {
	v, err := s.open(ctx, want, "", nil)
	if err != nil {
		return nil, err
	}
	defer v.close()
	defer context.AfterFunc(ctx, v.reader.Close)()
	for u := v.first; ; {
		if !u.NTP.Before(since) {
			return pictureOf(u), nil
		}
		switch u, err = v.reader.Next(); {
		case ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
			return nil, noPicture(want.stream)
		case err != nil:
			return nil, s.reason(ctx, v, want.stream, err)
		}
	}
}

// keyframe returns the newest picture that can be decoded on its own, and waits for
// it if the one there was older than limit at the call.
func (s *Server) keyframe(ctx context.Context, stream *camgate.Stream, track *camgate.Track, limit time.Duration) (*camgate.Unit, error) {
	since := stream.Now() - limit
	reader, err := stream.Subscribe(ctx, camgate.SubscribeOptions{
		Tracks: []*camgate.Track{track}, Protocol: "snapshot", Internal: true,
	})
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	for {
		u, err := reader.Next()
		switch {
		case err != nil:
			return nil, err
		case u.RandomAccess && u.Time() > since:
			return u, nil
		}
		switch stream.Status().State {
		case camgate.StateRetrying, camgate.StateFailed:
			return nil, camgate.ErrClosed // there will be no other soon
		}
	}
}
