package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

func TestRoutes(t *testing.T) {
	s := newServer(t, Options{Outputs: echoes(), Registry: registry(t, "demo", "live", "live/front", "odd/whep", "a.b_c-d", "jpeg", "jpeg/mjpeg")})
	long := "/" + strings.Repeat("a/", 400)
	for _, c := range []struct {
		method, path string
		code         int
		want         string // contained in the body
	}{
		{"GET", "/", 200, "<!doctype html"},
		{"HEAD", "/", 200, ""},
		{"POST", "/", 405, `"error"`},
		{"GET", "/healthz", 200, "ok"},
		{"GET", "/readyz", 200, "ready"},
		{"GET", "/metrics", 200, "camgate_stream_state"},
		{"GET", "/api/v1/streams", 200, `"streams"`},
		{"GET", "/api/v1/streams/live/front", 200, `"name":"live/front"`},
		{"GET", "/api/v1/streams/nope", 404, `{"error":"stream not found","stream":"nope"}`},
		{"DELETE", "/api/v1/streams/demo", 405, "DELETE is not possible here: GET, HEAD, PATCH"},
		{"GET", "/api/webrtc", 405, "GET is not possible here: POST"},
		{"GET", "/api/v2/streams", 404, `"error"`},
		{"GET", "/api", 404, `"error"`},
		{"GET", "/assets/nope.js", 404, `"error"`},
		{"GET", "/assets/", 404, `"error"`},
		{"GET", "/assets/../pages/error.html", 404, `"error"`},

		{"GET", "/demo", 200, "<!doctype html"},
		{"HEAD", "/demo", 200, ""},
		{"POST", "/demo", 405, `"error"`},
		{"GET", "/demo/", 301, ""},
		{"POST", "/demo/whep", 200, `POST whep demo ""`},
		{"GET", "/demo/whep", 200, `GET whep demo ""`},
		{"DELETE", "/demo/whep/0f3a", 200, `DELETE whep demo "0f3a"`},
		{"PATCH", "/demo/whep/0f3a", 200, `PATCH whep demo "0f3a"`},
		{"POST", "/demo/whip", 200, `POST whip demo ""`},
		{"DELETE", "/demo/whip/x", 200, `DELETE whip demo "x"`},
		{"GET", "/demo/whep/a/b", 404, "no such page or output"},
		{"GET", "/demo/whep/", 404, "no such page or output"},
		{"GET", "/demo/index.m3u8", 200, `GET hls demo "index.m3u8"`},
		{"GET", "/demo/index.m3u8?_HLS_msn=5&_HLS_part=1", 200, `GET hls demo "index.m3u8"`},
		{"HEAD", "/demo/index.m3u8", 200, ""},
		{"GET", "/demo/x_seg12.mp4", 200, `GET hls demo "x_seg12.mp4"`},
		{"GET", "/demo/init.m4s", 200, `GET hls demo "init.m4s"`},
		{"GET", "/demo/seg.ts", 200, `GET hls demo "seg.ts"`},
		{"POST", "/demo/index.m3u8", 405, `"stream":"demo"`},
		{"GET", "/demo/x.key", 404, "no such page or output"},
		{"GET", "/demo/a/index.m3u8", 404, "no such page or output"},
		{"GET", "/demo/mjpeg", 200, `GET mjpeg demo ""`},
		{"GET", "/demo/mjpeg/", 404, "no such page or output"},
		{"GET", "/demo/snapshot.jpg", 200, `GET snapshot demo ""`},
		{"PUT", "/demo/snapshot.jpg", 405, `"stream":"demo"`},

		// The longest name wins.
		{"GET", "/live/mjpeg", 200, `GET mjpeg live ""`},
		{"GET", "/live/front/mjpeg", 200, `GET mjpeg live/front ""`},
		{"GET", "/live/front", 200, "<!doctype html"},
		{"GET", "/live/back", 404, `"stream":"live"`},
		{"GET", "/odd/whep", 200, "<!doctype html"},
		{"GET", "/odd/whep/whep", 200, `GET whep odd/whep ""`},
		{"GET", "/odd/mjpeg", 404, `{"error":"stream not found","stream":"odd"}`},
		{"GET", "/a.b_c-d/mjpeg", 200, `GET mjpeg a.b_c-d ""`},

		// A rendition in place of what would be made otherwise.
		{"GET", "/jpeg/mjpeg", 200, `GET mjpeg jpeg/mjpeg ""`},
		{"GET", "/jpeg/mjpeg/snapshot.jpg", 200, `GET snapshot jpeg/mjpeg ""`},

		// Streams that are not there.
		{"GET", "/nope", 404, `{"error":"stream not found","stream":"nope"}`},
		{"GET", "/nope/", 404, `"stream":"nope"`},
		{"POST", "/nope/whep", 404, `{"error":"stream not found","stream":"nope"}`},
		{"DELETE", "/no/pe/whep/id", 404, `"stream":"no/pe"`},
		{"GET", "/demofoo/mjpeg", 404, `"stream":"demofoo"`},

		// Nasty ones, after decoding.
		{"GET", "//", 404, `"error"`},
		{"GET", "//demo", 404, `"error"`},
		{"GET", "/demo//mjpeg", 404, `"error"`},
		{"GET", "/demo/../live/mjpeg", 404, `"error"`},
		{"GET", "/./demo", 404, `"error"`},
		{"GET", "/live/../../etc/passwd", 404, `"error"`},
		{"GET", "/demo\x00", 404, `"error"`},
		{"GET", "/demo ", 404, `"error"`},
		{"GET", "/démo", 404, `"error"`},
		{"GET", "/metrics/", 404, `"error"`},
		{"GET", "/metrics/mjpeg", 404, `"error"`},
		{"GET", "/" + strings.Repeat("a", 400), 404, `"error"`},
		{"GET", long, 414, `"error"`},
	} {
		t.Run(c.method+" "+c.path[:min(40, len(c.path))], func(t *testing.T) {
			r := do(s, c.method, c.path)
			if allow := r.Header.Get("Allow"); (r.StatusCode == http.StatusMethodNotAllowed) != (allow != "") { // RFC 9110 section 15.5.6
				t.Errorf("%d with Allow: %q", r.StatusCode, allow)
			}
			if got := body(t, r); r.StatusCode != c.code || !strings.Contains(strings.ToLower(got), strings.ToLower(c.want)) {
				t.Errorf("%d %s\nwant %d with %s", r.StatusCode, got, c.code, c.want)
			}
		})
	}
}

