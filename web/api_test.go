package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camgate/camgate"
)

func decode(t testing.TB, r *http.Response, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(body(t, r)), v); err != nil {
		t.Fatal(err)
	}
}

// whole packetises an access unit as it is.
type whole struct{}

func (whole) Packetize(w *camgate.PacketWriter, au [][]byte) {
	w.Packet(true)
	for _, b := range au {
		w.Payload(b)
	}
}

// fill makes a registry with one stream in every interesting state.
func fill(t *testing.T) *camgate.Registry {
	t.Helper()
	g := registry(t, "away", "front-door", "obs")
	away, _ := g.Get("away")
	away.SetStatus(camgate.Status{
		State: camgate.StateRetrying, Source: "rtsp://admin:hunter2@192.0.2.7/main", Retries: 3, Retry: time.Now().Add(4 * time.Second),
		Err: fmt.Errorf("%w: rtsp://admin:hunter2@192.0.2.7/main: no route", camgate.ErrConnectionFailed),
	})
	s, _ := g.Get("front-door")
	release, err := s.Claim("rtsp 192.0.2.1:554")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	tracks, err := s.Start([]*camgate.Track{
		camgate.NewTrack(camgate.TrackOptions{Kind: camgate.Video, Codec: camgate.H264, ClockRate: 90000, PayloadType: 96, Packetizer: whole{},
			Params: &camgate.Params{Width: 1280, Height: 720, FPS: 25, Profile: "High 4.1"}}),
		camgate.NewTrack(camgate.TrackOptions{Kind: camgate.Audio, Codec: camgate.AAC, ClockRate: 48000, Channels: 2, PayloadType: 97, Packetizer: whole{}}),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.SetStatus(camgate.Status{State: camgate.StateLive, Source: "rtsp://192.0.2.1/main"})
	s.Warn("tls", "the certificate is not verified")
	s.Publish(&camgate.Unit{Track: tracks[0], RandomAccess: true, AU: [][]byte{bytes.Repeat([]byte{1}, 1000)}})
	for _, o := range []camgate.SubscribeOptions{{Protocol: "rtsp", Remote: "192.0.2.9:5000"}, {Protocol: "webrtc", Remote: "[2001:db8::1]:600"},
		{Protocol: "rtsp", Remote: "192.0.2.10:5001"}, {Protocol: "hls", Internal: true}} {
		r, err := s.Subscribe(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		r.Sent(4321)
		if o.Protocol == "webrtc" {
			r.Follow(camgate.Path{Protocol: "udp", Remote: netip.MustParseAddrPort(o.Remote), Relayed: true, RTT: 1234 * time.Microsecond})
		}
		t.Cleanup(r.Close)
	}
	return g
}

func TestStreamsJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // for its clock, which starts in 2000
		g := fill(t)
		s := newServer(t, Options{Registry: g, Outputs: echoes(), RTSP: ":8554", RTSPS: "0.0.0.0:8322"})
		r := do(s, "GET", "/api/v1/streams", "Host", "cam.example:8889")
		if got := r.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("Cache-Control %q", got)
		}
		var got bytes.Buffer
		door, _ := g.Get("front-door")
		// What it costs to keep a unit is the ring's affair.
		cached := fmt.Sprintf(`"cached_bytes":%d,`, door.Info().Cached)
		text := strings.Replace(body(t, r), cached, `"cached_bytes":1000,`, 1)
		if err := json.Indent(&got, []byte(text), "", "  "); err != nil {
			t.Fatal(err)
		}
		const golden = "testdata/streams.json"
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(golden, append(got.Bytes(), '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(string(want)) != got.String() {
			t.Errorf("other than %s (UPDATE_GOLDEN=1 writes it):\n%s", golden, got.String())
		}
		if strings.Contains(got.String(), "hunter2") {
			t.Error("a password in the answer")
		}
	})
}

func TestURLs(t *testing.T) {
	s := newServer(t, Options{Outputs: Outputs{MJPEG: echo("mjpeg")}, RTSP: "127.0.0.1:554"})
	for _, c := range []struct{ host, proto, page, rtsp string }{
		{"localhost:8889", "", "http://localhost:8889/live/front", "rtsp://localhost:554/live/front"},
		{"[::1]:8889", "", "http://[::1]:8889/live/front", "rtsp://[::1]:554/live/front"},
		{"cam.example", "https", "https://cam.example/live/front", "rtsp://cam.example:554/live/front"},
	} {
		var got streamJSON
		decode(t, do(s, "GET", "/api/v1/streams/live/front", "Host", c.host, "X-Forwarded-Proto", c.proto), &got)
		want := urlsJSON{Page: c.page, RTSP: c.rtsp, MJPEG: c.page + "/mjpeg"}
		if got.URLs != want {
			t.Errorf("%+v\nwant %+v", got.URLs, want)
		}
	}
}

func TestStatus(t *testing.T) {
	for _, c := range []struct {
		err   error
		code  int
		retry bool
	}{
		{camgate.ErrStreamNotFound, 404, false},
		{camgate.ErrNotReady, 503, true},
		{camgate.ErrConnectionFailed, 503, true},
		{camgate.ErrTimeout, 503, true},
		{camgate.ErrTooManyStreams, 503, true},
		{camgate.ErrTooManyReaders, 503, true},
		{camgate.ErrEncoderUnavailable, 503, true},
		{camgate.ErrDecoder, 503, true},
		{camgate.ErrTracksChanged, 503, true},
		{camgate.ErrClosed, 503, true},
		{camgate.ErrNoVideoTrack, 406, false},
		{camgate.ErrUnsupportedCodec, 406, false},
		{camgate.ErrPublisherActive, 409, false},
		{camgate.ErrStreamExists, 409, false},
		{camgate.ErrForbidden, 403, false},
		{camgate.ErrAuthFailed, 401, false},
		{errors.New("anything"), 500, false},
		{&camgate.StreamError{Op: "read", Stream: "x", Err: camgate.ErrNotReady}, 503, true},
		// The camera refused our password: not the viewer's fault.
		{fmt.Errorf("%w: %w", camgate.ErrNotReady, camgate.ErrAuthFailed), 503, true},
		{fmt.Errorf("%w: %w", camgate.ErrConnectionFailed, camgate.ErrAuthFailed), 503, true},
	} {
		code, retry := Status(c.err)
		if code != c.code || (retry > 0) != c.retry {
			t.Errorf("%v: %d, %v, want %d", c.err, code, retry, c.code)
		}
	}
}

func TestFailAnswers(t *testing.T) {
	s := newServer(t, Options{})
	r := do(s, "GET", "/demo/mjpeg")
	var p problem
	decode(t, r, &p)
	if p.Stream != "demo" || p.Error != "MJPEG: not offered by this gateway" {
		t.Errorf("%+v", p)
	}
}
