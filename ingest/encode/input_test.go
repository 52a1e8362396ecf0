package encode

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/camgate/camgate"
)

// broken returns a picture whose slices hold nothing, or that has no tables.
func broken(c camgate.Codec, au [][]byte) (out [][]byte) {
	u := units{codec: c}
	for _, nalu := range au {
		if c == camgate.MJPEG || u.kind(nalu).picture {
			head := 2
			if c == camgate.H264 {
				head = 1
			}
			nalu = append(bytes.Clone(nalu[:head]), bytes.Repeat([]byte{0x80}, len(nalu)-head)...)
		}
		out = append(out, nalu)
	}
	return out
}

// TestInput has pictures come that cannot be decoded, from the first one on or later, and
// encoders that hang while some of the pictures are so.
func TestInput(t *testing.T) {
	const fps = 30
	const h264, h265, jpeg = "-c:v libx264 -preset ultrafast -tune zerolatency -b:v 2M", "-c:v libx265 -preset ultrafast -x265-params log-level=error:bframes=0", "-pix_fmt yuvj420p -c:v mjpeg"
	const hangs = `[ "$prev" = -vf ] && a="$a,realtime=speed=0.001:limit=1000"`
	for _, tt := range []struct {
		name   string
		codec  camgate.Codec
		args   string
		broken func(i int) bool
		change string
		want   error
	}{
		{"H264", camgate.H264, h264, func(int) bool { return true }, "", ErrInput},
		{"H264, later", camgate.H264, h264, func(i int) bool { return i > 40 }, "", ErrInput},
		{"H265", camgate.H265, h265, func(int) bool { return true }, "", ErrInput},
		{"H265, later", camgate.H265, h265, func(i int) bool { return i > 40 }, "", ErrInput},
		{"JPEG", camgate.MJPEG, jpeg, func(int) bool { return true }, "", ErrInput},
		{"JPEG, later", camgate.MJPEG, jpeg, func(i int) bool { return i > 40 }, "", ErrInput},
		{"H264, an encoder that hangs", camgate.H264, h264, func(i int) bool { return i%4 == 1 }, hangs, ErrHung},
		{"JPEG, an encoder that hangs", camgate.MJPEG, jpeg, func(i int) bool { return i%4 == 1 }, hangs, ErrHung},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := Format{Codec: tt.codec, Width: 640, Height: 360, FPS: fps}
			list := clip(t, f, tt.args)
			enc := choose(t, f, Settings{Encoder: "libx264"})
			if tt.change != "" {
				enc.path = standIn(t, tt.change)
			}
			d, err := fail(t, enc, f, func(i int) Picture {
				p := list[i%len(list)]
				if tt.broken(i) {
					p.AU = broken(tt.codec, p.AU)
				}
				return p
			})
			if !errors.Is(err, tt.want) || errors.Is(err, camgate.ErrEncoderUnavailable) == errors.Is(err, camgate.ErrDecoder) {
				t.Errorf("after %v: %v", d, err)
			}
			if errors.Is(err, ErrInput) && !strings.Contains(err.Error(), "ecoding") {
				t.Errorf("it does not tell what the decoder says: %v", err)
			}
		})
	}
}
