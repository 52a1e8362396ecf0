package webrtc

import (
	"net/http"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// HandlePublish is Handle for those who publish a stream: WHIP (RFC 9725). Who may publish
// it has been checked. Of the errors that it returns, having written nothing, ErrForbidden
// says that the stream has a source of its own, and ErrPublisherActive that somebody
// publishes it.
func (s *Server) HandlePublish(w http.ResponseWriter, r *http.Request, stream *camgate.Stream, session string) error {
	return s.serve(w, r, stream, session, &s.publishers)
}

// publish makes the session of a publisher.
func (s *Server) publish(w http.ResponseWriter, r *http.Request, stream *camgate.Stream, o *offer) error {
	p, err := o.accept()
	if err != nil {
		return err
	}
	publication, err := ingest.Publish(stream, "webrtc "+r.RemoteAddr, s.log.With("stream", stream.Name(), "remote", r.RemoteAddr))
	if err != nil {
		return err
	}
	x, answer, err := s.receive(r, stream, publication, o, p)
	if err != nil {
		publication.Close()
		return err
	}
	x.created(w, r, answer)
	return nil
}

// receive makes the session of a publisher and its answer.
func (s *Server) receive(r *http.Request, stream *camgate.Stream, publication *ingest.Publication, o *offer, p *plan) (*publisher, string, error) {
	x := newPublisher(s, stream, publication, o, p)
	answer, err := x.answer(r, nil, x.track)
	if err == nil {
		err = s.start(&s.publishers, x)
	}
	if err != nil {
		x.end(err)
		x.transport.close()
		return nil, "", err
	}
	return x, answer, nil
}

// newPublisher makes what HandlePublish answers for; run is its life.
func newPublisher(s *Server, stream *camgate.Stream, publication *ingest.Publication, o *offer, p *plan) *publisher {
	x := &publisher{resource: newResource(s, stream, o, p), publication: publication, begun: make(chan struct{})}
	x.transport.onClose = x.end
	return x
}
