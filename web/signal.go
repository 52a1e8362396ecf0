package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/gorilla/websocket"

	"github.com/camgate/camgate"
)

const typeSDP = "application/sdp"

// reply keeps what an output writes, for those who want it in another form.
type reply struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (r *reply) Header() http.Header         { return r.header }
func (r *reply) WriteHeader(code int)        { r.code = code }
func (r *reply) Write(b []byte) (int, error) { return r.body.Write(b) }

// whep asks the WHEP output in the name of a request of another form.
func (s *Server) whep(r *http.Request, stream *camgate.Stream, sdp string) (*reply, error) {
	out := s.opts.Outputs.WHEP
	if out == nil {
		return nil, fmt.Errorf("WebRTC: %w", errNotOffered)
	}
	r = r.Clone(r.Context())
	r.Method, r.URL = http.MethodPost, &url.URL{Path: "/" + stream.Name() + "/whep"}
	r.Header.Set("Content-Type", typeSDP)
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(sdp)), int64(len(sdp))
	w := &reply{header: http.Header{}, code: http.StatusOK}
	return w, out(w, r, stream, "")
}

// description is an offer or an answer in JSON, as browsers write it.
type description struct {
	Type string `json:"type"`
	SDP  string `json:"sdp"`
}

// go2rtcWebRTC answers an offer as go2rtc does: WHEP for SDP, JSON for JSON, and bare SDP
// for all else.
func (s *Server) go2rtcWebRTC(c *gin.Context) {
	stream := s.source(c)
	if stream == nil {
		return
	}
	_ = http.NewResponseController(c.Writer).SetReadDeadline(time.Now().Add(bodyTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, s.opts.Limits.Body))
	if err != nil {
		s.refuse(c, http.StatusRequestEntityTooLarge, stream.Name(), "the offer did not arrive, or is too large")
		return
	}
	kind, _, _ := mime.ParseMediaType(c.ContentType())
	offer := description{SDP: string(body)}
	if kind == "application/json" {
		if err := json.Unmarshal(body, &offer); err != nil || offer.Type != "offer" {
			s.refuse(c, http.StatusBadRequest, stream.Name(), `the body is to be {"type": "offer", "sdp": "..."}`)
			return
		}
	}
	w, err := s.whep(c.Request, stream, offer.SDP)
	switch {
	case err != nil:
		s.fail(c, stream.Name(), err)
		return
	case w.code >= 300:
		s.refuse(c, w.code, stream.Name(), strings.TrimSpace(w.body.String()))
		return
	}
	for key, values := range w.header {
		c.Writer.Header()[key] = values
	}
	switch kind {
	case "application/json":
		c.JSON(http.StatusOK, description{"answer", w.body.String()})
	case typeSDP:
		c.Data(http.StatusCreated, typeSDP, w.body.Bytes())
	default:
		c.Data(http.StatusOK, typeSDP, w.body.Bytes())
	}
}

// message is one of go2rtc's WebSocket.
type message struct {
	Type  string          `json:"type"`
	Value json.RawMessage `json:"value,omitempty"`
}

const (
	socketWrite = 10 * time.Second
	socketIdle  = time.Hour // go2rtc's pages leave it open beside the media
)

// go2rtcSocket is go2rtc's WebSocket, of which there is the WebRTC part.
func (s *Server) go2rtcSocket(c *gin.Context) {
	stream := s.source(c)
	if stream == nil {
		return
	}
	up := websocket.Upgrader{CheckOrigin: s.socketOrigin, Error: func(_ http.ResponseWriter, _ *http.Request, code int, reason error) {
		s.refuse(c, code, stream.Name(), reason.Error())
	}}
	conn, err := up.Upgrade(c.Writer, c.Request, nil)
	if err != nil {
		return // it is answered
	}
	defer conn.Close()
	defer context.AfterFunc(c.Request.Context(), func() { conn.Close() })()
	conn.SetReadLimit(s.opts.Limits.Body)
	for {
		_ = conn.SetReadDeadline(time.Now().Add(socketIdle))
		var m message
		if err := conn.ReadJSON(&m); err != nil {
			return // it is gone, or speaks something else
		}
		answer, ok := s.onMessage(c.Request, stream, m)
		if !ok {
			continue
		}
		_ = conn.SetWriteDeadline(time.Now().Add(socketWrite))
		if err := conn.WriteJSON(answer); err != nil {
			return
		}
	}
}

// onMessage returns what is to be said to a message, if anything is. A viewer's candidates
// are of no use: it is found by its checks. The session goes on when the socket is closed,
// as go2rtc's own player does as soon as it has a picture.
func (s *Server) onMessage(r *http.Request, stream *camgate.Stream, m message) (gin.H, bool) {
	bad := func(reason string) (gin.H, bool) {
		return gin.H{"type": "error", "value": m.Type + ": " + withoutSecrets(reason)}, true
	}
	var sdp string
	switch m.Type {
	case "webrtc/candidate":
		return nil, false
	case "webrtc/offer":
		if err := json.Unmarshal(m.Value, &sdp); err != nil {
			return bad("value is to be the SDP")
		}
	case "webrtc": // its older form
		var d description
		if err := json.Unmarshal(m.Value, &d); err != nil {
			return bad(`value is to be {"type": "offer", "sdp": "..."}`)
		}
		sdp = d.SDP
	default:
		return bad("only webrtc is possible here; mse, hls and mjpeg are not")
	}
	w, err := s.whep(r, stream, sdp)
	switch {
	case err != nil:
		return bad(err.Error())
	case w.code >= 300:
		return bad(strings.TrimSpace(w.body.String()))
	case m.Type == "webrtc":
		return gin.H{"type": "webrtc", "value": description{"answer", w.body.String()}}, true
	}
	return gin.H{"type": "webrtc/answer", "value": w.body.String()}, true
}

// socketOrigin tells whether a page may open a WebSocket. Browsers ask nobody before they
// open one, and send the viewer's password with it: with users, a page of another host has
// to be named in the config.
func (s *Server) socketOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if u, err := url.Parse(origin); origin == "" || err == nil && strings.EqualFold(u.Host, r.Host) {
		return true
	}
	allowed := s.allowOrigin(r)
	return allowed == origin || allowed == "*" && len(s.opts.Users) == 0
}
