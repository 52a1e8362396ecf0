package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/camgate/camgate"
)

// echo is an output that says how it was called.
func echo(what string) Output {
	return plain(func(w http.ResponseWriter, r *http.Request, stream *camgate.Stream, rest string) {
		fmt.Fprintf(w, "%s %s %s %q", r.Method, what, stream.Name(), rest)
	})
}

// plain is an output that never fails.
func plain(h func(http.ResponseWriter, *http.Request, *camgate.Stream, string)) Output {
	return func(w http.ResponseWriter, r *http.Request, stream *camgate.Stream, rest string) error {
		h(w, r, stream, rest)
		return nil
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
	s := newServer(t, Options{Outputs: Outputs{MJPEG: plain(func(http.ResponseWriter, *http.Request, *camgate.Stream, string) { panic("oops") })}})
	r := do(s, "GET", "/demo/mjpeg")
	if got := body(t, r); r.StatusCode != 500 || strings.Contains(got, "oops") {
		t.Errorf("%d %s", r.StatusCode, got)
	}
}

func TestBodyLimit(t *testing.T) {
	var got error
	s := newServer(t, Options{Limits: Limits{Body: 10}, Outputs: Outputs{WHEP: plain(func(w http.ResponseWriter, r *http.Request, _ *camgate.Stream, _ string) {
		_, got = io.ReadAll(r.Body)
	})}})
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
	s := newServer(t, Options{Limits: Limits{Requests: 1}, Outputs: Outputs{MJPEG: plain(func(http.ResponseWriter, *http.Request, *camgate.Stream, string) {
		close(inside)
		<-leave
	})}})
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