// TestEncodedPaths goes the whole way through a real server, as a client may write
// any character in another way.
func TestEncodedPaths(t *testing.T) {
	s := newServer(t, Options{Outputs: echoes()})
	srv := httptest.NewServer(s.Handler())
	defer srv.Close()
	for path, want := range map[string]string{
		"/live%2Ffront/mjpeg":   `GET mjpeg live/front ""`,
		"/%64emo/mjpeg":         `GET mjpeg demo ""`,
		"/demo/%2e%2e/mjpeg":    `no such page or output`,
		"/demo%2F":              ``, // redirected
		"/%2e%2e/demo":          `there is nothing here`,
		"/demo%00/mjpeg":        `there is nothing here`,
		"/demo/whep/%2e%2e%2fx": `no such page or output`,
		"/%2Fexample.com/":      `there is nothing here`,
	} {
		c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		r, err := c.Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		if got := body(t, r); !strings.Contains(got, want) {
			t.Errorf("%s: %d %s, want %s", path, r.StatusCode, got, want)
		}
		r.Body.Close()
		if to := r.Header.Get("Location"); to != "" && to != "/demo" {
			t.Errorf("%s: redirected to %s", path, to)
		}
	}
}

func FuzzResolve(f *testing.F) {
	for _, p := range []string{"/demo", "/live/front/whep/x", "/live/../x", "//", "/demo/index.m3u8", "/" + strings.Repeat("a/", 300)} {
		f.Add(p)
	}
	g := registry(f, "demo", "live", "live/front", "odd/whep")
	f.Fuzz(func(t *testing.T, p string) {
		start := time.Now()
		got := resolve(g, p)
		if time.Since(start) > time.Second {
			t.Error("slow")
		}
		if got.name == "" {
			if got.stream != nil || got.output != outUnknown || got.rest != "" {
				t.Errorf("%q: no name but %+v", p, got)
			}
			return
		}
		if err := camgate.ValidName(got.name); err != nil {
			t.Errorf("%q: %v", p, err)
		}
		if !strings.HasPrefix(p, "/"+got.name) {
			t.Errorf("%q: %q is not its beginning", p, got.name)
		}
		if got.stream != nil && got.stream.Name() != got.name && got.stream.Name() != got.name+mjpegTail {
			t.Errorf("%q: stream %q for %q", p, got.stream.Name(), got.name)
		}
		if strings.Contains(got.rest, "/") || got.rest != "" && !strings.HasSuffix(p, "/"+got.rest) {
			t.Errorf("%q: rest %q", p, got.rest)
		}
	})
}
