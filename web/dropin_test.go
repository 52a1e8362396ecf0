package web

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/camgate/camgate"
)

func dropInOutputs() Outputs {
	out := echoes()
	out.Handshake = echo("handshake")
	return out
}

// TestDropIns asks at the addresses of other programs.
func TestDropIns(t *testing.T) {
	one := newServer(t, Options{Registry: registry(t, "demo", "demo/sub"), Outputs: dropInOutputs()})
	many := newServer(t, Options{Registry: registry(t, "demo", "front", "stream", "front/snapshot"), Outputs: dropInOutputs(), DefaultStream: "front"})
	unknown := newServer(t, Options{Registry: registry(t, "demo", "front"), Outputs: dropInOutputs()})
	off := newServer(t, Options{Registry: registry(t, "demo"), Outputs: dropInOutputs(), NoDropIns: true})
	for _, tt := range []struct {
		s      *Server
		method string
		target string
		code   int
		want   string
	}{
		{one, "GET", "/?action=stream", 200, `GET mjpeg demo ""`},
		{one, "GET", "/?action=snapshot&n=1", 200, `GET snapshot demo ""`},
		{one, "GET", "/webcam/?action=stream", 200, `GET mjpeg demo ""`},
		{one, "HEAD", "/webcam/?action=snapshot", 200, ``},
		{one, "GET", "/webcam?action=stream", 200, `GET mjpeg demo ""`},
		{one, "GET", "/demo/?action=stream", 200, `GET mjpeg demo ""`},
		{one, "GET", "/demo/sub?action=snapshot", 200, `GET snapshot demo/sub ""`},
		{one, "GET", "/stream", 200, `GET mjpeg demo ""`},
		{one, "GET", "/snapshot", 200, `GET snapshot demo ""`},
		{one, "GET", "/snapshot.jpg", 200, `GET snapshot demo ""`},
		{one, "GET", "/webcam/snapshot", 200, `GET snapshot demo ""`},
		{one, "POST", "/webrtc", 200, `POST handshake demo ""`},
		{one, "POST", "/webcam/webrtc", 200, `POST handshake demo ""`},
		{one, "POST", "/demo/webrtc", 200, `POST handshake demo ""`},
		{one, "GET", "/demo/stream", 200, `GET mjpeg demo ""`},
		{one, "POST", "/stream", 405, `POST is not possible here`},
		{one, "GET", "/webcam/", 404, `stream not found`},
		{one, "GET", "/?action=command", 200, `<html`},
		{one, "GET", "/api/frame.jpeg?src=demo&w=320", 200, `GET snapshot demo ""`},
		{one, "GET", "/api/stream.mjpeg?src=demo/sub", 200, `GET mjpeg demo/sub ""`},
		{one, "GET", "/api/frame.jpeg?src=none", 404, `stream not found`},
		{one, "GET", "/api/frame.jpeg", 400, `src is to be the name of a stream`},
		{one, "GET", "/api/frame.jpeg?src=rtsp://h/x", 400, `src is to be the name of a stream`},
		{one, "GET", "/api/ws?src=demo", 400, `websocket`},

		// A stream of that name comes first.
		{many, "GET", "/stream", 200, `<html`},
		{many, "GET", "/front/snapshot", 200, `<html`},
		{many, "GET", "/snapshot", 200, `GET snapshot front ""`},
		{many, "GET", "/?action=stream", 200, `GET mjpeg front ""`},

		{unknown, "GET", "/?action=stream", 404, `http.default_stream`},
		{unknown, "GET", "/front/?action=stream", 200, `GET mjpeg front ""`},

		{off, "GET", "/?action=stream", 200, `<html`},
		{off, "GET", "/stream", 404, `stream not found`},
		{off, "GET", "/demo/stream", 404, `no such page or output`},
		{off, "GET", "/api/streams", 404, ``},
		{off, "GET", "/api/frame.jpeg?src=demo", 404, ``},
	} {
		r := do(tt.s, tt.method, tt.target)
		if got := body(t, r); r.StatusCode != tt.code || !strings.Contains(got, tt.want) {
			t.Errorf("%s %s: %d %.200s, want %d %s", tt.method, tt.target, r.StatusCode, got, tt.code, tt.want)
		}
	}
}

func viewers() camgate.Users {
	return camgate.Users{{Name: "tv", Password: "pw", Role: camgate.RoleViewer, Streams: []string{"demo"}}}
}

// TestDropInsAreGuarded has the same rights at all addresses of a stream.
func TestDropInsAreGuarded(t *testing.T) {
	s := newServer(t, Options{Registry: registry(t, "demo", "other"), Outputs: dropInOutputs(), Users: viewers(), DefaultStream: "other"})
	for _, tt := range []struct {
		method, target string
		without, with  int
	}{
		{"GET", "/?action=stream", 401, 403},
		{"GET", "/snapshot", 401, 403},
		{"POST", "/webrtc", 401, 403},
		{"GET", "/demo/?action=stream", 401, 200},
		{"POST", "/demo/webrtc", 401, 200},
		{"GET", "/api/frame.jpeg?src=demo", 401, 200},
		{"GET", "/api/frame.jpeg?src=other", 401, 403},
		{"GET", "/api/stream.mjpeg?src=none", 401, 403},
		{"POST", "/api/webrtc?src=other", 401, 403},
		{"GET", "/api/ws?src=other", 401, 403},
		{"GET", "/api/streams?src=other", 401, 403},
		{"GET", "/api/streams", 401, 200},
	} {
		r := do(s, tt.method, tt.target)
		if r.StatusCode != tt.without {
			t.Errorf("%s without a password: %d", tt.target, r.StatusCode)
		}
		req := httptest.NewRequest(tt.method, tt.target, nil)
		req.SetBasicAuth("tv", "pw")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, req)
		if w.Code != tt.with {
			t.Errorf("%s: %d %s", tt.target, w.Code, w.Body)
		}
		if tt.target == "/api/streams" && (strings.Contains(w.Body.String(), "other") || !strings.Contains(w.Body.String(), `"demo":{"producers":[{`)) {
			t.Errorf("streams: %s", w.Body)
		}
	}
}

