package webrtc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/camgate/camgate"
)

// MissingHeader names the response header that lists the tracks which a viewer
// asked for and cannot get, with the reasons: "audio AAC: WebRTC has no such
// codec".
const MissingHeader = "X-Camgate-Missing"

const (
	typeSDP      = "application/sdp"
	typeFragment = "application/trickle-ice-sdpfrag"
)

// Handle serves the endpoint of a stream (session is empty) and the resources of
// its sessions. Who may read the stream has been checked, and what other origins
// may do is up to the caller, as for all pages. Location, Link, ETag, Accept-Patch
// and X-Camgate-Missing are the headers that a page of another origin needs.
//
// It returns an error that camgate.AnswerTo knows when there is to be no session,
// having written nothing: ErrBadRequest, ErrUnsupportedCodec when the viewer has no
// codec of the stream, ErrNotReady, ErrTooManyReaders.
func (s *Server) Handle(w http.ResponseWriter, r *http.Request, stream *camgate.Stream, session string) error {
	allow := "OPTIONS, POST"
	if session != "" {
		allow = "OPTIONS, PATCH, DELETE"
	}
	switch {
	case r.Method == http.MethodOptions:
		s.links(w)
		w.Header().Set("Allow", allow)
		w.Header().Set("Accept-Post", typeSDP)
		w.WriteHeader(http.StatusNoContent)
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

// links tells the viewer which STUN and TURN servers to use (RFC 9725 section 4.6).
func (s *Server) links(w http.ResponseWriter) {
	for _, i := range s.opts.ICEServers {
		link := "<" + i.URL + `>; rel="ice-server"`
		if i.Username != "" {
			link += fmt.Sprintf(`; username=%s; credential=%s; credential-type="password"`, strconv.Quote(i.Username), strconv.Quote(i.Credential))
		}
		w.Header().Add("Link", link)
	}
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
	tracks, err := stream.Ready(ctx)
	if err != nil {
		return err
	}
	p, err := negotiate(o, tracks)
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
	h.Set("ETag", x.etag)
	h.Set("Accept-Patch", typeFragment)
	h.Set("Content-Type", typeSDP)
	h.Set("Cache-Control", "no-store")
	for _, m := range p.missing {
		h.Add(MissingHeader, m)
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer) // the viewer may be gone; the session ends by itself
	return nil
}

// patch takes trickled candidates. The gateway learns the viewer's address from its
// checks and has no use for them; but it says what is wrong with them.
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
	if match := r.Header.Get("If-Match"); match != "" && match != "*" && match != x.etag {
		refuse(w, http.StatusPreconditionFailed, "If-Match is not the ETag of the session")
		return nil
	}
	f, err := parseFragment(body)
	if err != nil {
		return err
	}
	if f.ufrag != "" && !slices.ContainsFunc(x.offer.sections, func(s section) bool { return s.peer.ufrag == f.ufrag }) {
		// RFC 9725 section 4.3.1: only one of trickle ICE and ICE restarts is there.
		refuse(w, http.StatusUnprocessableEntity, "ICE restarts are not possible: start a new session")
		return nil
	}
	w.WriteHeader(http.StatusNoContent)
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
