package encode

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"github.com/camgate/camgate"
)

// raw makes pictures that change.
func raw(t testing.TB, f Format, n int) []byte {
	l, err := f.layout()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, l.bytes)
	for i := range b {
		b[i] = byte(i*3 + n*5)
	}
	return b
}

// source gives n pictures, one each 40 ms of their own time, as fast as they are
// taken.
func source(n int, picture func(i int) Picture) func(context.Context) (Picture, error) {
	i := 0
	return func(context.Context) (Picture, error) {
		if i == n {
			return Picture{}, io.EOF
		}
		p := picture(i)
		i++
		return p, nil
	}
}

// odd is a time that no container has a tick for.
func odd(i int) time.Duration { return 3*time.Hour + time.Duration(i)*40*time.Millisecond + 12345 }

func choose(t testing.TB, f Format, s Settings) Encoder {
	t.Helper()
	s.FPS = 1 // the machine may be busy with other tests
	list, err := New(Options{}).Choose(t.Context(), f, s)
	if err != nil {
		t.Fatal(err)
	}
	return list[0]
}

// open begins a session that has time: the machine may be busy with other tests, and what
// is looked at is not how fast it is.
func open(t testing.TB, enc Encoder, f Format, s Settings) *Session {
	t.Helper()
	session, err := enc.Open(f, s)
	if err != nil {
		t.Fatal(err)
	}
	session.patience, session.hang, session.slow = time.Minute, time.Minute, time.Minute
	return session
}

func TestRaw(t *testing.T) {
	for _, tt := range []struct {
		pixels string
		stride int
		width  int
	}{
		{"yuyv422", 0, 320}, {"yuyv422", 704, 320}, {"uyvy422", 0, 320}, {"nv12", 0, 320}, {"nv12", 384, 320},
		{"yvyu422", 704, 320}, {"nv21", 384, 320}, {"yuv422p", 384, 320},
		{"yuv420p", 0, 320}, {"yuv420p", 384, 320}, {"gray", 0, 320}, {"rgb24", 0, 320}, {"bgr24", 1024 * 3, 321},
	} {
		t.Run(tt.pixels+strconv.Itoa(tt.stride), func(t *testing.T) {
			f := Format{Codec: camgate.Raw, Width: tt.width, Height: 240, Stride: tt.stride, Pixels: tt.pixels, FPS: 25}
			enc := choose(t, f, Settings{Encoder: "libx264"})
			s := open(t, enc, f, Settings{})
			released, got, keys := 0, 0, ""
			var stream bytes.Buffer
			err := s.Run(t.Context(), source(20, func(i int) Picture {
				if i == 12 {
					s.ForceKeyframe()
				}
				return Picture{Time: odd(i), AU: [][]byte{append(raw(t, f, i), make([]byte, 100)...)}, Release: func() { released++ }}
			}), func(p Picture) error {
				if p.Time != odd(got) {
					t.Errorf("picture %d has time %v, want %v", got, p.Time, odd(got))
				}
				if p.Key {
					keys += fmt.Sprint(got, " ")
					if len(p.AU) < 3 || p.AU[0][0]&0x1f != 7 || p.AU[1][0]&0x1f != 8 {
						t.Errorf("keyframe %d without parameter sets", got)
					}
					var sps h264.SPS
					if err := sps.Unmarshal(p.AU[0]); err != nil || sps.Width() != 320 || sps.Height() != 240 || sps.FPS() != 25 || sps.ProfileIdc != 66 {
						t.Errorf("SPS %dx%d %v, profile %d, %v", sps.Width(), sps.Height(), sps.FPS(), sps.ProfileIdc, err)
					}
				}
				for _, nalu := range p.AU {
					stream.Write([]byte{0, 0, 0, 1})
					stream.Write(nalu)
				}
				got++
				return nil
			})
			if err != nil || got != 20 || keys != "0 12 " || released != 20 {
				t.Errorf("%d pictures, keyframes %q, released %d, %v", got, keys, released, err)
			}
			if n := decode(t, "h264", stream.Bytes()); n != 20 {
				t.Errorf("%d pictures can be decoded", n)
			}
		})
	}
}

// decode returns how many pictures ffmpeg finds.
func decode(t *testing.T, format string, b []byte) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-f", format, "-i", "pipe:0", "-vsync", "passthrough", "-f", "framecrc", "-")
	cmd.Stdin = bytes.NewReader(b)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range bytes.Lines(out) {
		if line[0] != '#' {
			n++
		}
	}
	return n
}

func TestSessionEnds(t *testing.T) {
	f := Format{Codec: camgate.Raw, Width: 320, Height: 240, Pixels: "gray", FPS: 25}
	enc := choose(t, f, Settings{})
	bad := errors.New("not to my taste")
	picture := func(i int) Picture { return Picture{Time: odd(i), AU: [][]byte{raw(t, f, i)}} }
	for _, tt := range []struct {
		name string
		in   func(context.Context) (Picture, error)
		out  func(Picture) error
		want error
	}{
		{"in fails", func(context.Context) (Picture, error) { return Picture{}, bad }, nil, bad},
		{"out fails", source(1000, picture), func(Picture) error { return bad }, bad},
		{"no pictures", source(0, picture), nil, nil},
		{"short picture", source(9, func(i int) Picture { return Picture{AU: [][]byte{{1, 2}}} }), nil, camgate.ErrBadRequest},
		{"times go back", source(900, func(i int) Picture { return picture(500 - 500*(i/9%2)) }), nil, ErrTimes},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := tt.out
			if out == nil {
				out = func(Picture) error { return nil }
			}
			if err := enc.Run(t.Context(), f, Settings{}, tt.in, out); !errors.Is(err, tt.want) || (err != nil) != (tt.want != nil) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := enc.Run(ctx, f, Settings{}, func(ctx context.Context) (Picture, error) {
		cancel()
		<-ctx.Done()
		return Picture{}, ctx.Err()
	}, func(Picture) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// A program that crashes without a word: its signal is what there is to say.
func TestCrash(t *testing.T) {
	f := Format{Codec: camgate.Raw, Width: 320, Height: 240, Pixels: "gray", FPS: 25}
	enc := choose(t, f, Settings{})
	enc.path = filepath.Join(t.TempDir(), "ffmpeg")
	if err := os.WriteFile(enc.path, []byte("#!/bin/sh\nhead -c 1000 >/dev/null\nkill -SEGV $$\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	picture := func(i int) Picture { return Picture{Time: odd(i), AU: [][]byte{raw(t, f, i)}} }
	err := enc.Run(t.Context(), f, Settings{}, source(1000, picture), func(Picture) error { return nil })
	if !errors.Is(err, ErrDied) || !strings.HasPrefix(reason(err), "it ended: signal: segmentation fault") {
		t.Errorf("error %v, in short %q", err, reason(err))
	}
}
