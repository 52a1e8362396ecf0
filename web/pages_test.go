package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/camgate/camgate"
)

// TestPagesAreFilled looks for places that no value was put in, and for text from
// outside that became markup.
func TestPagesAreFilled(t *testing.T) {
	registry := camgate.NewRegistry(0)
	if _, err := registry.Add("front/door", camgate.StreamLimits{}); err != nil {
		t.Fatal(err)
	}
	nothing := func(http.ResponseWriter, *http.Request, *camgate.Stream, string) {}
	s, err := New(Options{Registry: registry, Version: "<v1>", Outputs: Outputs{MJPEG: plain(nothing)}})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/":                   `<footer class="foot"><span>camgate &lt;v1&gt;</span>`,
		"/front/door":         `<camgate-player data-stream="front/door"><noscript><img class="player-plain" src="/front/door/mjpeg"`,
		"/nosuch<script>":     `<p class="notice-code">404</p>`,
		"/front/door/whep?%3": `<b>front/door</b>: `,
	} {
		req := httptest.NewRequest(http.MethodGet, "/", nil)
		req.URL.Path = strings.Split(path, "?")[0]
		req.Header.Set("Accept", "text/html")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, req)
		body := w.Body.String()
		if !strings.Contains(body, want) {
			t.Errorf("%s: no %s in\n%s", path, want, body)
		}
		if strings.Contains(body, "{{") || strings.Contains(body, "nosuch<script>") {
			t.Errorf("%s: not filled, or not escaped:\n%s", path, body)
		}
	}
}

// The page to publish from is there for streams that are published.
func TestPublishPage(t *testing.T) {
	registry := camgate.NewRegistry(0)
	for _, name := range []string{"live/obs", "cam"} {
		stream, err := registry.Add(name, camgate.StreamLimits{})
		if err != nil {
			t.Fatal(err)
		}
		stream.SetStatus(camgate.Status{Source: map[string]string{"live/obs": "publish", "cam": "rtsp://cam"}[name]})
	}
	users := camgate.Users{
		{Name: "p", Password: "p", Role: camgate.RolePublisher, Streams: []string{"live/*"}},
		{Name: "v", Password: "v", Role: camgate.RoleViewer}, {Name: "a", Password: "a", Role: camgate.RoleAdmin},
	}
	nothing := func(http.ResponseWriter, *http.Request, *camgate.Stream, string) {}
	s, err := New(Options{Registry: registry, Users: users, RTSP: ":8554", Outputs: Outputs{WHIP: plain(nothing)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path, user string
		code       int
		want       string
	}{
		{"/live/obs/publish", "p", 200, `data-stream="live/obs"`},
		{"/live/obs/publish", "a", 200, `<code class="address-url">rtsp://gw:8554/live/obs</code>`},
		{"/live/obs/publish", "a", 200, `<code class="address-url">http://gw:8889/live/obs/whip</code>`},
		{"/live/obs/publish", "v", 403, "may not publish live/obs"},
		{"/cam/publish", "p", 403, "may not publish cam"},
		{"/cam/publish", "a", 403, "it has a source of its own"},
		{"/nosuch/publish", "a", 404, ""},
		{"/api/v1/streams/live/obs", "a", 200, `"whip":"http://gw:8889/live/obs/whip"`},
		{"/api/v1/streams/live/obs", "v", 200, `"urls":{"page":"http://gw:8889/live/obs","rtsp":"rtsp://gw:8554/live/obs"}`},
		{"/api/v1/streams/cam", "a", 200, `"urls":{"page":"http://gw:8889/cam","rtsp":"rtsp://gw:8554/cam"}`},
	} {
		req := httptest.NewRequest(http.MethodGet, "http://gw:8889"+c.path, nil)
		req.SetBasicAuth(c.user, c.user)
		req.Header.Set("Accept", "text/html")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, req)
		if body := w.Body.String(); w.Code != c.code || !strings.Contains(body, c.want) || strings.Contains(body, "{{") {
			t.Errorf("%s by %s: %d, no %s in\n%s", c.path, c.user, w.Code, c.want, body)
		}
	}
}
