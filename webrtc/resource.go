package webrtc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/camgate/camgate"
)

// resource is what the session of a viewer (WHEP) and that of a publisher (WHIP) are alike
// in: an offer made it, it has a name, and requests change and end it (RFC 9725 section 4.3).
type resource struct {
	server    *Server
	id        string // who knows it may end the session: never in a log
	stream    *camgate.Stream
	offer     *offer
	plan      *plan
	transport *transport
	log       *slog.Logger

	signalling signalling
	restarts   sync.Mutex // one ICE restart at a time

	ctx    context.Context //nolint:containedctx // it is the session's life: requests come and go
	cancel context.CancelCauseFunc
	done   chan struct{} // closed when run has returned, and it is on no list any more
}

// member is a session that runs.
type member interface {
	base() *resource
	run()
	// note takes what the far side says of its candidates.
	note(candidates []string)
}

func newResource(s *Server, stream *camgate.Stream, o *offer, p *plan) *resource {
	x := &resource{
		server: s, id: random(16), stream: stream, offer: o, plan: p,
		transport: &transport{ours: o.ours}, done: make(chan struct{}), log: s.log.With("stream", stream.Name()),
	}
	x.signalling.etag, x.signalling.peer = newETag(), p.peer(o)
	x.ctx, x.cancel = context.WithCancelCause(context.Background())
	return x
}

func (x *resource) base() *resource { return x }

// end ends the session; the first cause counts.
func (x *resource) end(cause error) { x.cancel(cause) }

// expected reports whether a session ends as sessions do.
func expected(cause error) bool {
	return camgate.IsGone(cause) || errors.Is(cause, errDeleted) || errors.Is(cause, errUnpublished) ||
		errors.Is(cause, errLost) || errors.Is(cause, errShutdown)
}

// maxParted is how many sessions are remembered for the second good-bye of their players.
const maxParted = 64

// endpoint is where sessions of a kind are made, and found.
type endpoint struct {
	members map[string]member // by id; the server's mu guards it, and parted
	make    func(http.ResponseWriter, *http.Request, *camgate.Stream, *offer) error
	deleted error    // the cause of the end of one that is deleted
	parted  []string // ids of those whose players have closed the connection, oldest first
}

// serve serves the endpoint of a stream (session is empty) and the resources of its
// sessions.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, stream *camgate.Stream, session string, e *endpoint) error {
	allow := "GET, HEAD, OPTIONS, POST"
	if session != "" {
		allow = "GET, HEAD, OPTIONS, PATCH, DELETE"
	}
	if r.Method == http.MethodOptions {
		s.options(w, allow)
		return nil
	}
	if session == "" && r.Method == http.MethodPost {
		return s.post(w, r, stream, e)
	}
	get := r.Method == http.MethodGet || r.Method == http.MethodHead
	change := r.Method == http.MethodPatch || r.Method == http.MethodDelete
	if !get && (!change || session == "") {
		w.Header().Set("Allow", allow)
		refuse(w, http.StatusMethodNotAllowed, r.Method+" is not possible here: "+allow)
		return nil
	}
	var m member
	if session != "" {
		if m = s.find(e, session, stream); m == nil {
			if r.Method == http.MethodDelete && s.part(e, session) {
				w.WriteHeader(http.StatusOK)
				return nil
			}
			refuse(w, http.StatusNotFound, "no such session")
			return nil
		}
	}
	switch r.Method {
	case http.MethodPatch:
		return s.patch(w, r, m)
	case http.MethodDelete:
		m.base().end(e.deleted)
		<-m.base().done
		w.WriteHeader(http.StatusOK)
	default: // there is nothing to see (RFC 9725 section 4.1)
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
	}
	return nil
}

// post makes a session of an offer.
func (s *Server) post(w http.ResponseWriter, r *http.Request, stream *camgate.Stream, e *endpoint) error {
	body, ok := read(w, r, typeSDP, maxOffer)
	if !ok {
		return nil
	}
	o, err := parseOffer(body)
	if err != nil {
		return err
	}
	release, err := s.reserve()
	if err != nil {
		return err
	}
	defer release()
	return e.make(w, r, stream, o)
}

// options tells what can be asked for, and which servers may be used before an offer is made.
func (s *Server) options(w http.ResponseWriter, allow string) {
	s.links(w)
	h := w.Header()
	h.Set("Allow", allow)
	h.Set("Accept-Post", typeSDP)
	h.Set("Accept-Patch", typeFragment)
	w.WriteHeader(http.StatusOK)
}

