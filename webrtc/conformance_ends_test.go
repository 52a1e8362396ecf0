package webrtc

import (
	"net/http"
	"testing"
	"time"

	pion "github.com/pion/webrtc/v4"
)

// DELETE ends the session at once, whatever If-Match says; the viewer is told.
func TestConformanceDelete(t *testing.T) {
	g, _ := live(t)
	v := g.join(t, clientOptions{})
	v.wait("a picture", func() bool { return len(v.packets["video"]) > 0 })
	if r := g.request(t, "DELETE", v.location, "", "", "If-Match", `"other"`); r.code != http.StatusOK {
		t.Errorf("%d %s", r.code, r.body)
	}
	if n := g.Sessions(); n != 0 {
		t.Errorf("%d sessions", n)
	}
	eventually(t, "the viewer is told", func() bool { return v.pc.ConnectionState() == pion.PeerConnectionStateClosed })
	for _, method := range []string{"GET", "PATCH", "DELETE"} {
		if r := g.request(t, method, v.location, typeFragment, "a=end-of-candidates\r\n", "If-Match", "*"); r.code != http.StatusNotFound {
			t.Errorf("%s after it: %d", method, r.code)
		}
	}
}

// A player closes its connection and says DELETE, and the first good-bye may arrive first: the
// second one is none the less answered as a good-bye, once.
func TestConformanceDeleteAfterGoodbye(t *testing.T) {
	g, _ := live(t)
	v := g.join(t, clientOptions{})
	v.wait("a picture", func() bool { return len(v.packets["video"]) > 0 })
	if err := v.pc.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the session ends", func() bool { return g.Sessions() == 0 })
	for _, want := range []struct {
		method string
		code   int
	}{{"GET", http.StatusNotFound}, {"DELETE", http.StatusOK}, {"DELETE", http.StatusNotFound}} {
		if r := g.request(t, want.method, v.location, "", ""); r.code != want.code {
			t.Errorf("%s: %d, want %d", want.method, r.code, want.code)
		}
	}
}

// A viewer that is silent, for whatever reason, loses its session (RFC 7675), and so
// does one that never connects.
func TestConformanceConsent(t *testing.T) {
	g, offer := live(t, func(o *Options) { o.ReaderTimeout, o.connectTimeout = time.Second, 500*time.Millisecond })
	// A socket that gets everything and says nothing any more.
	var quiet quietNet
	v := g.join(t, clientOptions{settings: quiet.apply(t)})
	v.wait("a picture", func() bool { return len(v.packets["video"]) > 0 })
	began := time.Now()
	quiet.mute.Store(true)
	eventually(t, "the silent one is gone", func() bool { return g.Sessions() == 0 })
	if d := time.Since(began); d < 500*time.Millisecond || d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
	g.request(t, "POST", g.url, typeSDP, offer)
	eventually(t, "the one that does not connect is gone", func() bool { return g.Sessions() == 0 })
}
