package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// echo is an output that says how it was called.
func echo(what string) Output {
	return func(w http.ResponseWriter, r *http.Request, stream *camgate.Stream, rest string) {
		fmt.Fprintf(w, "%s %s %s %q", r.Method, what, stream.Name(), rest)
	}
}

func echoes() Outputs {
	return Outputs{WHEP: echo("whep"), WHIP: echo("whip"), HLS: echo("hls"), MJPEG: echo("mjpeg"), Snapshot: echo("snapshot")}
}

func registry(t testing.TB, names ...string) *camgate.Registry {
	t.Helper()
	g := camgate.NewRegistry(0)
	for _, name := range names {
		if _, err := g.Add(name, camgate.StreamLimits{}); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

func newServer(t testing.TB, opts Options) *Server {
	t.Helper()
	if opts.Registry == nil {
		opts.Registry = registry(t, "demo", "live/front", "live")
	}
	s, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// do sends a request to a server. Headers are pairs.
func do(s *Server, method, target string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, "http://localhost:8889/", nil)
	p, query, _ := strings.Cut(target, "?")
	r.URL.Path, r.URL.RawQuery, r.RequestURI = p, query, target
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w.Result()
}

func body(t testing.TB, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestNewNeedsRegistry(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("no error without a registry")
	}
}

func TestRoutes(t *testing.T) {
	s := newServer(t, Options{Outputs: echoes(), Registry: registry(t, "demo", "live", "live/front", "odd/whep", "a.b_c-d")})
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
		{"DELETE", "/api/v1/streams/demo", 405, `"error"`},
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

func TestNotOffered(t *testing.T) {
	s := newServer(t, Options{})
	for _, path := range []string{"whep", "whip", "index.m3u8", "mjpeg", "snapshot.jpg"} {
		r := do(s, "GET", "/demo/"+path)
		if got := body(t, r); r.StatusCode != http.StatusNotImplemented || !strings.Contains(got, "not offered by this gateway") {
			t.Errorf("%s: %d %s", path, r.StatusCode, got)
		}
	}
}

func TestReady(t *testing.T) {
	err := errors.New("rtsp://user:secret@host is down")
	s := newServer(t, Options{Ready: func() error { return err }})
	if r := do(s, "GET", "/readyz"); r.StatusCode != 503 || body(t, r) != "not ready\n" {
		t.Errorf("%d", r.StatusCode)
	}
	if r := do(s, "GET", "/healthz"); r.StatusCode != 200 {
		t.Errorf("healthz: %d", r.StatusCode)
	}
	err = nil
	if r := do(s, "GET", "/readyz"); r.StatusCode != 200 {
		t.Errorf("%d", r.StatusCode)
	}
}

func TestErrorPages(t *testing.T) {
	s := newServer(t, Options{Outputs: echoes()})
	r := do(s, "GET", "/nope<script>", "Accept", "text/html,*/*;q=0.8")
	got := body(t, r)
	if r.StatusCode != 404 || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") || strings.Contains(got, "<script>") {
		t.Errorf("%d %s", r.StatusCode, got)
	}
	r = do(s, "GET", "/nope", "Accept", "text/html,*/*;q=0.8")
	if got := body(t, r); !strings.Contains(got, "nope") || !strings.Contains(got, "stream not found") {
		t.Errorf("%s", got)
	}
	r = do(s, "GET", "/api/v1/streams/nope", "Accept", "text/html,*/*;q=0.8")
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		t.Error("the API answers people in JSON too")
	}
}

func TestPanicIsAnswered(t *testing.T) {
	s := newServer(t, Options{Outputs: Outputs{MJPEG: func(http.ResponseWriter, *http.Request, *camgate.Stream, string) { panic("oops") }}})
	r := do(s, "GET", "/demo/mjpeg")
	if got := body(t, r); r.StatusCode != 500 || strings.Contains(got, "oops") {
		t.Errorf("%d %s", r.StatusCode, got)
	}
}

func TestBodyLimit(t *testing.T) {
	var got error
	s := newServer(t, Options{Limits: Limits{Body: 10}, Outputs: Outputs{WHEP: func(w http.ResponseWriter, r *http.Request, _ *camgate.Stream, _ string) {
		_, got = io.ReadAll(r.Body)
	}}})
	srv := httptest.NewServer(s.Handler())
	defer srv.Close()
	r, err := http.Post(srv.URL+"/demo/whep", "application/sdp", strings.NewReader(strings.Repeat("v", 11)))
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	var tooLarge *http.MaxBytesError
	if !errors.As(got, &tooLarge) {
		t.Errorf("the output read a body that is too large: %v", got)
	}
}

func TestRequestLimit(t *testing.T) {
	inside, leave := make(chan struct{}), make(chan struct{})
	s := newServer(t, Options{Limits: Limits{Requests: 1}, Outputs: Outputs{MJPEG: func(http.ResponseWriter, *http.Request, *camgate.Stream, string) {
		close(inside)
		<-leave
	}}})
	done := make(chan struct{})
	go func() { defer close(done); do(s, "GET", "/demo/mjpeg") }()
	<-inside
	if r := do(s, "GET", "/healthz"); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("%d over the limit", r.StatusCode)
	}
	close(leave)
	<-done
	if r := do(s, "GET", "/healthz"); r.StatusCode != 200 {
		t.Errorf("%d after it", r.StatusCode)
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
		if got.stream != nil && got.stream.Name() != got.name {
			t.Errorf("%q: stream %q for %q", p, got.stream.Name(), got.name)
		}
		if strings.Contains(got.rest, "/") || got.rest != "" && !strings.HasSuffix(p, "/"+got.rest) {
			t.Errorf("%q: rest %q", p, got.rest)
		}
	})
}
