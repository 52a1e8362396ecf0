package camera

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/internal/v4l2"
)

// What is taken of a camera when nothing is said.
const (
	defaultWidth  = 1280
	defaultHeight = 720
	defaultFPS    = 30
)

// codecs are the pixel formats that are access units of a codec.
var codecs = map[v4l2.FourCC]camgate.Codec{
	v4l2.H264: camgate.H264, v4l2.HEVC: camgate.H265, v4l2.MJPEG: camgate.MJPEG, v4l2.JPEG: camgate.MJPEG,
}

// Wanted is which formats of a camera may be taken, the best first.
type Wanted struct {
	codecs []camgate.Codec
	pixels v4l2.FourCC // this one only; 0: any
}

// ParseFormat reads a name of a format: auto, h264, h265, mjpeg, raw, or that of a
// pixel format.
func ParseFormat(name string) (Wanted, error) {
	switch strings.ToLower(name) {
	case "", "auto":
		return Wanted{codecs: []camgate.Codec{camgate.H264, camgate.MJPEG, camgate.Raw, camgate.H265}}, nil
	case "h264":
		return Wanted{codecs: []camgate.Codec{camgate.H264}}, nil
	case "h265", "hevc":
		return Wanted{codecs: []camgate.Codec{camgate.H265}}, nil
	case "mjpeg", "mjpg":
		return Wanted{codecs: []camgate.Codec{camgate.MJPEG}}, nil
	case "raw":
		return Wanted{codecs: []camgate.Codec{camgate.Raw}}, nil
	}
	for f, l := range layouts {
		if l.name == strings.ToLower(name) && f != v4l2.NM12 && f != v4l2.YM12 {
			return Wanted{codecs: []camgate.Codec{camgate.Raw}, pixels: f}, nil
		}
	}
	f, ok := v4l2.ParseFourCC(strings.ToUpper(name))
	_, compressed := codecs[f]
	if _, raw := layouts[f]; !ok || !compressed && !raw {
		return Wanted{}, fmt.Errorf("%q is none of auto, h264, h265, mjpeg, raw, %s", name, strings.Join(rawNames(), ", "))
	}
	return Wanted{codecs: []camgate.Codec{codecOf(f)}, pixels: f}, nil
}

func codecOf(f v4l2.FourCC) camgate.Codec {
	if c, ok := codecs[f]; ok {
		return c
	}
	return camgate.Raw
}

// offer is a format of a camera with its sizes.
type offer struct {
	pixels v4l2.FourCC
	sizes  []v4l2.FrameSize // empty: the device does not tell
}

// choice is what to ask a camera for.
type choice struct {
	pixels        v4l2.FourCC
	width, height int
	exact         bool // the size is the wanted one
}

// pick chooses a format and a size: the best codec that has the wanted size, else the
// best one with what is nearest to it. It reports false when nothing offered is wanted.
func pick(offers []offer, w Wanted, width, height int) (best choice, ok bool) {
	var nearest choice
	distance := math.Inf(1)
	for _, codec := range w.codecs {
		for _, o := range ordered(offers, codec, w.pixels) {
			c, far := nearestOf(o, width, height)
			if far == 0 {
				c.exact = true
				return c, true
			}
			if far < distance {
				nearest, distance = c, far
			}
		}
	}
	return nearest, !math.IsInf(distance, 1)
}

// ordered lists the offers of a codec, the best first.
func ordered(offers []offer, codec camgate.Codec, only v4l2.FourCC) (out []offer) {
	for _, o := range offers {
		_, known := layouts[o.pixels]
		if codecOf(o.pixels) == codec && (known || codec != camgate.Raw) && (only == 0 || only == o.pixels) {
			out = append(out, o)
		}
	}
	slices.SortStableFunc(out, func(a, b offer) int { return layouts[a.pixels].rank - layouts[b.pixels].rank })
	return out
}

// nearestOf returns the size of an offer that is nearest to a wanted one, and how far
// that is away: 0 means that it is this very size. Too small is worse than too large.
func nearestOf(o offer, width, height int) (choice, float64) {
	if len(o.sizes) == 0 {
		return choice{pixels: o.pixels, width: width, height: height}, 0 // the device will say
	}
	best, distance := choice{}, math.Inf(1)
	for _, s := range o.sizes {
		w, h := s.Nearest(width, height)
		far := math.Abs(math.Log(float64(w*h) / float64(width*height)))
		if w*h < width*height {
			far *= 2
		}
		// Of another shape is worse than of another size.
		far += 4 * math.Abs(math.Log(float64(w)/float64(h)*float64(height)/float64(width)))
		if w == width && h == height {
			far = 0
		}
		if far < distance {
			best, distance = choice{pixels: o.pixels, width: w, height: h}, far
		}
	}
	return best, distance
}

// pickInterval chooses the interval that is nearest to a rate; at the same distance,
// the faster one. Without a list it is what was asked for.
func pickInterval(list []v4l2.FrameInterval, fps float64) v4l2.Fraction {
	best, distance := fraction(fps), math.Inf(1)
	for _, i := range list {
		f := i.Min
		switch low, high := i.Max.FPS(), i.Min.FPS(); {
		case i.Discrete():
		case fps <= low:
			f = i.Max
		case fps < high:
			f = fraction(fps)
		}
		if far := math.Abs(f.FPS() - fps); far < distance || far == distance && f.FPS() > best.FPS() {
			best, distance = f, far
		}
	}
	return best
}

// fraction writes a rate as an interval: 29.97 is 1001/30000.
func fraction(fps float64) v4l2.Fraction {
	if whole := math.Round(fps); math.Abs(whole-fps) < 1e-6 {
		return v4l2.Fraction{Numerator: 1, Denominator: uint32(whole)}
	}
	if n := math.Round(fps * 1.001); math.Abs(n/1.001-fps) < 0.005 {
		return v4l2.Fraction{Numerator: 1001, Denominator: uint32(n * 1000)}
	}
	return v4l2.Fraction{Numerator: 1000, Denominator: uint32(math.Round(fps * 1000))}
}

// offersOf asks a device what it has.
func offersOf(dev *v4l2.Device, side v4l2.BufType) (out []offer, err error) {
	formats, err := dev.Formats(side)
	if err != nil {
		return nil, err
	}
	for _, f := range formats {
		// Drivers make further formats of one by a program: an encoder does so, too.
		sizes, err := dev.FrameSizes(f.Pixels)
		if err != nil {
			return nil, err
		}
		out = append(out, offer{f.Pixels, sizes})
	}
	return out, nil
}

// namesOf lists the formats of offers for people.
func namesOf(offers []offer) string {
	var names []string
	for _, o := range offers {
		names = append(names, o.pixels.String())
	}
	if len(names) == 0 {
		return "no formats"
	}
	return strings.Join(names, ", ")
}
