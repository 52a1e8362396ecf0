package webrtc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/camgate/camgate"
)

const (
	// handshakeTimeout is how long a viewer has to answer an offer.
	handshakeTimeout = 30 * time.Second
	// maxHandshakes bounds the offers that nobody has answered yet.
	maxHandshakes = 256
)

// invitation is an offer of ours that a viewer is to answer.
type invitation struct {
	stream     *camgate.Stream
	ufrag, pwd string
	expires    time.Time
}

// handshakeMessage is what viewers of camera-streamer send and get.
type handshakeMessage struct {
	Type       string         `json:"type,omitempty"` // request, offer, answer, remote_candidate
	ID         string         `json:"id,omitempty"`
	SDP        string         `json:"sdp,omitempty"`
	ICEServers []handshakeICE `json:"iceServers,omitempty"`
}

type handshakeICE struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// HandleHandshake serves the signalling of camera-streamer, in which the viewer asks for an
// offer and answers it; of the stream there is the picture. Errors are those of Handle.
func (s *Server) HandleHandshake(w http.ResponseWriter, r *http.Request, stream *camgate.Stream, _ string) error {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "OPTIONS, POST")
		refuse(w, http.StatusMethodNotAllowed, r.Method+` is not possible here: POST {"type": "request"}`)
		return nil
	}
	var m struct{ Type, ID, SDP string }
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOffer))
	if err == nil {
		err = json.Unmarshal(body, &m)
	}
	if err != nil {
		return fmt.Errorf(`%w: the body is to be JSON, as {"type": "request"}`, camgate.ErrBadRequest)
	}
	out := handshakeMessage{}
	switch m.Type {
	case "request":
		out, err = s.invite(r, stream)
	case "answer":
		err = s.accept(r, stream, m.ID, m.SDP)
	case "remote_candidate": // viewers are found by their checks
	default:
		err = fmt.Errorf("%w: type %q is none of request, answer, remote_candidate", camgate.ErrBadRequest, m.Type)
	}
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	return json.NewEncoder(w).Encode(out)
}

// invite makes an offer. Nothing is opened before it is answered.
func (s *Server) invite(r *http.Request, stream *camgate.Stream) (handshakeMessage, error) {
	ctx, cancel := context.WithTimeout(r.Context(), s.opts.StartTimeout)
	defer cancel()
	if _, err := stream.Ready(ctx); err != nil {
		return handshakeMessage{}, err
	}
	certificate, err := s.certs.get(time.Now())
	if err != nil {
		return handshakeMessage{}, err
	}
	fingerprints, err := certificate.GetFingerprints()
	if err != nil || len(fingerprints) == 0 {
		return handshakeMessage{}, errors.Join(err, errShutdown)
	}
	f := fingerprints[0]
	id, hs := random(16), invitation{stream: stream, ufrag: random(4), pwd: random(16), expires: time.Now().Add(handshakeTimeout)}
	s.mu.Lock()
	for id, old := range s.handshakes {
		if time.Now().After(old.expires) {
			delete(s.handshakes, id)
		}
	}
	full := len(s.handshakes) >= maxHandshakes
	if !full {
		s.handshakes[id] = hs
	}
	s.mu.Unlock()
	if full {
		return handshakeMessage{}, fmt.Errorf("%w: %d viewers have not answered yet", camgate.ErrTooManyReaders, maxHandshakes)
	}
	out := handshakeMessage{Type: "offer", ID: id, SDP: hs.sdp(f.Algorithm+" "+strings.ToUpper(f.Value), s.candidates(r))}
	for _, i := range s.opts.ICEServers {
		name, password := i.credentials(time.Now())
		out.ICEServers = append(out.ICEServers, handshakeICE{[]string{i.URL}, name, password})
	}
	return out, nil
}

// sdp writes the offer: one picture, in all codecs that the gateway can send. That it is
// "lite" makes the viewer the controlling side, as in a WHEP session (RFC 8445 section 6.1.1).
func (h *invitation) sdp(fingerprint string, candidates []string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=ice-lite\r\na=msid-semantic: WMS *")
	line("m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 100 101 102\r\nc=IN IP4 0.0.0.0")
	line("a=mid:0\r\na=sendonly\r\na=rtcp-mux\r\na=setup:actpass\r\na=msid:camgate video")
	line("a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:%s", h.ufrag, h.pwd, fingerprint)
	for i, profile := range []string{"42e01f", "4d001f", "64001f"} {
		line("a=rtpmap:%d H264/90000\r\na=fmtp:%[1]d level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=%s", 96+i, profile)
	}
	for i, name := range []string{"H265", "VP8", "VP9", "AV1"} {
		line("a=rtpmap:%d %s/90000", 99+i, name)
	}
	for id := 96; id <= 102; id++ {
		line("a=rtcp-fb:%d nack\r\na=rtcp-fb:%[1]d nack pli\r\na=rtcp-fb:%[1]d ccm fir", id)
	}
	for _, c := range candidates {
		line("a=candidate:%s", c)
	}
	line("a=end-of-candidates")
	return b.String()
}

// accept begins the session of a viewer that has answered.
func (s *Server) accept(r *http.Request, stream *camgate.Stream, id, answer string) error {
	s.mu.Lock()
	hs, ok := s.handshakes[id]
	ok = ok && hs.stream == stream && time.Now().Before(hs.expires)
	if ok {
		delete(s.handshakes, id)
	}
	s.mu.Unlock()
	if !ok {
		return fmt.Errorf("%w: no offer of that id waits for an answer", camgate.ErrBadRequest)
	}
	o, err := parseOffer(answer)
	if err != nil {
		return err
	}
	o.ours = peer{ufrag: hs.ufrag, pwd: hs.pwd}
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
	p, err := s.plan(ctx, o, stream, tracks)
	if err != nil {
		return err
	}
	_, _, err = s.open(r, stream, o, p)
	return err
}
