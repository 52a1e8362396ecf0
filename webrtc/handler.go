package webrtc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/camgate/camgate"
)

// MissingHeader names the response header that lists the tracks which a viewer
// asked for and cannot get, with the reasons: "audio AAC: WebRTC has no such
// codec".
const MissingHeader = "X-Camgate-Missing"

// MadeHeader names the response header that lists what is made for the viewer of what
// the stream has: "audio AAC -> Opus".
const MadeHeader = "X-Camgate-Made"

const (
	typeSDP      = "application/sdp"
	typeFragment = "application/trickle-ice-sdpfrag"
)

// Handle serves the endpoint of a stream (session is empty) and the resources of
// its sessions. Who may read the stream has been checked, and what other origins
// may do is up to the caller, as for all pages. Location, Link, ETag, Accept-Patch,
// X-Camgate-Missing, X-Camgate-Made and X-Camgate-Talk are the headers that a page of another origin needs.
//
// It returns an error that camgate.AnswerTo knows when there is to be no session,
// having written nothing: ErrBadRequest, ErrUnsupportedCodec when the viewer has no
// codec of the stream, ErrNotReady, ErrTooManyReaders.
func (s *Server) Handle(w http.ResponseWriter, r *http.Request, stream *camgate.Stream, session string) error {
	allow := "GET, HEAD, OPTIONS, POST"
	if session != "" {
		allow = "GET, HEAD, OPTIONS, PATCH, DELETE"
	}
	switch {
	case r.Method == http.MethodOptions:
		s.options(w, allow)
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		s.get(w, stream, session)
	case session == "" && r.Method == http.MethodPost:
		return s.post(w, r, stream)
	case session != "" && r.Method == http.MethodPatch:
		return s.patch(w, r, stream, session)
	case session != "" && r.Method == http.MethodDelete:
		s.delete(w, stream, session)
	default:
		w.Header().Set("Allow", allow)
		refuse(w, http.StatusMethodNotAllowed, r.Method+" is not possible here: "+allow)
	}
	return nil
}

// options tells what can be asked for, and which servers a viewer may use before it
// makes its offer.
func (s *Server) options(w http.ResponseWriter, allow string) {
	s.links(w)
	h := w.Header()
	h.Set("Allow", allow)
	h.Set("Accept-Post", typeSDP)
	h.Set("Accept-Patch", typeFragment)
	w.WriteHeader(http.StatusOK)
}

// get answers that there is nothing to see (RFC 9725 section 4.1).
func (s *Server) get(w http.ResponseWriter, stream *camgate.Stream, session string) {
	if session != "" && s.find(session, stream) == nil {
		refuse(w, http.StatusNotFound, "no such session")
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
}

// post makes a session.
func (s *Server) post(w http.ResponseWriter, r *http.Request, stream *camgate.Stream) error {
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
	ctx, cancel := context.WithTimeout(r.Context(), s.opts.StartTimeout)
	defer cancel()
	p, talk, err := s.prepare(ctx, r, o, stream)
	if err != nil {
		return err
	}
	x, answer, err := s.open(r, stream, o, p)
	if err != nil {
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
	for _, m := range p.missing {
		h.Add(MissingHeader, m)
	}
	for _, m := range p.made {
		h.Add(MadeHeader, m)
	}
	if talk != "" {
		h.Set(TalkHeader, talk)
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer) // the viewer may be gone; the session ends by itself
	return nil
}

// prepare plans a session. Who wants to be heard and cannot be, is served all the same,
// and told so by talk, the value of a header.
func (s *Server) prepare(ctx context.Context, r *http.Request, o *offer, stream *camgate.Stream) (p *plan, talk string, err error) {
	if o.talksOnly() {
		p = &plan{stream: stream}
		err = p.addMic(o, r, stream)
		return p, talkHeader(o, p, err, stream), err
	}
	tracks, err := stream.Ready(ctx)
	if err != nil {
		return nil, "", err
	}
	if p, err = s.plan(ctx, o, stream, tracks); err != nil {
		return nil, "", err
	}
	refusal := p.addMic(o, r, stream)
	return p, talkHeader(o, p, refusal, stream), nil
}

// patch takes trickled candidates and restarts ICE. The gateway learns the viewer's
// address from its checks and has no use for candidates but to tell of relays; and it
// says what is wrong with them.
func (s *Server) patch(w http.ResponseWriter, r *http.Request, stream *camgate.Stream, session string) error {
	x := s.find(session, stream)
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
		return s.restart(w, r, x, f)
	case fragmentLate:
		refuse(w, http.StatusConflict, "ICE was restarted since, with other credentials")
	case fragmentMixed:
		return fmt.Errorf("%w: an ICE restart needs another ice-ufrag and another ice-pwd", errBadFragment)
	case fragmentTrickle:
		x.note(f.candidates)
		w.WriteHeader(http.StatusNoContent)
	}
	return nil
}

func (s *Server) delete(w http.ResponseWriter, stream *camgate.Stream, session string) {
	x := s.find(session, stream)
	if x == nil {
		refuse(w, http.StatusNotFound, "no such session")
		return
	}
	x.end(errDeleted)
	<-x.done
	w.WriteHeader(http.StatusOK)
}

// read returns the body of a request, or answers it.
func read(w http.ResponseWriter, r *http.Request, want string, limit int64) (string, bool) {
	got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || got != want {
		w.Header().Set("Accept", want)
		refuse(w, http.StatusUnsupportedMediaType, "Content-Type has to be "+want)
		return "", false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", tooLarge.Limit))
		return "", false
	case err != nil:
		refuse(w, http.StatusBadRequest, "the body did not arrive")
		return "", false
	}
	return string(body), true
}

// refuse answers what only this protocol knows.
func refuse(w http.ResponseWriter, code int, message string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, message+"\n")
}
