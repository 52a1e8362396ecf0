package mjpeg

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/jpeg"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/internal/frameno"
)

// fixture is a server with one stream, and what it leaves behind is checked.
type fixture struct {
	*Server
	t        testing.TB
	registry *camgate.Registry
	stream   *camgate.Stream
	http     *httptest.Server
	log      *logText
}

func start(t testing.TB, opts Options) *fixture {
	t.Helper()
	goroutines, files, children := runtime.NumGoroutine(), openFiles(t), len(childrenOf(t, os.Getpid()))
	t.Cleanup(func() {
		eventually(t, "nothing is left", func() bool {
			return runtime.NumGoroutine() <= goroutines && openFiles(t) <= files && len(childrenOf(t, os.Getpid())) <= children
		}, func() string {
			stacks := make([]byte, 1<<20)
			return strconv.Itoa(openFiles(t)) + " files, " + strconv.Itoa(files) + " before\n" + string(stacks[:runtime.Stack(stacks, true)])
		})
	})
	log := &logText{}
	opts.Logger = slog.New(slog.NewTextHandler(io.MultiWriter(t.Output(), log), &slog.HandlerOptions{Level: slog.LevelDebug}))
	f := &fixture{Server: New(opts), t: t, registry: camgate.NewRegistry(0), log: log}
	var err error
	if f.stream, err = f.registry.Add("cam", camgate.StreamLimits{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := f.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	f.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, _ := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/"), "/mjpeg")
		name, snapshot := strings.CutSuffix(name, "/snapshot.jpg")
		s, err := f.registry.Get(name)
		switch {
		case err != nil:
			http.NotFound(w, r)
		case snapshot:
			answer(w, s, f.Snapshot(w, r, s, ""))
		default:
			answer(w, s, f.Stream(w, r, s, ""))
		}
	}))
	// What waits at the viewer's end is not our doing: little, please.
	f.http.Client().Transport.(*http.Transport).DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return conn, conn.(*net.TCPConn).SetReadBuffer(64 << 10)
	}
	t.Cleanup(func() {
		begin := time.Now()
		cancel()
		wg.Wait()
		if d := time.Since(begin); d > 2*time.Second {
			t.Errorf("the end took %v", d)
		}
		f.http.Close()
		f.http.Client().CloseIdleConnections()
	})
	return f
}

// part is one picture that a viewer got.
type part struct {
	file  []byte
	at    time.Time // when it was taken
	delay time.Duration
}

func (p *part) decode(t testing.TB) image.Image {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(p.file))
	if err != nil {
		t.Fatalf("JPEG of %d bytes: %v", len(p.file), err)
	}
	return img
}

func (p *part) number(t testing.TB) int {
	t.Helper()
	n, ok := frameno.Read(p.decode(t))
	if !ok {
		t.Fatal("a picture without a number")
	}
	return n
}

// viewer reads a multipart response.
type viewer struct {
	t    testing.TB
	body io.ReadCloser
	mr   *multipart.Reader
}

func (f *fixture) view() *viewer {
	f.t.Helper()
	resp, err := f.http.Client().Get(f.http.URL + "/cam/mjpeg")
	if err != nil {
		f.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(resp.Body)
		f.t.Fatalf("status %s: %s", resp.Status, b)
	}
	return viewerOf(f.t, resp)
}

func viewerOf(t testing.TB, resp *http.Response) *viewer {
	t.Helper()
	typ, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || typ != "multipart/x-mixed-replace" {
		t.Fatalf("Content-Type %q: %v", resp.Header.Get("Content-Type"), err)
	}
	v := &viewer{t: t, body: resp.Body, mr: multipart.NewReader(resp.Body, params["boundary"])}
	t.Cleanup(v.close)
	return v
}

func (v *viewer) close() { v.body.Close() }

func (v *viewer) next() (*part, error) {
	p, err := v.mr.NextRawPart()
	if err != nil {
		return nil, err
	}
	file, err := io.ReadAll(p)
	if err != nil {
		return nil, err
	}
	if got := p.Header.Get("Content-Length"); got != strconv.Itoa(len(file)) {
		v.t.Errorf("Content-Length %s of %d bytes", got, len(file))
	}
	if got := p.Header.Get("Content-Type"); got != "image/jpeg" {
		v.t.Errorf("Content-Type %q", got)
	}
	s, err := strconv.ParseFloat(p.Header.Get("X-Timestamp"), 64)
	if err != nil {
		v.t.Errorf("X-Timestamp: %v", err)
	}
	at := time.UnixMicro(int64(s * 1e6))
	return &part{file: file, at: at, delay: time.Since(at)}, nil
}

func (v *viewer) must() *part {
	v.t.Helper()
	p, err := v.next()
	if err != nil {
		v.t.Fatal(err)
	}
	return p
}

// get makes a request and returns the response with its body.
func (f *fixture) get(method, path string, header ...string) (*http.Response, []byte) {
	f.t.Helper()
	req, err := http.NewRequest(method, f.http.URL+path, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := f.http.Client().Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return resp, b
}

// reasonIn returns the text of an error response.
func reasonIn(t testing.TB, body []byte) string {
	t.Helper()
	var e struct{ Error, Stream string }
	if err := json.Unmarshal(body, &e); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	if e.Stream != "cam" {
		t.Errorf("stream %q in %s", e.Stream, body)
	}
	return e.Error
}

// script makes a program that is a shell script.
func script(t testing.TB, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "ffmpeg")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// childrenOf lists the processes whose parent pid is, zombies included.
func childrenOf(t testing.TB, pid int) (pids []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range stats {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) > 1 && string(fields[1]) == strconv.Itoa(pid) {
			child, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			pids = append(pids, child)
		}
	}
	return pids
}

func openFiles(t testing.TB) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// eventually polls until ok.
func eventually(t testing.TB, what string, ok func() bool, explain ...func() string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(5 * time.Second); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			text := ""
			for _, f := range explain {
				text = f()
			}
			t.Fatalf("not so in 5 s: %s %s", what, text)
		}
	}
}

// answer tells a client of an error as the gateway does.
func answer(w http.ResponseWriter, s *camgate.Stream, err error) {
	if err == nil {
		return
	}
	a := camgate.AnswerTo(err)
	if a.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(a.RetryAfter.Seconds())))
	}
	w.WriteHeader(a.HTTP)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error(), "stream": s.Name()})
}
