package webrtc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/camgate/camgate"
)

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
	return s.serve(w, r, stream, session, &s.viewers)
}

// watch makes the session of a viewer.
func (s *Server) watch(w http.ResponseWriter, r *http.Request, stream *camgate.Stream, o *offer) error {
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
	h := w.Header()
	for _, m := range p.missing {
		h.Add(camgate.MissingHeader, m)
	}
	for _, m := range p.made {
		h.Add(camgate.MadeHeader, m)
	}
	if talk != "" {
		h.Set(TalkHeader, talk)
	}
	x.created(w, r, answer)
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
