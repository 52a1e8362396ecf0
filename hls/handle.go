package hls

import (
	"fmt"
	"net/http"
	"time"

	"github.com/camgate/camgate"
)

// maxBlock is the longest that a reload of a playlist is held back; three target
// durations are shorter in most cases. Players give up after ten seconds.
const maxBlock = 6 * time.Second

// Handle answers a request for a file of a stream: the last segment of the URL's
// path, behind the stream's name. Who may read the stream is for the caller to see to.
//
// Status: 200; 204 for OPTIONS; 400 a delivery directive makes no sense; 404 no such
// file, or not any more; 405; 406 with the reason when the stream has nothing that HLS
// carries; 503 with Retry-After and the reason when the stream is not ready.
func (s *Server) Handle(w http.ResponseWriter, r *http.Request, st *camgate.Stream, file string) {
	h := w.Header()
	h["Access-Control-Allow-Origin"] = anyOrigin
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Authorization, Range")
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		h.Set("Allow", "GET, HEAD, OPTIONS")
		refuse(w, http.StatusMethodNotAllowed, "method not allowed")
		return
	}
	n, ok := parseName(file)
	if !ok {
		refuse(w, http.StatusNotFound, "no such file")
		return
	}
	d, ok := parseQuery(r.URL.RawQuery)
	if !ok {
		refuse(w, http.StatusBadRequest, "bad delivery directive")
		return
	}
	if tracks := st.Tracks(); tracks != nil {
		// Said before a worker is started only to find out the same.
		if _, err := choose(tracks); err != nil {
			refuse(w, statusOf(err), err.Error())
			return
		}
	}
	lease, err := s.workers.Use(st)
	if err != nil {
		refuse(w, statusOf(err), err.Error())
		return
	}
	defer lease.Release()
	q := request{w: w, r: r, m: lease.Worker, done: lease.Done(), ended: lease.Err, start: s.opts.Start}
	var sent int
	switch n.kind {
	case fileIndex:
		sent = q.index(d)
	case fileMedia:
		sent = q.media(d)
	default:
		sent = q.file(n)
	}
	s.served.Add(uint64(sent))
	if reader := q.m.reader.Load(); reader != nil {
		reader.Sent(sent)
	}
}

// refuse answers with a status and the reason in words.
func refuse(w http.ResponseWriter, status int, reason string) {
	h := w.Header()
	h["Content-Type"] = typeText
	h["Cache-Control"] = cacheNever
	if status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "2")
	}
	w.WriteHeader(status)
	fmt.Fprintln(w, reason)
}

// request is a request to a running worker.
type request struct {
	w     http.ResponseWriter
	r     *http.Request
	m     *muxer
	done  <-chan struct{} // the worker ended
	ended func() error    // what with
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
		case <-q.done:
			return s, false
		case <-timer.C:
			return s, false
		}
		if s = q.m.now.Load(); wanted(s) {
			return s, true
		}
	}
}

// ready waits for the first snapshot; without one it answers itself.
func (q *request) ready() (*snapshot, bool) {
	s, ok := q.wait(q.start, func(s *snapshot) bool { return !s.empty() })
	if ok {
		return s, true
	}
	err := error(camgate.ErrNotReady)
	select {
	case <-q.done:
		if e := q.ended(); e != nil {
			err = e
		}
	default:
		if st := q.m.stream.Status(); st.Err != nil {
			// Not wrapped: what the source suffers is not the viewer's error.
			err = fmt.Errorf("%w: %s: %v", camgate.ErrNotReady, st.State, st.Err)
		}
	}
	refuse(q.w, statusOf(err), err.Error())
	return nil, false
}

func (q *request) index(d directives) int {
	s, ok := q.ready()
	if !ok {
		return 0
	}
	return s.multivariant(d).write(q.w, q.r, q.cache(cacheShort, cacheShortPrivate), d.rest == "")
}

func (q *request) media(d directives) int {
	s, ok := q.ready()
	if !ok {
		return 0
	}
	cache := q.cache(cacheShort, cacheShortPrivate)
	if d.blocks {
		if s.absurd(d) {
			refuse(q.w, http.StatusBadRequest, "too far ahead")
			return 0
		}
		limit := min(3*time.Duration(s.target)*time.Second, maxBlock)
		if s, ok = q.wait(limit, func(s *snapshot) bool { return s.has(d) }); !ok {
			if q.r.Context().Err() != nil {
				return 0
			}
			// Nothing new: the source is away. The playlist as it is keeps players
			// asking, where an error would make them give up.
			cache = cacheNever
		}
	}
	return s.media(d).write(q.w, q.r, cache, d.rest == "")
}

// file answers with media. The part that the playlist hints at is waited for.
func (q *request) file(n name) int {
	s := q.m.now.Load()
	b := s.find(n)
	if b == nil && n.kind == filePart && n.n == s.hint {
		s, _ = q.wait(maxBlock, func(s *snapshot) bool { return s.hint > n.n })
		b = s.find(n)
	}
	if b == nil {
		if q.r.Context().Err() == nil {
			refuse(q.w, http.StatusNotFound, "no such file, or not any more")
		}
		return 0
	}
	return b.write(q.w, q.r, q.cache(cacheMedia, cacheMediaPrivate), false)
}

// cache says who may keep an answer: what a password protects is not for caches
// that others use too.
func (q *request) cache(public, private []string) []string {
	if q.r.Header["Authorization"] != nil {
		return private
	}
	return public
}
