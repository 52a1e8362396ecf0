package mjpeg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/child"
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
func (p *picture) etag() string {
	return fmt.Sprintf(`"%x-%x"`, p.at.UnixMicro(), len(p.file))
}

// Snapshot serves NAME/snapshot.jpg: the newest picture there is, with its age.
func (s *Server) Snapshot(w http.ResponseWriter, r *http.Request, stream *camgate.Stream, rest string) error {
	if !plausible(w, r, rest) {
		return nil
	}
	ctx, leave, err := s.enter(r.Context())
	if err != nil {
		return err
	}
	defer leave()
	p, err := s.newest(ctx, stream)
	if errors.Is(err, camgate.ErrTracksChanged) {
		p, err = s.newest(ctx, stream)
	}
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "image/jpeg")
	h.Set("Cache-Control", "no-cache") // keep it, but ask whether there is a newer one
	h.Set("ETag", p.etag())
	h.Set("Age", strconv.Itoa(int(max(time.Since(p.at), 0)/time.Second)))
	h.Set("X-Timestamp", string(appendTimestamp(nil, p.at)))
	http.ServeContent(w, r, "", p.at, bytes.NewReader(p.file))
	return nil
}

// newest returns the newest picture of a stream.
func (s *Server) newest(ctx context.Context, stream *camgate.Stream) (*picture, error) {
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
	if track.Codec != camgate.MJPEG {
		if t := s.transcoderOf(stream); t != nil {
			if u := t.newest(); u != nil && time.Since(u.NTP) < maxRenditionAge {
				return pictureOf(u), nil
			}
		}
		if _, err := s.ffmpeg(); err != nil {
			return nil, err
		}
	}
	key, err := s.keyframe(start, stream, track)
	switch {
	case err != nil && ctx.Err() == nil && errors.Is(err, camgate.ErrClosed):
		return nil, noPicture(stream)
	case err != nil:
		return nil, err
	case track.Codec == camgate.MJPEG:
		return pictureOf(key), nil
	}
	if t := s.transcoderOf(stream); t != nil {
		// Old, but not older than what could be made now.
		if u := t.newest(); u != nil && !u.NTP.Before(key.NTP.Add(-time.Millisecond)) {
			return pictureOf(u), nil
		}
	}
	return s.snapshots.get(ctx, stream, key)
}

// keyframe returns the newest picture that can be decoded on its own, and waits for
// it if the one there is too old.
func (s *Server) keyframe(ctx context.Context, stream *camgate.Stream, track *camgate.Track) (*camgate.Unit, error) {
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
		case u.RandomAccess && stream.Now()-u.Time() < maxAge:
			return u, nil
		}
		switch stream.Status().State {
		case camgate.StateRetrying, camgate.StateFailed:
			return nil, camgate.ErrClosed // there will be no other soon
		}
	}
}

// snapshots decodes keyframes: each once, however many ask for it.
type snapshots struct {
	server *Server
	slots  chan struct{}

	mu      sync.Mutex
	closed  bool
	work    sync.WaitGroup
	entries map[*camgate.Stream]*snapshot
}

// snapshot is the newest keyframe of one stream that was decoded, or is just now.
type snapshot struct {
	key  *camgate.Unit
	used time.Time // guarded by snapshots.mu

	once sync.Once
	done chan struct{} // closed when the following is set
	pic  *picture
	err  error
	at   time.Time
}

func newSnapshots(s *Server) *snapshots {
	return &snapshots{
		server: s, slots: make(chan struct{}, s.opts.MaxSnapshots),
		entries: map[*camgate.Stream]*snapshot{},
	}
}

// run forgets what nobody asks for any more, until ctx ends; then it waits for the
// decoders, which end with the server.
func (ss *snapshots) run(ctx context.Context) {
	const interval, keep = 10 * time.Second, 30 * time.Second
	t := time.NewTicker(interval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			ss.mu.Lock()
			ss.closed = true
			ss.mu.Unlock()
			ss.server.stop()
			ss.work.Wait()
			return
		case now := <-t.C:
			ss.mu.Lock()
			for stream, e := range ss.entries {
				if now.Sub(e.used) > keep {
					delete(ss.entries, stream)
				}
			}
			ss.mu.Unlock()
		}
	}
}

// get returns the picture of a keyframe, or one that is as good.
func (ss *snapshots) get(ctx context.Context, stream *camgate.Stream, key *camgate.Unit) (*picture, error) {
	ss.mu.Lock()
	if ss.closed {
		ss.mu.Unlock()
		return nil, camgate.ErrClosed
	}
	e := ss.entries[stream]
	if e == nil || !e.serves(key, ss.server.opts.SnapshotAge) {
		e = &snapshot{key: key, done: make(chan struct{})}
		ss.entries[stream] = e
		ss.work.Go(func() { ss.decode(e) })
	}
	e.used = time.Now()
	ss.mu.Unlock()
	select {
	case <-e.done:
		return e.pic, e.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// serves reports whether who wants key is served by e.
func (e *snapshot) serves(key *camgate.Unit, age time.Duration) bool {
	select {
	case <-e.done:
		return e.err == nil && e.key == key || time.Since(e.at) < age
	default:
		return true // in a moment
	}
}

func (e *snapshot) finish(pic *picture, err error) {
	e.once.Do(func() {
		e.pic, e.err, e.at = pic, err, time.Now()
		close(e.done)
	})
}

// decode makes the picture. Who waits for it may go: it is for all of them, and
// for those to come.
func (ss *snapshots) decode(e *snapshot) {
	ctx, cancel := context.WithTimeout(ss.server.ctx, ss.server.opts.SnapshotTimeout)
	defer cancel()
	select {
	case ss.slots <- struct{}{}:
		defer func() { <-ss.slots }()
	case <-ctx.Done():
		e.finish(nil, errTooManyDecoders)
		return
	}
	path, err := ss.server.ffmpeg()
	if err != nil {
		e.finish(nil, err)
		return
	}
	ss.server.counters.snapshots.Add(1)
	err = child.Run(ctx, ss.server.single(path), func(p *child.Process) error {
		// How it goes on says more than an error of the pipe does.
		if out, err := newInput(p.Stdin, e.key.Track); err == nil {
			_ = out.Picture(e.key.AU, e.key.RandomAccess, 0)
		}
		p.Stdin.Close()
		file, _, err := newSMJPEG(p.Stdout).next()
		switch {
		case errors.Is(err, errNotSMJPEG):
			return fmt.Errorf("%w: %w", errNoPicture, err)
		case err != nil:
			return nil // how it ended says more
		}
		e.finish(&picture{file: file, at: e.key.NTP}, nil)
		return nil
	})
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%w: the decoder took more than %v", camgate.ErrTimeout, ss.server.opts.SnapshotTimeout)
	} else if err == nil {
		err = errNoPicture
	}
	e.finish(nil, ofDecoder(err)) // unless there is a picture
}
