package hls

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress"
)

// maxBlock is the longest that a request for the hinted part is held back.
const maxBlock = 6 * time.Second

// Handle answers a request for a file of a stream: the last segment of the URL's
// path, behind the stream's name. Who may read the stream, and pages of which hosts,
// is for the caller to see to.
//
// What it cannot serve it returns, having written nothing: ErrBadRequest for a
// delivery directive that makes no sense, ErrUnsupportedCodec with the reason when
// the stream has nothing that HLS carries, ErrNotReady with what the source suffers,
// ErrTooManyReaders, ErrClosed. A file that there is not, or not any more, is
// answered with 404.
func (s *Server) Handle(w http.ResponseWriter, r *http.Request, st *camgate.Stream, file string) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	default:
		w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		answer(w, http.StatusMethodNotAllowed, r.Method+" is not possible here")
		return nil
	}
	n, ok := parseName(file)
	if !ok {
		answer(w, http.StatusNotFound, "there is no such file")
		return nil
	}
	d, ok := parseQuery(r.URL.RawQuery)
	if !ok {
		return fmt.Errorf("%w: delivery directive", camgate.ErrBadRequest)
	}
	if err := s.hopeless(st.Tracks()); err != nil {
		return err // before a worker is started only to find out the same
	}
	lease, err := s.workers.Use(st)
	if err != nil {
		return err
	}
	defer lease.Release()
	q := request{w: w, r: r, m: lease.Worker, lease: lease, start: s.opts.Start}
	var b *blob
	cache := q.cache(cacheMedia, cacheMediaPrivate)
	switch n.kind {
	case fileIndex, fileMedia:
		b, cache, err = q.playlist(n.kind, d)
	default:
		b = q.file(n)
	}
	switch {
	case err != nil:
		return err
	case r.Context().Err() != nil:
		return nil // nobody is there to be answered
	case b == nil:
		answer(w, http.StatusNotFound, "there is no such file, or not any more")
		return nil
	}
	q.m.viewers.sent(r, b.write(w, r, cache))
	return nil
}

// hopeless is why no worker can serve tracks; no tracks are no fault.
func (s *Server) hopeless(tracks []*camgate.Track) error {
	switch {
	case len(tracks) == 0, slices.ContainsFunc(tracks, func(t *camgate.Track) bool { return carries(t.Codec) }),
		s.opts.Variants != nil && lacks(tracks) != camgate.Variant{}:
		return nil
	}
	_, err := choose(tracks)
	return err
}

// answer says in words why there is no file.
func answer(w http.ResponseWriter, status int, reason string) {
	h := w.Header()
	h["Content-Type"] = typeText
	h["Cache-Control"] = cacheNever
	w.WriteHeader(status)
	fmt.Fprintln(w, reason)
}

// request is a request to a running worker.
type request struct {
	w     http.ResponseWriter
	r     *http.Request
	m     *muxer
	lease *egress.Lease[*muxer]
	start time.Duration
}

// wait blocks until the newest snapshot is as wanted, the client goes, the worker
// ends, or the time is up. It returns the newest snapshot and whether it is as wanted.
func (q *request) wait(limit time.Duration, wanted func(*snapshot) bool) (*snapshot, bool) {
	s := q.m.now.Load()
	if wanted(s) {
		return s, true
	}
	if q.m.waiting.Add(1) > int64(q.m.opts.MaxWaiting) {
		q.m.waiting.Add(-1)
		return s, false
	}
	defer q.m.waiting.Add(-1)
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		select {
		case <-s.next:
		case <-q.r.Context().Done():
			return s, false
		case <-q.lease.Done():
			return s, false
		case <-timer.C:
			return s, false
		}
		if s = q.m.now.Load(); wanted(s) {
			return s, true
		}
	}
}

// ready waits for the first snapshot.
func (q *request) ready() (*snapshot, error) {
	if s, ok := q.wait(q.start, func(s *snapshot) bool { return !s.empty() }); ok {
		return s, nil
	}
	select {
	case <-q.lease.Done():
		if err := q.lease.Err(); err != nil {
			return nil, err
		}
	default:
		if st := q.m.stream.Status(); st.Err != nil {
			// Not wrapped: what the source suffers is not the viewer's error.
			return nil, fmt.Errorf("%w: %s: %v", camgate.ErrNotReady, st.State, st.Err)
		}
	}
	return nil, camgate.ErrNotReady
}

// playlist returns a playlist and who may keep it for how long.
func (q *request) playlist(kind fileKind, d directives) (*blob, []string, error) {
	s, err := q.ready()
	if err != nil {
		return nil, nil, err
	}
	if err := q.m.viewers.enter(q.r); err != nil {
		return nil, nil, err
	}
	cache := q.cache(cacheShort, cacheShortPrivate)
	if kind == fileIndex {
		s.plan.tell(q.w.Header())
		return s.multivariant(d), cache, nil
	}
	if d.blocks {
		if s.absurd(d) {
			return nil, nil, fmt.Errorf("%w: what it waits for is too far ahead", camgate.ErrBadRequest)
		}
		var ok bool
		if s, ok = q.wait(s.patience(d), func(s *snapshot) bool { return s.has(d) }); !ok {
			// Nothing new: the source is away. The playlist as it is keeps players
			// asking, where an error would make them give up.
			cache = cacheNever
		}
	}
	return s.media(d), cache, nil
}

// file returns media, nil when there is none of that name. The part that the
// playlist hints at is waited for.
func (q *request) file(n name) *blob {
	s := q.m.now.Load()
	b := s.find(n)
	if b == nil && n.kind == filePart && n.n == s.hint {
		s, _ = q.wait(maxBlock, func(s *snapshot) bool { return s.hint > n.n })
		b = s.find(n)
	}
	return b
}

// cache says who may keep an answer: what a password protects is not for caches
// that others use too.
func (q *request) cache(public, private []string) []string {
	if q.r.Header["Authorization"] != nil || q.r.Header["Cookie"] != nil {
		return private
	}
	return public
}
