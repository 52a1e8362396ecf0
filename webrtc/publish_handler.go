package webrtc

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// HandlePublish is Handle for those who publish a stream: WHIP (RFC 9725). Who may publish
// it has been checked. Of the errors that it returns, having written nothing, ErrForbidden
// says that the stream has a source of its own, and ErrPublisherActive that somebody
// publishes it.
func (s *Server) HandlePublish(w http.ResponseWriter, r *http.Request, stream *camgate.Stream, session string) error {
	allow := "GET, HEAD, OPTIONS, POST"
	if session != "" {
		allow = "GET, HEAD, OPTIONS, PATCH, DELETE"
	}
	switch {
	case r.Method == http.MethodOptions:
		s.options(w, allow)
	case r.Method == http.MethodGet, r.Method == http.MethodHead: // there is nothing to see (RFC 9725 section 4.1)
		if session != "" && s.publisher(session, stream) == nil {
			refuse(w, http.StatusNotFound, "no such session")
			return nil
		}
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
	case session == "" && r.Method == http.MethodPost:
		return s.publish(w, r, stream)
	case session != "" && r.Method == http.MethodPatch:
		return s.patchPublisher(w, r, stream, session)
	case session != "" && r.Method == http.MethodDelete:
		x := s.publisher(session, stream)
		if x == nil {
			refuse(w, http.StatusNotFound, "no such session")
			return nil
		}
		x.end(errUnpublished)
		<-x.done
		w.WriteHeader(http.StatusOK)
	default:
		w.Header().Set("Allow", allow)
		refuse(w, http.StatusMethodNotAllowed, r.Method+" is not possible here: "+allow)
	}
	return nil
}

// publish makes a session.
func (s *Server) publish(w http.ResponseWriter, r *http.Request, stream *camgate.Stream) error {
	body, ok := read(w, r, typeSDP, maxOffer)
	if !ok {
		return nil
	}
	o, err := parseOffer(body)
	if err != nil {
		return err
	}
	p, err := o.accept()
	if err != nil {
		return err
	}
	release, err := s.reserve()
	if err != nil {
		return err
	}
	defer release()
	publication, err := ingest.Publish(stream, "webrtc "+r.RemoteAddr)
	if err != nil {
		return err
	}
	x, answer, err := s.receive(r, stream, publication, o, p)
	if err != nil {
		publication.Close()
		return err
	}
	s.links(w)
	h := w.Header()
	location := strings.TrimSuffix(r.URL.EscapedPath(), "/") + "/" + x.id
	if r.URL.RawQuery != "" {
		location += "?" + r.URL.RawQuery
	}
	h.Set("Location", location)
	h.Set("ETag", x.signalling.now())
	h.Set("Accept-Patch", typeFragment)
	h.Set("Content-Type", typeSDP)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer) // who is gone does not connect, and the session ends
	return nil
}

// receive makes the session of a publisher and its answer.
func (s *Server) receive(r *http.Request, stream *camgate.Stream, publication *ingest.Publication, o *offer, p *plan) (*publisher, string, error) {
	x := newPublisher(s, stream, publication, o, p)
	candidates := s.candidates(r)
	err := x.transport.open(x.ctx, s, p, nil)
	if err == nil {
		x.transport.pc.OnTrack(x.track)
	}
	var made, answer string
	if err == nil {
		made, err = x.transport.accept(o.part(p, p.peer(o)))
	}
	if err == nil {
		answer, err = o.answer(made, p, candidates)
	}
	if err == nil {
		err = s.startPublisher(x)
	}
	if err != nil {
		x.end(err)
		x.transport.close()
		return nil, "", err
	}
	return x, muxOnly(answer), nil
}

// muxOnly says in each section that there is no port for RTCP alone (RFC 9725 section
// 4.4.1, RFC 8858 section 3).
func muxOnly(answer string) string {
	return strings.ReplaceAll(answer, "a=rtcp-mux\r\n", "a=rtcp-mux\r\na=rtcp-mux-only\r\n")
}

// patchPublisher takes candidates, of which the gateway has no use, as it learns the
// publisher's address from its checks, and restarts ICE.
func (s *Server) patchPublisher(w http.ResponseWriter, r *http.Request, stream *camgate.Stream, session string) error {
	x := s.publisher(session, stream)
	if x == nil {
		refuse(w, http.StatusNotFound, "no such session")
		return nil
	}
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
		return s.restartPublisher(w, r, x, f)
	case fragmentLate:
		refuse(w, http.StatusConflict, "ICE was restarted since, with other credentials")
	case fragmentMixed:
		return fmt.Errorf("%w: an ICE restart needs another ice-ufrag and another ice-pwd", errBadFragment)
	case fragmentTrickle:
		w.WriteHeader(http.StatusNoContent)
	}
	return nil
}

// restartPublisher begins another ICE session (RFC 9725 section 4.3.3).
func (s *Server) restartPublisher(w http.ResponseWriter, r *http.Request, x *publisher, f *fragment) error {
	if f.ufrag == "" || f.pwd == "" {
		return fmt.Errorf("%w: an ICE restart needs both ice-ufrag and ice-pwd", errBadFragment)
	}
	x.restarts.Lock() // one after the other
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
	s.links(w)
	h := w.Header()
	h.Set("ETag", etag)
	h.Set("Content-Type", typeFragment)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(w, body) // who is gone loses the session by itself
	return nil
}

// startPublisher runs a session.
func (s *Server) startPublisher(x *publisher) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errShutdown
	}
	s.publishers[x.id] = x
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		x.run()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.publishers, x.id)
	}()
	return nil
}

// publisher returns the session of that name, if it is one of the stream.
func (s *Server) publisher(id string, stream *camgate.Stream) *publisher {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.publishers[id]; x != nil && x.stream == stream {
		return x
	}
	return nil
}

// newPublisher makes what HandlePublish answers for; run is its life.
func newPublisher(s *Server, stream *camgate.Stream, publication *ingest.Publication, o *offer, p *plan) *publisher {
	x := &publisher{
		server: s, id: random(16),
		stream: stream, publication: publication, offer: o, plan: p,
		transport: &transport{}, done: make(chan struct{}), begun: make(chan struct{}),
		log: s.log.With("stream", stream.Name()),
	}
	x.signalling.etag, x.signalling.peer = newETag(), p.peer(o)
	x.ctx, x.cancel = context.WithCancelCause(context.Background())
	x.transport.onClose = x.end
	return x
}
