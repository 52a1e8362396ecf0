package mjpeg

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// deaf is a decoder that reads nothing, says nothing and does not mind SIGTERM,
// and has a child of the same kind.
const deaf = "trap '' TERM INT HUP\nsleep 1000 &\nwhile :; do sleep 1; done\n"

func TestErrors(t *testing.T) {
	none := filepath.Join(t.TempDir(), "ffmpeg")
	for _, tt := range []struct {
		name   string
		opts   Options
		limits camgate.StreamLimits
		codec  camgate.Codec // that is published; empty: nothing is
		do     func(*fixture)
		code   int
		reason string
		retry  bool
	}{
		{name: "no ffmpeg", opts: Options{FFmpeg: none}, codec: camgate.H264, code: 501, reason: "apt install ffmpeg"},
		{name: "no video", codec: camgate.Opus, code: 406, reason: "no video track"},
		{name: "another codec", codec: "H263", code: 406, reason: "H263 cannot be made into JPEG"},
		{name: "nothing yet", opts: Options{StartTimeout: 100 * time.Millisecond}, code: 503, reason: "not ready", retry: true},
		{
			name: "source failed", code: 503, reason: "not ready: retrying: connection failed", retry: true,
			do: func(f *fixture) {
				f.stream.SetStatus(camgate.Status{State: camgate.StateFailed, Err: camgate.ErrAuthFailed})
				f.stream.SetStatus(camgate.Status{State: camgate.StateRetrying, Err: camgate.ErrConnectionFailed, Retry: time.Now().Add(time.Hour)})
			},
		},
		{
			name: "password refused by the camera", code: 503, reason: "authentication failed", retry: true,
			do: func(f *fixture) {
				f.stream.SetStatus(camgate.Status{State: camgate.StateFailed, Err: camgate.ErrAuthFailed, Retry: time.Now().Add(time.Hour)})
			},
		},
		{name: "stream gone", code: 503, reason: "closed", retry: true, do: func(f *fixture) { f.stream.Close() }},
		{name: "decoder fails", opts: Options{FFmpeg: "false"}, codec: camgate.H264, code: 503, reason: "decoder error: false: exit status 1", retry: true},
		{name: "decoder says why", opts: Options{FFmpeg: script(t, "echo my back hurts >&2; exit 2")}, codec: camgate.H264, code: 503, reason: "exit status 2: my back hurts", retry: true},
		{name: "decoder talks nonsense", opts: Options{FFmpeg: script(t, "echo hello, is it me you are looking for; cat >/dev/null")}, codec: camgate.H264, code: 503, reason: "not an SMJPEG stream", retry: true},
		{name: "decoder ends well, without a picture", opts: Options{FFmpeg: "true"}, codec: camgate.H264, code: 503, reason: "decoder error", retry: true},
		{name: "decoder hangs", opts: Options{FFmpeg: script(t, deaf), StartTimeout: 2 * time.Second, StallTimeout: 300 * time.Millisecond, SnapshotTimeout: 300 * time.Millisecond},
			codec: camgate.H264, code: 503, reason: "timeout: the decoder", retry: true},
	} {
		for _, path := range []string{"/cam/mjpeg", "/cam/snapshot.jpg"} {
			t.Run(tt.name+path[4:], func(t *testing.T) {
				c := h264Clip(t)
				f := start(t, tt.opts)
				switch tt.codec {
				case "":
				case camgate.H264:
					play(t, f.stream, c)
				default:
					publishOther(t, f.stream, tt.codec)
				}
				if tt.do != nil {
					tt.do(f)
				}
				begin := time.Now()
				resp, body := f.get("GET", path)
				if resp.StatusCode != tt.code {
					t.Fatalf("%s: %s", resp.Status, body)
				}
				if got := reasonIn(t, body); !strings.Contains(got, tt.reason) {
					t.Errorf("reason %q, want %q", got, tt.reason)
				}
				if got := resp.Header.Get("Retry-After") != ""; got != tt.retry {
					t.Errorf("Retry-After %q", resp.Header.Get("Retry-After"))
				}
				if d := time.Since(begin); d > 5*time.Second {
					t.Errorf("it took %v", d)
				}
				eventually(t, "no child", func() bool { return len(childrenOf(t, os.Getpid())) == 0 })
			})
		}
	}
}

