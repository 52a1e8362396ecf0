package mjpeg

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress"
)

// maxViewerLag is how old a picture may be when it is sent: over that, a viewer
// who is slow gets the newest one instead.
const maxViewerLag = 100 * time.Millisecond

// protocol is how viewers are listed.
const protocol = "mjpeg"

// Stream serves NAME/mjpeg: the stream's pictures, each a part of a multipart
// response, for as long as the viewer stays. It is the viewer's ReaderTimeout that
// ends one who does not read.
func (s *Server) Stream(w http.ResponseWriter, r *http.Request, stream *camgate.Stream, rest string) error {
	if !plausible(w, r, rest) {
		return nil
	}
	q, err := s.parse(r)
	if err != nil {
		return err
	}
	ctx, leave, err := s.enter(r.Context())
	if err != nil {
		return err
	}
	defer leave()
	if r.Method == http.MethodHead {
		if err := s.check(ctx, stream); err != nil {
			return err
		}
		partHeaders(w.Header())
		return nil
	}
	t := &tour{server: s, want: wanted{stream, q.shape}, remote: r.RemoteAddr}
	v, err := s.open(ctx, t.want, r.RemoteAddr, nil)
	if err != nil {
		return err
	}
	t.view = v
	t.plan(q.adapt)
	if made := v.shape.String(); made != "" {
		w.Header().Set(ShapeHeader, made)
	}
	ctx, out, err := s.begin(ctx, w, r)
	if err != nil {
		v.close()
		return err
	}
	defer out.close()
	t.out, t.log = out, s.log.With("stream", stream.Name(), "remote", r.RemoteAddr)
	t.log.Info("reader joined")
	err = t.run(ctx)
	switch {
	case s.ctx.Err() != nil:
		err = errShutdown
	case ctx.Err() != nil:
		err = errViewerGone
	}
	t.log.Info("reader left", "reason", err)
	return nil
}

// plausible answers requests that need no stream.
func plausible(w http.ResponseWriter, r *http.Request, rest string) bool {
	const methods = "GET, HEAD, OPTIONS"
	switch {
	case rest != "":
		http.NotFound(w, r)
	case r.Method == http.MethodOptions:
		w.Header().Set("Allow", methods)
		w.WriteHeader(http.StatusNoContent)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", methods)
		http.Error(w, "only GET is possible here", http.StatusMethodNotAllowed)
	default:
		return true
	}
	return false
}

// check reports what Stream would fail with for sure, without starting anything.
func (s *Server) check(ctx context.Context, stream *camgate.Stream) error {
	ctx, cancel := context.WithTimeout(ctx, s.opts.StartTimeout)
	defer cancel()
	tracks, err := stream.Ready(ctx)
	if err != nil {
		return err
	}
	_, _, err = Judge(tracks, s.opts.FFmpeg)
	return err
}

// view is what a viewer looks at.
type view struct {
	shape  shape // of its pictures, as far as it is not that of the stream
	reader *camgate.Reader
	first  *camgate.Unit
	lease  *egress.Lease[*transcoder] // nil: the stream has JPEGs itself
	// place is the viewer's place among those of the stream when the reader is one of
	// the rendition: a reader that reads nothing costs nothing.
	place *camgate.Reader
	stop  context.CancelFunc // of a view that was opened beside another one
}

func (v *view) close() {
	if v.reader != nil {
		v.reader.Close()
	}
	if v.place != nil {
		v.place.Close()
	}
	if v.lease != nil {
		v.lease.Release()
	}
	if v.stop != nil {
		v.stop()
	}
}

// sent counts bytes for the viewer.
func (v *view) sent(n int) {
	v.reader.Sent(n)
	if v.place != nil {
		v.place.Sent(n)
	}
}

// open finds the stream's pictures in the shape that is wanted, has them made if need be,
// and waits for the first one. A viewer (remote is not empty) gets a place in the stream,
// unless it has one.
func (s *Server) open(ctx context.Context, want wanted, remote string, place *camgate.Reader) (v *view, err error) {
	deadline := time.Now().Add(s.opts.StartTimeout)
	for {
		v, err = s.tryOpen(ctx, deadline, want, remote, place)
		if !errors.Is(err, camgate.ErrTracksChanged) || time.Now().After(deadline) {
			return v, err
		}
	}
}

func (s *Server) tryOpen(ctx context.Context, deadline time.Time, want wanted, remote string, place *camgate.Reader) (_ *view, err error) {
	v, stream := &view{}, want.stream
	defer func() {
		if err != nil {
			if place != nil {
				v.place = nil
			}
			v.close()
		}
	}()
	start, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	tracks, err := stream.Ready(start)
	if err != nil {
		return nil, err
	}
	track, err := videoTrack(tracks)
	if err != nil {
		return nil, &camgate.StreamError{Op: "show", Stream: stream.Name(), Err: err}
	}
	from, own := stream, remote != ""
	v.shape = s.fit(want.shape, track)
	if track.Codec != camgate.MJPEG || v.shape.encoded() {
		if _, err := s.ffmpeg(); err != nil {
			return nil, err
		}
		if v.lease, err = s.workers.Use(wanted{stream, v.shape}); err != nil {
			return nil, err
		}
		if v.place = place; own && place == nil {
			if v.place, err = stream.Subscribe(ctx, camgate.SubscribeOptions{Protocol: protocol, Remote: remote}); err != nil {
				return nil, err
			}
		}
		own = false
		from, track = v.lease.Worker.rendition, v.lease.Worker.track
	}
	v.reader, err = from.Subscribe(ctx, camgate.SubscribeOptions{
		Tracks: []*camgate.Track{track}, MaxLag: maxViewerLag, Protocol: protocol, Remote: remote, Internal: !own,
		Logger: s.log.With("stream", stream.Name(), "remote", remote),
	})
	if err != nil {
		return nil, s.reason(ctx, v, stream, err)
	}
	timeout := time.AfterFunc(time.Until(deadline), v.reader.Close)
	defer timeout.Stop()
	if v.first, err = v.reader.Next(); err != nil {
		return nil, s.reason(ctx, v, stream, err)
	}
	return v, nil
}

// reason finds out why there is no picture when all that a reader knows is that
// it was closed.
func (s *Server) reason(ctx context.Context, v *view, stream *camgate.Stream, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case !errors.Is(err, camgate.ErrClosed):
		return err
	}
	if v.lease != nil {
		select {
		case <-v.lease.Done():
			if err := v.lease.Err(); err != nil {
				return &camgate.StreamError{Op: "show", Stream: stream.Name(), Err: err}
			}
		case <-time.After(100 * time.Millisecond): // it works on
			if stream.Status().State == camgate.StateLive {
				err := fmt.Errorf("%w: the decoder has given no picture yet", camgate.ErrTimeout)
				return &camgate.StreamError{Op: "show", Stream: stream.Name(), Err: err}
			}
		}
	}
	return noPicture(stream)
}

// noPicture says that there was no picture within the time there is for it, and
// what the stream's source says to that.
func noPicture(stream *camgate.Stream) error {
	st := stream.Status()
	if st.Err != nil {
		return fmt.Errorf("%w: no picture yet: the source is %s: %v", camgate.ErrNotReady, st.State, st.Err)
	}
	return fmt.Errorf("%w: no picture yet: the source is %s", camgate.ErrNotReady, st.State)
}
