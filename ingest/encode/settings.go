package encode

import (
	"fmt"
	"math"

	"github.com/camgate/camgate"
)

// defaultFPS is taken where nobody has said how many there are.
const defaultFPS = 30

// maxSide bounds pictures, in pixels.
const maxSide = 16384

func (f Format) check() error {
	switch {
	case f.Codec.Decodable():
		return nil
	case f.Codec == camgate.Raw:
		_, err := f.layout()
		return err
	}
	return fmt.Errorf("%w: pictures in %s cannot be decoded here", camgate.ErrUnsupportedCodec, f.Codec)
}

// complete fills in what is left open.
func (s Settings) complete(f Format) (Settings, error) {
	if s.Codec == "" {
		s.Codec = camgate.H264
	}
	if s.Width == 0 || s.Height == 0 {
		s.Width, s.Height = f.Width, f.Height
	}
	if s.Codec != camgate.MJPEG { // 4:2:0
		s.Width, s.Height = s.Width&^1, s.Height&^1
	}
	if s.Width < 16 || s.Height < 16 || s.Width > maxSide || s.Height > maxSide {
		return s, fmt.Errorf("%w: pictures of %dx%d", camgate.ErrBadRequest, s.Width, s.Height)
	}
	if s.Quality <= 0 || s.Quality > 100 {
		s.Quality = 75
	}
	if s.Bitrate <= 0 {
		s.Bitrate = bitrate(s.Width, s.Height, s.rate(f))
	}
	return s, nil
}

// rate is how many pictures per second are expected to come out.
func (s Settings) rate(f Format) float64 {
	in := f.FPS
	if in <= 0 || math.IsInf(in, 0) || math.IsNaN(in) {
		in = defaultFPS
	}
	if s.FPS > 0 {
		in = min(in, s.FPS)
	}
	return min(max(in, 0.1), 1000)
}

// thins reports whether fewer pictures are wanted than come. A camera of just the
// wanted rate keeps all of its pictures, although they come a little early at times.
func (s Settings) thins(f Format) bool {
	return s.FPS > 0 && (f.FPS <= 0 || f.FPS > s.FPS*1.05)
}

// bitrate is what people find good enough: 2 Mbit/s for 1280x720 at 30 per second,
// more for larger pictures, though not in proportion.
func bitrate(width, height int, fps float64) int {
	return int(2e6 * math.Pow(float64(width*height)/(1280*720), 0.75) * math.Pow(fps/30, 0.6))
}
