package webrtc

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	pion "github.com/pion/webrtc/v4"

	"github.com/camgate/camgate"
)

// say sends a message of camera-streamer's signalling.
func (g *gateway) say(t testing.TB, stream *camgate.Stream, body any) (map[string]any, error) {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/cam/webrtc", strings.NewReader(string(b)))
	r.Host = "127.0.0.1"
	w := httptest.NewRecorder()
	if err := g.HandleHandshake(w, r, stream, ""); err != nil {
		return nil, err
	}
	var out map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatalf("%s: %v", w.Body, err)
	}
	return out, nil
}

// TestHandshake has a viewer that answers an offer of the gateway.
func TestHandshake(t *testing.T) {
	stream := newStream(t)
	g := newGateway(t, stream, logTo(t), func(o *Options) {
		o.ICEServers = []ICEServer{{URL: "stun:127.0.0.1:9"}}
	})
	p := newProgram(t, stream, true)
	p.run()
	offer, err := g.say(t, stream, map[string]any{"type": "request", "iceServers": nil})
	if err != nil || offer["type"] != "offer" || len(offer["iceServers"].([]any)) != 1 {
		t.Fatalf("%v, %v", offer, err)
	}
	pc := libraryPeer(t, pion.Configuration{}, func(s *pion.SettingEngine) {
		if err := s.SetAnsweringDTLSRole(pion.DTLSRoleClient); err != nil { // as browsers do
			t.Fatal(err)
		}
	})
	got := make(chan string, 1)
	pc.OnTrack(func(track *pion.TrackRemote, _ *pion.RTPReceiver) {
		if _, _, err := track.ReadRTP(); err == nil {
			got <- track.Codec().MimeType
		}
	})
	if err := pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeOffer, SDP: offer["sdp"].(string)}); err != nil {
		t.Fatalf("%v in\n%s", err, offer["sdp"])
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := pc.SetLocalDescription(answer); err != nil {
		t.Fatal(err)
	}
	if _, err := g.say(t, stream, map[string]any{"type": "remote_candidate", "id": offer["id"], "candidates": []any{map[string]any{"candidate": "candidate:1"}}}); err != nil {
		t.Errorf("candidate: %v", err)
	}
	reply := map[string]any{"type": "answer", "id": offer["id"], "sdp": answer.SDP}
	if _, err := g.say(t, newStream(t), reply); !errors.Is(err, camgate.ErrBadRequest) {
		t.Errorf("answered for another stream: %v", err)
	}
	if _, err := g.say(t, stream, reply); err != nil {
		t.Fatal(err)
	}
	select {
	case codec := <-got:
		if codec != pion.MimeTypeH264 {
			t.Errorf("codec %s", codec)
		}
	case <-time.After(15 * time.Second):
		t.Fatalf("no packet: %s\n%s\n%s", pc.ConnectionState(), offer["sdp"], answer.SDP)
	}
	if _, err := g.say(t, stream, reply); !errors.Is(err, camgate.ErrBadRequest) {
		t.Errorf("answered twice: %v", err)
	}
}

func TestHandshakeRefuses(t *testing.T) {
	stream := newStream(t)
	g := newGateway(t, stream)
	newProgram(t, stream, false)
	for _, body := range []any{"hello", map[string]any{}, map[string]any{"type": "hangup"}, map[string]any{"type": "answer", "id": "x"}} {
		if _, err := g.say(t, stream, body); !errors.Is(err, camgate.ErrBadRequest) {
			t.Errorf("%v: %v", body, err)
		}
	}
	w := httptest.NewRecorder()
	if err := g.HandleHandshake(w, httptest.NewRequest(http.MethodGet, "/cam/webrtc", nil), stream, ""); err != nil || w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d, %v", w.Code, err)
	}
	for range maxHandshakes {
		if _, err := g.say(t, stream, map[string]any{"type": "request"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := g.say(t, stream, map[string]any{"type": "request"}); !errors.Is(err, camgate.ErrTooManyReaders) {
		t.Errorf("one more: %v", err)
	}
}
