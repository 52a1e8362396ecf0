package encode

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// standIn returns a program that is ffmpeg with some of its arguments changed, by lines
// of shell that see one as $a and the one before it as $prev.
func standIn(t *testing.T, change string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ffmpeg")
	script := "#!/bin/sh\nfor a; do\n\tshift\n\t" + change + "\n\tset -- \"$@\" \"$a\"\n\tprev=$a\ndone\nexec ffmpeg \"$@\"\n"
	if err := os.WriteFile(file, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return file
}

// fail has an encoder make pictures at their pace until it fails, and returns after what time
// that was.
func fail(t *testing.T, enc Encoder, f Format, picture func(i int) Picture) (time.Duration, error) {
	t.Helper()
	interval := time.Duration(float64(time.Second) / f.FPS)
	pace := time.NewTicker(interval)
	defer pace.Stop()
	n, begin := 0, time.Now()
	err := enc.Run(t.Context(), f, Settings{}, func(ctx context.Context) (Picture, error) {
		select {
		case <-pace.C:
		case <-ctx.Done():
			return Picture{}, ctx.Err()
		}
		p := picture(n)
		p.Time = time.Duration(n) * interval
		n++
		return p, nil
	}, func(Picture) error { return nil })
	d := time.Since(begin)
	t.Logf("after %v and %d pictures: %v", d.Round(time.Millisecond), n, err)
	return d, err
}

// TestFailsAtWork has real encoders that do not keep up (a filter of ffmpeg's makes each
// picture take a fifth of a second), or leave the pictures out of what they give.
func TestFailsAtWork(t *testing.T) {
	const fps = 30
	const slow = `[ "$prev" = -vf ] && a=$a,realtime=speed=0.1667`
	const empty = `[ "$a" = nut ] && set -- "$@" nut -bsf:v h264_metadata=aud=insert,filter_units=pass_types=9 && a=-y`
	h264 := Format{Codec: camgate.H264, Width: 640, Height: 360, FPS: fps}
	grey := Format{Codec: camgate.Raw, Width: 320, Height: 240, Pixels: "gray", FPS: fps}
	jpegs := Format{Codec: camgate.MJPEG, Width: 640, Height: 360, FPS: fps}
	for _, tt := range []struct {
		name   string
		format Format
		args   string // of ffmpeg, that makes the pictures
		change string
		want   error
		within time.Duration
	}{
		{"slow with raw pictures", grey, "", slow, ErrSlow, 8 * time.Second},
		{"slow with H264", h264, "-c:v libx264 -preset ultrafast -tune zerolatency -b:v 8M", slow, ErrSlow, 8 * time.Second},
		{"slow with JPEG", jpegs, "-pix_fmt yuvj420p -c:v mjpeg", slow, ErrSlow, 8 * time.Second},
		{"empty", grey, "", empty, ErrEmpty, 3 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var list []Picture
			if tt.args != "" {
				list = clip(t, tt.format, tt.args)
			} else {
				for i := range 30 {
					list = append(list, Picture{AU: [][]byte{raw(t, tt.format, i)}})
				}
			}
			enc := choose(t, tt.format, Settings{Encoder: "libx264"})
			enc.path = standIn(t, tt.change)
			d, err := fail(t, enc, tt.format, func(i int) Picture { return list[i%len(list)] })
			var se *SessionError
			if !errors.Is(err, tt.want) || !errors.As(err, &se) || d > tt.within {
				t.Errorf("after %v: %v", d, err)
			}
		})
	}
}
