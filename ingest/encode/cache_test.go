package encode

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// TestCache looks at what is kept, and at what is made of files that are damaged.
func TestCache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	want := Settings{Codec: camgate.MJPEG, Width: 320, Height: 240, Encoder: "mjpeg"}
	prove := func() *Encoders {
		e := New(Options{StateDir: dir})
		list, err := e.Prove(t.Context(), want)
		if err != nil || len(list) != 1 || !list[0].Works || !list[0].Chosen {
			t.Fatalf("%+v, %v", list, err)
		}
		return e
	}
	e := prove()
	file := filepath.Join(dir, cacheFile)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	again := prove()
	for k, p := range e.proofs {
		if !again.proofs[k].When.Equal(p.When) {
			t.Errorf("%s was tried again", k)
		}
	}
	for name, content := range map[string]string{
		"empty": "", "cut": string(whole[:len(whole)/2]), "no JSON": "\x00\x01", "null": "null", "array": "[]", "wrong types": `{"version":"1"}`,
		"another version": strings.Replace(string(whole), `"version": 1`, `"version": 2`, 1),
		"another machine": strings.Replace(string(whole), `"machine": "`, `"machine": "0`, 1),
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := New(Options{StateDir: dir}).load(e.stamp); len(got) != 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
	prove()
	if mended, err := os.ReadFile(file); err != nil || len(mended) < len(whole)/2 {
		t.Errorf("not written anew: %s, %v", mended, err)
	}
}

func TestValid(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		age   time.Duration
		works bool
		want  bool
	}{{0, false, true}, {badFor, false, false}, {badFor, true, true}, {goodFor, true, false}, {-time.Hour, true, false}} {
		if got := (proof{When: now.Add(-tt.age), Works: tt.works}).valid(now); got != tt.want {
			t.Errorf("%+v: %t", tt, got)
		}
	}
}

func TestChooseRefuses(t *testing.T) {
	raw := Format{Codec: camgate.Raw, Width: 320, Height: 240, Pixels: "nv12"}
	for _, tt := range []struct {
		name   string
		opts   Options
		format Format
		want   Settings
		err    error
	}{
		{"no ffmpeg", Options{FFmpeg: "/nowhere/ffmpeg"}, raw, Settings{}, camgate.ErrNotInstalled},
		{"not ffmpeg", Options{FFmpeg: "/bin/true"}, raw, Settings{}, camgate.ErrEncoderUnavailable},
		{"no such encoder", Options{}, raw, Settings{Encoder: "h264_dream"}, camgate.ErrEncoderUnavailable},
		{"of another codec", Options{}, raw, Settings{Encoder: "libx265"}, camgate.ErrEncoderUnavailable},
		{"sound", Options{}, Format{Codec: camgate.Opus}, Settings{}, camgate.ErrUnsupportedCodec},
		{"pixels", Options{}, Format{Codec: camgate.Raw, Width: 320, Height: 240, Pixels: "bayer"}, Settings{}, camgate.ErrUnsupportedCodec},
		{"stride", Options{}, Format{Codec: camgate.Raw, Width: 320, Height: 240, Pixels: "yuyv422", Stride: 600}, Settings{}, camgate.ErrUnsupportedCodec},
		{"odd", Options{}, Format{Codec: camgate.Raw, Width: 321, Height: 240, Pixels: "nv12"}, Settings{}, camgate.ErrUnsupportedCodec},
		{"no size", Options{}, Format{Codec: camgate.H264}, Settings{}, camgate.ErrBadRequest},
		{"too fast", Options{}, Format{Codec: camgate.Raw, Width: 1280, Height: 720, Pixels: "nv12", FPS: 1000}, Settings{Encoder: "mjpeg", Codec: camgate.MJPEG}, camgate.ErrEncoderUnavailable},
	} {
		if list, err := New(tt.opts).Choose(t.Context(), tt.format, tt.want); !errors.Is(err, tt.err) || len(list) > 0 {
			t.Errorf("%s: %v, %v", tt.name, list, err)
		}
	}
}
