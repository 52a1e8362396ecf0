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
