package webrtc

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// gateway is a Server behind HTTP with one stream.
type gateway struct {
	*Server
	stream *camgate.Stream
	url    string // of the stream's endpoint
}

func newGateway(t testing.TB, stream *camgate.Stream, change ...func(*Options)) *gateway {
	t.Helper()
	opts := Options{UDPAddress: "127.0.0.1:0", TCPAddress: "127.0.0.1:0"}
	for _, c := range change {
		c(&opts)
	}
	s, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest, ok := strings.CutPrefix(r.URL.Path, "/cam/whep")
		if !ok {
			http.NotFound(w, r)
			return
		}
		if err := s.Handle(w, r, stream, strings.TrimPrefix(rest, "/")); err != nil {
			http.Error(w, err.Error(), camgate.AnswerTo(err).HTTP)
		}
	}))
	t.Cleanup(func() {
		web.Close()
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(5 * time.Second):
			t.Error("Run does not end")
		}
	})
	return &gateway{s, stream, web.URL + "/cam/whep"}
}

// SPS and PPS of a 320x240 constrained baseline stream.
var (
	testSPS = []byte{0x67, 0x42, 0xc0, 0x15, 0xd9, 0x01, 0x41, 0xfb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0x20, 0xf1, 0x62, 0xe4, 0x80}
	testPPS = []byte{0x68, 0xcb, 0x83, 0xcb, 0x20}
)

func testTrack(t testing.TB, o camgate.TrackOptions) *camgate.Track {
	t.Helper()
	track, err := ingest.NewTrack(o)
	if err != nil {
		t.Fatal(err)
	}
	return track
}

func h264Track(t testing.TB) *camgate.Track {
	return testTrack(t, camgate.TrackOptions{Codec: camgate.H264, Params: &camgate.Params{SPS: testSPS, PPS: testPPS}})
}

func opusTrack(t testing.TB) *camgate.Track {
	return testTrack(t, camgate.TrackOptions{Codec: camgate.Opus, Channels: 2})
}

// program publishes pictures (their number in the payload) and sound.
type program struct {
	t      testing.TB
	stream *camgate.Stream
	writer *ingest.Writer
	frame  int
	pts    time.Duration

	gop, idr, p int // pictures in a GOP; bytes of keyframes and others
	sound       bool
}

const frameTime = 40 * time.Millisecond

func newProgram(t testing.TB, stream *camgate.Stream, sound bool) *program {
	t.Helper()
	tracks := []*camgate.Track{h264Track(t)}
	if sound {
		tracks = append(tracks, opusTrack(t))
	}
	w, err := ingest.NewWriter(stream, tracks)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return &program{t: t, stream: stream, writer: w, gop: 50, idr: 30_000, p: 4_000, sound: sound}
}

// next publishes one picture and the sound that goes with it.
func (p *program) next() {
	size, kind := p.p, byte(0x41)
	au := [][]byte{}
	if p.frame%p.gop == 0 {
		size, kind = p.idr, 0x65
		au = append(au, testSPS, testPPS)
	}
	nal := make([]byte, size)
	nal[0] = kind
	nal[1] = 0x88 // first_mb_in_slice 0
	binary.BigEndian.PutUint32(nal[len(nal)-5:], uint32(p.frame)|0x01010000)
	nal[len(nal)-1] = 0x80
	p.write(ingest.Sample{Track: 0, PTS: int64(p.pts * 90000 / time.Second), AU: append(au, nal)})
	if p.sound {
		for i := range 2 {
			at := p.pts + time.Duration(i)*20*time.Millisecond
			p.write(ingest.Sample{Track: 1, PTS: int64(at * 48000 / time.Second), AU: [][]byte{make([]byte, 80)}})
		}
	}
	p.frame++
	p.pts += frameTime
}

func (p *program) write(s ingest.Sample) {
	if err := p.writer.Write(s); err != nil {
		p.t.Error(err)
	}
}

// run publishes in real time until the test ends.
func (p *program) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(frameTime)
		defer tick.Stop()
		for {
			p.next()
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	p.t.Cleanup(func() { cancel(); <-done })
}

func newStream(t testing.TB) *camgate.Stream {
	s := camgate.NewRendition("cam", camgate.StreamLimits{})
	t.Cleanup(s.Close)
	return s
}

type response struct {
	code   int
	header http.Header
	body   string
}

func (g *gateway) request(t testing.TB, method, url, contentType, body string, header ...string) response {
	t.Helper()
	if strings.HasPrefix(url, "/") {
		url = strings.TrimSuffix(g.url, "/cam/whep") + url
	}
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response{res.StatusCode, res.Header, string(b)}
}

// eventually waits until ok is true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(10 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("not in time: %s", what)
		}
	}
}

// logTo shows the gateway's log in the test's.
func logTo(t testing.TB) func(*Options) {
	l := &testLog{t: t}
	t.Cleanup(l.end)
	return func(o *Options) {
		o.Logger = slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
}

// testLog writes to a test's output until the test ends: the library does not wait for
// all of its goroutines, and what they say then is nobody's any more.
type testLog struct {
	t     testing.TB
	mu    sync.Mutex
	ended bool
}

func (l *testLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return len(b), nil
	}
	return l.t.Output().Write(b)
}

func (l *testLog) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
}