// find returns the session of that name, if it is one of the stream.
func (s *Server) find(e *endpoint, id string, stream *camgate.Stream) member {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := e.members[id]; m != nil && m.base().stream == stream {
		return m
	}
	return nil
}

// start runs a session.
func (s *Server) start(e *endpoint, m member) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errShutdown
	}
	id := m.base().id
	e.members[id] = m
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		defer close(m.base().done)
		m.run()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(e.members, id)
		if errors.Is(context.Cause(m.base().ctx), errGoodbye) {
			e.parted = append(e.parted[max(0, len(e.parted)+1-maxParted):], id)
		}
	}()
	return nil
}

// part reports whether DELETE comes after a good-bye of the connection, as players say both and
// the order is the network's. It does so once.
func (s *Server) part(e *endpoint, id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(e.parted, id)
	if i >= 0 {
		e.parted = slices.Delete(e.parted, i, i+1)
	}
	return i >= 0
}

// answer opens the transport of a session and makes its SDP answer.
func (x *resource) answer(r *http.Request, lanes []*lane, onTrack trackHandler) (string, error) {
	candidates := x.server.candidates(r)
	if err := x.transport.open(x.ctx, x.server, x.plan, lanes); err != nil {
		return "", err
	}
	if onTrack != nil {
		x.transport.pc.OnTrack(onTrack)
	}
	made, err := x.transport.accept(x.offer.part(x.plan, x.plan.peer(x.offer)))
	if err != nil {
		return "", err
	}
	return x.offer.answer(made, x.plan, candidates)
}

// created answers a request that made a session.
func (x *resource) created(w http.ResponseWriter, r *http.Request, answer string) {
	x.server.links(w)
	location := strings.TrimSuffix(r.URL.EscapedPath(), "/") + "/" + x.id
	if r.URL.RawQuery != "" {
		location += "?" + r.URL.RawQuery
	}
	h := w.Header()
	h.Set("Location", location)
	h.Set("Accept-Patch", typeFragment)
	reply(w, http.StatusCreated, typeSDP, x.signalling.now(), answer)
}

// reply answers with SDP. Who is gone loses the session by itself.
func reply(w http.ResponseWriter, code int, contentType, etag, body string) {
	h := w.Header()
	h.Set("ETag", etag)
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, body)
}

// patch takes trickled candidates and restarts ICE. The gateway learns the far side's
// address from its checks and has no use for candidates but to tell of relays; and it
// says what is wrong with them.
func (s *Server) patch(w http.ResponseWriter, r *http.Request, m member) error {
	x := m.base()
	body, ok := read(w, r, typeFragment, maxFragment)
	if !ok {
		return nil
	}
	f, err := parseFragment(body)
	if err != nil {
		return err
	}
	match := strings.Join(r.Header.Values("If-Match"), ",")
	switch {
	case match == "": // RFC 6585 section 3
		refuse(w, http.StatusPreconditionRequired, `If-Match is missing: the ETag of the session, or * to restart ICE`)
		return nil
	case !matches(match, x.signalling.now()):
		refuse(w, http.StatusPreconditionFailed, "If-Match is not the ETag of the session")
		return nil
	}
	switch x.signalling.sort(f, x.offer.peers()) {
	case fragmentRestart:
		return s.restart(w, r, m, f)
	case fragmentLate:
		refuse(w, http.StatusConflict, "ICE was restarted since, with other credentials")
	case fragmentMixed:
		return fmt.Errorf("%w: an ICE restart needs another ice-ufrag and another ice-pwd", errBadFragment)
	case fragmentTrickle:
		m.note(f.candidates)
		w.WriteHeader(http.StatusNoContent)
	}
	return nil
}

// restart begins another ICE session (RFC 9725 section 4.3.3) and answers with the
// gateway's side of it. When it fails before anything has changed, the session goes on
// as it is.
func (s *Server) restart(w http.ResponseWriter, r *http.Request, m member, f *fragment) error {
	if f.ufrag == "" || f.pwd == "" {
		return fmt.Errorf("%w: an ICE restart needs both ice-ufrag and ice-pwd", errBadFragment)
	}
	x := m.base()
	x.restarts.Lock()
	defer x.restarts.Unlock()
	p := x.plan.peer(x.offer)
	p.ufrag, p.pwd = f.ufrag, f.pwd
	body, err := x.transport.restart(x.offer, x.plan, p, s.candidates(r))
	if err != nil {
		if x.ctx.Err() != nil {
			refuse(w, http.StatusNotFound, "no such session")
			return nil
		}
		return err
	}
	etag := x.signalling.begin(p)
	m.note(f.candidates)
	s.links(w)
	reply(w, http.StatusOK, typeFragment, etag, body)
	return nil
}