// publishOther starts a stream of one track that cannot be made into JPEG.
func publishOther(t *testing.T, s *camgate.Stream, codec camgate.Codec) {
	t.Helper()
	o := camgate.TrackOptions{Codec: codec, ClockRate: 90000, PayloadType: 99, RTPMap: string(codec) + "/90000"}
	if !codec.Understood() {
		o.Kind = camgate.Video
	}
	track, err := ingest.NewTrack(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Start([]*camgate.Track{track}); err != nil {
		t.Fatal(err)
	}
}

func TestLimits(t *testing.T) {
	c := h264Clip(t)
	t.Run("decoders", func(t *testing.T) {
		f := start(t, Options{MaxDecoders: 1})
		other, err := f.registry.Add("other", camgate.StreamLimits{})
		if err != nil {
			t.Fatal(err)
		}
		play(t, f.stream, c)
		play(t, other, c)
		f.view().must()
		resp, body := f.get("GET", "/other/mjpeg")
		if resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "as many decoders run as are permitted") {
			t.Errorf("%s: %s", resp.Status, body)
		}
	})
	t.Run("viewers", func(t *testing.T) {
		f := start(t, Options{})
		var err error
		f.registry.Remove("cam")
		if f.stream, err = f.registry.Add("cam", camgate.StreamLimits{MaxReaders: 1}); err != nil {
			t.Fatal(err)
		}
		play(t, f.stream, c)
		f.view().must()
		resp, body := f.get("GET", "/cam/mjpeg")
		if resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "too many readers: the limit is 1") {
			t.Errorf("%s: %s", resp.Status, body)
		}
	})
}

// TestAfterTheEnd asks a server that has ended.
func TestAfterTheEnd(t *testing.T) {
	s := New(Options{})
	stream := camgate.NewRendition("cam", camgate.StreamLimits{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
	for _, h := range []func(http.ResponseWriter, *http.Request, *camgate.Stream, string) error{s.Stream, s.Snapshot} {
		w := httptest.NewRecorder()
		if err := h(w, httptest.NewRequest("GET", "/", nil), stream, ""); camgate.AnswerTo(err).HTTP != http.StatusServiceUnavailable {
			t.Errorf("%v", err)
		}
		w = httptest.NewRecorder()
		if err := h(w, httptest.NewRequest("GET", "/", nil), stream, "more"); err != nil || w.Code != http.StatusNotFound {
			t.Errorf("a longer path: status %d, %v", w.Code, err)
		}
	}
}

func TestMethods(t *testing.T) {
	f := start(t, Options{})
	play(t, f.stream, h264Clip(t))
	for _, path := range []string{"/cam/mjpeg", "/cam/snapshot.jpg"} {
		for method, want := range map[string]int{"OPTIONS": 204, "POST": 405, "DELETE": 405, "HEAD": 200} {
			resp, body := f.get(method, path)
			if resp.StatusCode != want || method == "HEAD" && len(body) != 0 {
				t.Errorf("%s %s: %s", method, path, resp.Status)
			}
		}
	}
	if st := f.Stats(); st.Decoders != 0 {
		t.Error("HEAD started a decoder")
	}
}

// TestNewOption has an ffmpeg that does not know the option of before any more.
func TestNewOption(t *testing.T) {
	f := start(t, Options{FFmpeg: script(t, `case "$*" in *-vsync*) echo "Unrecognized option 'vsync'." >&2; exit 8;; esac
exec ffmpeg "$@"`)})
	play(t, f.stream, h264Clip(t))
	v := f.view()
	for range 5 {
		v.must()
	}
	if st := f.Stats(); st.Decoders != 2 || st.Failures != 0 {
		t.Errorf("%+v", st)
	}
}

func TestQuantizer(t *testing.T) {
	for quality, want := range map[int]int{1: 31, 30: 28, 50: 17, 70: 10, 85: 5, 90: 3, 100: 2} {
		if got := quantizer(quality); got != want {
			t.Errorf("quality %d: %d, want %d", quality, got, want)
		}
	}
}
