package camera

import (
	"bytes"
	"errors"
	"testing"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/internal/v4l2"
)

func TestRawPictures(t *testing.T) {
	planes := func(strides ...int) (out []v4l2.PlaneFormat) {
		for _, s := range strides {
			out = append(out, v4l2.PlaneFormat{Stride: s})
		}
		return out
	}
	filled := func(n int, b byte) []byte { return bytes.Repeat([]byte{b}, n) }
	for _, tt := range []struct {
		name   string
		format v4l2.Format
		in     [][]byte
		want   []byte // nil: refused
	}{
		{"packed", v4l2.Format{Pixels: v4l2.YUYV, Width: 4, Height: 2, Planes: planes(8)}, [][]byte{filled(20, 1)}, filled(16, 1)},
		{"too short", v4l2.Format{Pixels: v4l2.YUYV, Width: 4, Height: 2, Planes: planes(8)}, [][]byte{filled(15, 1)}, nil},
		{"no stride told", v4l2.Format{Pixels: v4l2.RGB3, Width: 4, Height: 2, Planes: planes(0)}, [][]byte{filled(24, 1)}, filled(24, 1)},
		{"padded lines", v4l2.Format{Pixels: v4l2.GREY, Width: 4, Height: 2, Planes: planes(6)}, [][]byte{filled(12, 1)}, filled(12, 1)},
		{"planar", v4l2.Format{Pixels: v4l2.YU12, Width: 4, Height: 2, Planes: planes(4)}, [][]byte{filled(12, 1)}, filled(12, 1)},
		{"planes apart", v4l2.Format{Pixels: v4l2.NM12, Width: 4, Height: 2, Planes: planes(4, 4)}, [][]byte{filled(8, 1), filled(4, 2)}, append(filled(8, 1), filled(4, 2)...)},
		{
			"planes apart with other strides", v4l2.Format{Pixels: v4l2.YM12, Width: 4, Height: 4, Planes: planes(4, 3, 4)},
			[][]byte{filled(16, 1), []byte("ab.cd"), []byte("ef..gh..")}, append(filled(16, 1), "abcdefgh"...),
		},
		{"a plane is missing", v4l2.Format{Pixels: v4l2.NM12, Width: 4, Height: 2, Planes: planes(4, 4)}, [][]byte{filled(8, 1), nil}, nil},
	} {
		r, err := newRawPictures(tt.format)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		p := r.take(tt.in)
		switch {
		case p == nil && tt.want != nil, p != nil && !bytes.Equal(p.data, tt.want):
			t.Errorf("%s: %v, want %q", tt.name, p, tt.want)
		}
	}
	for _, f := range []v4l2.Format{
		{Pixels: v4l2.H264, Width: 4, Height: 4, Planes: planes(0)}, {Pixels: v4l2.YUYV, Width: 4, Height: 4},
		{Pixels: v4l2.YUYV, Width: 1 << 20, Height: 1 << 10, Planes: planes(0)}, {Pixels: v4l2.YU12, Width: 4, Height: 4, Planes: planes(4, 4)},
	} {
		if _, err := newRawPictures(f); !errors.Is(err, camgate.ErrUnsupportedCodec) {
			t.Errorf("%+v: %v", f, err)
		}
	}
}
