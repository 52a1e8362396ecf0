package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// run starts a server on a free port and returns its address and how to end it.
func run(t *testing.T, s *Server) (url string, stop func() (time.Duration, error)) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, l) }()
	return "http://" + l.Addr().String(), func() (time.Duration, error) {
		start := time.Now()
		cancel()
		err := <-done
		return time.Since(start), err
	}
}

func TestRunEndsStreamingAnswers(t *testing.T) {
	ended := make(chan error, 2)
	wait := func(w http.ResponseWriter, r *http.Request, _ *camgate.Stream, _ string) {
		fmt.Fprintln(w, "first")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		<-r.Context().Done()
		ended <- r.Context().Err()
	}
	s := newServer(t, Options{Outputs: Outputs{MJPEG: plain(wait), HLS: plain(wait)}})
	url, stop := run(t, s)
	for _, path := range []string{"/demo/mjpeg", "/demo/index.m3u8"} {
		r, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		if line, err := bufio.NewReader(r.Body).ReadString('\n'); line != "first\n" {
			t.Fatalf("%q %v", line, err)
		}
	}
	took, err := stop()
	if err != nil || took > 2*time.Second {
		t.Errorf("Run ended after %v with %v", took, err)
	}
	for range 2 {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("context: %v", err)
		}
	}
}

func TestRunCutsOffWhoDoesNotEnd(t *testing.T) {
	leave, left, inside := make(chan struct{}), make(chan struct{}), make(chan struct{})
	s := newServer(t, Options{Outputs: Outputs{MJPEG: plain(func(w http.ResponseWriter, r *http.Request, _ *camgate.Stream, _ string) {
		defer close(left)
		close(inside)
		<-leave
	})}})
	url, stop := run(t, s)
	go func() {
		if r, err := http.Get(url + "/demo/mjpeg"); err == nil {
			r.Body.Close()
		}
	}()
	<-inside
	took, err := stop()
	if err != nil || took > 2*time.Second {
		t.Errorf("Run ended after %v with %v", took, err)
	}
	close(leave)
	<-left
}

// TestRunDoesNotWaitForSilentConnections: browsers open connections in advance.
func TestRunDoesNotWaitForSilentConnections(t *testing.T) {
	url, stop := run(t, newServer(t, Options{}))
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, err := http.Get(url + "/healthz") // the one before has been accepted by then
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if took, err := stop(); err != nil || took > time.Second {
		t.Errorf("Run ended after %v with %v", took, err)
	}
}

func TestRunListenerFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := newServer(t, Options{}).Run(t.Context(), l); err == nil {
		t.Error("no error")
	}
}

func TestViewerWhoLeavesEndsTheOutput(t *testing.T) {
	ended := make(chan struct{})
	s := newServer(t, Options{Outputs: Outputs{MJPEG: plain(func(w http.ResponseWriter, r *http.Request, _ *camgate.Stream, _ string) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(ended)
	})}})
	url, stop := run(t, s)
	r, err := http.Get(url + "/demo/mjpeg")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	<-ended
	if _, err := stop(); err != nil {
		t.Error(err)
	}
}

func TestAssets(t *testing.T) {
	s := newServer(t, Options{})
	const name = "style.css"
	versioned := s.assets.base() + "/" + name
	r := do(s, "GET", versioned)
	plain := body(t, r)
	if r.StatusCode != 200 || !strings.Contains(r.Header.Get("Cache-Control"), "immutable") || r.Header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("%d %v", r.StatusCode, r.Header)
	}
	if r := do(s, "GET", "/assets/"+name, "If-None-Match", r.Header.Get("ETag")); r.StatusCode != 304 || r.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("%d %v", r.StatusCode, r.Header)
	}
	if r := do(s, "GET", "/assets/000000000000/"+name); r.StatusCode != 404 {
		t.Errorf("another version: %d", r.StatusCode)
	}
	for header, zipped := range map[string]bool{"gzip": true, "br, gzip;q=0.5": true, "gzip;q=0": false, "br": false, "": false} {
		r := do(s, "GET", versioned, "Accept-Encoding", header)
		if got := r.Header.Get("Content-Encoding") == "gzip"; got != zipped {
			t.Errorf("%q: gzip %v", header, got)
		}
		if !zipped && body(t, r) != plain {
			t.Errorf("%q: another body", header)
		}
	}
	// What lies compressed in the binary is there for those that do not take it so, too.
	packed := "/assets/vendor/hls.min.mjs"
	if r := do(s, "GET", packed); !strings.Contains(body(t, r), "export") || r.Header.Get("Content-Type") != "text/javascript; charset=utf-8" || r.Header.Get("Content-Encoding") != "" {
		t.Errorf("%s: %v", packed, r.Header)
	}
	if r := do(s, "GET", packed, "Accept-Encoding", "gzip"); r.Header.Get("Content-Encoding") != "gzip" || !strings.HasPrefix(body(t, r), "\x1f\x8b") {
		t.Errorf("%s: %v", packed, r.Header)
	}
	// Whatever pages ask for must be there.
	for _, page := range []string{"/", "/demo", "/nope"} {
		html := body(t, do(s, "GET", page, "Accept", "text/html"))
		for _, part := range strings.Split(html, `"`+s.assets.base()+"/")[1:] {
			asset, _, _ := strings.Cut(part, `"`)
			if s.assets.files[asset] == nil {
				t.Errorf("%s asks for %s", page, asset)
			}
		}
		if strings.Contains(html, "http://") || strings.Contains(html, "https://") {
			t.Errorf("%s refers to another host", page)
		}
	}
}

func BenchmarkDispatch(b *testing.B) {
	s := newServer(b, Options{Outputs: Outputs{HLS: plain(func(w http.ResponseWriter, _ *http.Request, _ *camgate.Stream, _ string) {
		_, _ = io.WriteString(w, "x")
	})}})
	b.ReportAllocs()
	for b.Loop() {
		do(s, "GET", "/live/front/index.m3u8")
	}
}