// answering is a WHEP output that answers "answer to" and the offer.
func answering() Outputs {
	return Outputs{WHEP: func(w http.ResponseWriter, r *http.Request, stream *camgate.Stream, _ string) error {
		offer, _ := io.ReadAll(r.Body)
		if string(offer) == "bad" {
			return camgate.ErrUnsupportedCodec
		}
		if r.Method != "POST" || r.Header.Get("Content-Type") != typeSDP || r.URL.Path != "/demo/whep" || r.RemoteAddr == "" {
			http.Error(w, "unexpected", http.StatusTeapot)
			return nil
		}
		w.Header().Set("Location", "/demo/whep/1")
		w.WriteHeader(http.StatusCreated)
		_, err := io.WriteString(w, "answer to "+string(offer))
		return err
	}}
}

func TestGo2rtcWebRTC(t *testing.T) {
	s := newServer(t, Options{Registry: registry(t, "demo"), Outputs: answering()})
	for _, tt := range []struct {
		kind, body string
		code       int
		want       string
	}{
		{"application/sdp", "v=0", 201, "answer to v=0"},
		{"", "v=0", 200, "answer to v=0"},
		{"application/json", `{"type":"offer","sdp":"v=0"}`, 200, `{"type":"answer","sdp":"answer to v=0"}`},
		{"application/json", `{"type":"answer"}`, 400, "the body is to be"},
		{"application/json", `no`, 400, "the body is to be"},
		{"application/sdp", "bad", 406, "codec"},
	} {
		r := httptest.NewRequest("POST", "/api/webrtc?src=demo", strings.NewReader(tt.body))
		r.Header.Set("Content-Type", tt.kind)
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s %s: %d %s", tt.kind, tt.body, w.Code, w.Body)
		}
		if tt.code == 201 && w.Header().Get("Location") != "/demo/whep/1" {
			t.Errorf("%v", w.Header())
		}
	}
}

func TestGo2rtcSocket(t *testing.T) {
	s := newServer(t, Options{Registry: registry(t, "demo"), Outputs: answering()})
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	url := "ws" + strings.TrimPrefix(server.URL, "http") + "/api/ws?src=demo&media=video+audio"
	conn, resp, err := websocket.DefaultDialer.Dial(url, nil)
	if err != nil {
		t.Fatal(err, resp)
	}
	defer conn.Close()
	for _, tt := range []struct{ send, want string }{
		{`{"type":"webrtc/candidate","value":"candidate:1 1 udp 1 192.0.2.1 5 typ host"}` + "\n", ""},
		{`{"type":"webrtc/offer","value":"v=0"}`, `{"type":"webrtc/answer","value":"answer to v=0"}`},
		{`{"type":"webrtc","value":{"type":"offer","sdp":"v=0"}}`, `{"type":"webrtc","value":{"type":"answer","sdp":"answer to v=0"}}`},
		{`{"type":"webrtc/offer","value":"bad"}`, `{"type":"error","value":"webrtc/offer: unsupported codec"}`},
		{`{"type":"webrtc/offer","value":1}`, `{"type":"error","value":"webrtc/offer: value is to be the SDP"}`},
		{`{"type":"mse","value":"avc1"}`, `{"type":"error","value":"mse: only webrtc is possible here; mse, hls and mjpeg are not"}`},
	} {
		if err := conn.WriteMessage(websocket.TextMessage, []byte(tt.send)); err != nil {
			t.Fatal(err)
		}
		if tt.want == "" {
			continue
		}
		var got json.RawMessage
		if err := conn.ReadJSON(&got); err != nil || string(got) != tt.want {
			t.Errorf("%s: %s, %v, want %s", tt.send, got, err, tt.want)
		}
	}
}

// TestSocketOrigin has pages of other hosts open a WebSocket, with which browsers send the
// viewer's password.
func TestSocketOrigin(t *testing.T) {
	for _, tt := range []struct {
		users   camgate.Users
		allow   []string
		origin  string
		allowed bool
	}{
		{nil, nil, "", true},
		{nil, nil, "http://cam:8889", true},
		{nil, nil, "http://elsewhere", false},
		{nil, nil, "http://localhost:8080", true},
		{nil, []string{"*"}, "http://elsewhere", true},
		{viewers(), nil, "http://elsewhere", false},
		{viewers(), []string{"http://elsewhere"}, "http://elsewhere", true},
		{viewers(), nil, "http://cam:8889", true},
	} {
		s := newServer(t, Options{Users: tt.users, AllowOrigins: tt.allow})
		r := httptest.NewRequest("GET", "http://cam:8889/api/ws", nil)
		if tt.origin != "" {
			r.Header.Set("Origin", tt.origin)
		}
		if got := s.socketOrigin(r); got != tt.allowed {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}
