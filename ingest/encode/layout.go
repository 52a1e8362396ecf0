package encode

import (
	"fmt"

	"github.com/camgate/camgate"
)

// layout is how a raw picture lies in memory.
type layout struct {
	bytes   int // of a picture
	stride  int // bytes of a line in the first plane
	columns int // of a line, with what is behind the picture
}

// layout works out how large the pictures are. What is behind their lines is sent
// along, and cut off by ffmpeg: that costs nothing, where moving the lines together
// would be a copy.
func (f Format) layout() (layout, error) {
	if f.Width <= 0 || f.Height <= 0 || f.Width > maxSide || f.Height > maxSide {
		return layout{}, fmt.Errorf("%w: raw pictures of %dx%d", camgate.ErrBadRequest, f.Width, f.Height)
	}
	var pixel int         // bytes of one in the first plane
	var planar, full bool // the colours have planes of their own, with all lines
	switch f.Pixels {
	case "yuyv422", "uyvy422", "yvyu422":
		pixel = 2
	case "rgb24", "bgr24":
		pixel = 3
	case "gray":
		pixel = 1
	case "nv12", "nv21", "yuv420p":
		pixel, planar = 1, true
	case "yuv422p":
		pixel, planar, full = 1, true, true
	default:
		return layout{}, fmt.Errorf("%w: raw pictures of the form %q", camgate.ErrUnsupportedCodec, f.Pixels)
	}
	stride := f.Stride
	if stride == 0 {
		stride = f.Width * pixel
	}
	even := pixel == 2 || planar // two columns share their colours
	switch {
	case stride < f.Width*pixel, stride%pixel != 0, stride > 8*maxSide,
		even && (f.Width%2 != 0 || stride/pixel%2 != 0), planar && !full && f.Height%2 != 0:
		return layout{}, fmt.Errorf("%w: raw pictures of %dx%d %s with %d bytes from line to line", camgate.ErrUnsupportedCodec, f.Width, f.Height, f.Pixels, f.Stride)
	}
	l := layout{stride: stride, bytes: stride * f.Height, columns: stride / pixel}
	switch {
	case full:
		l.bytes += stride * f.Height
	case planar:
		l.bytes += stride * (f.Height / 2)
	}
	return l, nil
}
