package main

import (
	"math"
	"math/rand/v2"

	"github.com/camgate/camgate/internal/frameno"
)

// The scene: a night sky with a moon which wanders over scrolling hills, a ring
// which fills once per clip, and the flash square. Everything moves with a
// period that divides the clip's length, so the last picture leads to the first.

type rgb struct{ r, g, b float64 }

func mix(a, b rgb, t float64) rgb {
	return rgb{a.r + (b.r-a.r)*t, a.g + (b.g-a.g)*t, a.b + (b.b-a.b)*t}
}

var (
	skyTop    = rgb{8, 11, 28}
	skyBottom = rgb{38, 52, 96}
	moonColor = rgb{255, 214, 140}
	ringOn    = rgb{96, 208, 220}
	ringOff   = rgb{44, 56, 92}
	white     = rgb{255, 255, 255}
	black     = rgb{0, 0, 0}
)

const (
	ringX, ringY          = 1000, 330
	ringInner, ringOuter  = 138.0, 160.0
	plateY                = 640 // the black strip with the number row
	moonRadius            = 44.0
	flashX, flashY        = 1104, 48
	flashSize, flashFrame = 128, 3
	borderSize            = 8
)

// hill is one layer of the landscape, made of two waves. Their lengths divide
// the distance travelled per clip, so the layer is back where it began.
type hill struct {
	base, amp1, amp2 float64
	len1, len2       float64
	travel           float64
	top, bottom      rgb
}

var hills = []hill{
	{500, 46, 14, 640, 160, 640, rgb{34, 52, 92}, rgb{22, 34, 66}},
	{556, 38, 10, 480, 240, 960, rgb{24, 42, 70}, rgb{14, 26, 48}},
	{606, 24, 8, 700, 350, 1400, rgb{14, 28, 46}, rgb{6, 14, 26}},
}

type star struct {
	x, y, size, phase float64
}

type scene struct {
	sky   []rgb // without anything that moves
	stars []star
	pix   []rgb
}

func newScene() *scene {
	s := &scene{sky: make([]rgb, width*height), pix: make([]rgb, width*height)}
	for y := range height {
		c := mix(skyTop, skyBottom, math.Pow(float64(y)/plateY, 1.6))
		for x := range width {
			s.sky[y*width+x] = c
		}
	}
	// A fixed seed: the clip has to come out the same each time.
	r := rand.New(rand.NewPCG(8, 25))
	for len(s.stars) < 60 {
		st := star{
			r.Float64() * width, 12 + r.Float64()*430, 0.8 + r.Float64()*1.1, r.Float64(),
		}
		if !busy(st.x, st.y) {
			s.stars = append(s.stars, st)
		}
	}
	return s
}

// busy tells where a star would look like dirt on a text or on the ring.
func busy(x, y float64) bool {
	texts := x > 50 && x < 600 && y > 40 && (y < 150 || y > 215 && y < 440)
	square := x > flashX-12 && x < flashX+flashSize+12 && y < flashY+flashSize+12
	return texts || square || math.Hypot(x-ringX, y-ringY) < ringOuter+10
}

// draw returns picture n as RGB24. The slice is the caller's.
func (s *scene) draw(n int) []byte {
	t := float64(n) / frames // 0..1 over the clip
	copy(s.pix, s.sky)
	for i, st := range s.stars {
		// One or two twinkles per clip.
		glow := 0.55 + 0.35*math.Sin(2*math.Pi*(t*float64(1+i%2)+st.phase))
		s.disc(st.x, st.y, st.size, white, glow)
	}
	s.moon(640+500*math.Sin(2*math.Pi*t), 300+120*math.Sin(4*math.Pi*t+0.6))
	for _, h := range hills {
		s.hill(h, t)
	}
	s.ring(n)
	s.rect(0, plateY, width, height-plateY, black)
	s.flash(n%fps < flashFrames)
	s.number(n)
	return s.bytes()
}

// over paints c on one pixel; a is how much of the pixel it covers.
func (s *scene) over(x, y int, c rgb, a float64) {
	if a <= 0 || x < 0 || y < 0 || x >= width || y >= height {
		return
	}
	p := &s.pix[y*width+x]
	*p = mix(*p, c, min(a, 1))
}

func (s *scene) rect(x, y, w, h int, c rgb) {
	for j := y; j < y+h; j++ {
		for i := x; i < x+w; i++ {
			s.over(i, j, c, 1)
		}
	}
}

// box calls f with each pixel of a square and its distance to the centre.
func box(cx, cy, r float64, f func(x, y int, d float64)) {
	for y := int(cy - r - 1); y <= int(cy+r+1); y++ {
		for x := int(cx - r - 1); x <= int(cx+r+1); x++ {
			f(x, y, math.Hypot(float64(x)+0.5-cx, float64(y)+0.5-cy))
		}
	}
}

func (s *scene) disc(cx, cy, r float64, c rgb, alpha float64) {
	box(cx, cy, r, func(x, y int, d float64) {
		s.over(x, y, c, alpha*min(1, r-d+0.5))
	})
}

func (s *scene) moon(cx, cy float64) {
	const reach = moonRadius * 3.6
	box(cx, cy, reach, func(x, y int, d float64) {
		if d < reach {
			fade := 1 - d/reach
			s.over(x, y, moonColor, 0.38*fade*fade*fade)
		}
	})
	s.disc(cx, cy, moonRadius, moonColor, 1)
	// Three craters, which show small movements.
	shade := mix(moonColor, rgb{120, 84, 60}, 0.35)
	s.disc(cx-14, cy-10, 11, shade, 1)
	s.disc(cx+16, cy+4, 8, shade, 1)
	s.disc(cx-4, cy+20, 6, shade, 1)
}

func (s *scene) hill(h hill, t float64) {
	for x := range width {
		p := float64(x) + h.travel*t
		top := h.base - h.amp1*math.Sin(2*math.Pi*p/h.len1) - h.amp2*math.Sin(2*math.Pi*p/h.len2+1)
		for y := int(top) - 1; y < plateY; y++ {
			depth := min(1, max(0, (float64(y)-top)/140))
			s.over(x, y, mix(h.top, h.bottom, depth), float64(y)+1-top)
		}
	}
}

// ring shows the place in the clip: one of eight segments per second.
func (s *scene) ring(n int) {
	const gap = 5.0 // half of the pixels between two segments
	done := float64(n+1) / frames
	box(ringX, ringY, ringOuter, func(x, y int, d float64) {
		cover := min(1, ringOuter-d+0.5, d-ringInner+0.5)
		if cover <= 0 {
			return
		}
		turn := math.Atan2(float64(x)+0.5-ringX, ringY-float64(y)-0.5) / (2 * math.Pi)
		if turn < 0 {
			turn++
		}
		part := math.Mod(turn*8, 1)
		edge := min(part, 1-part) / 8 * 2 * math.Pi * d
		c := ringOff
		if turn < done {
			c = ringOn
		}
		s.over(x, y, c, cover*min(1, max(0, edge-gap+0.5)))
	})
}

// flash paints the square, and on a flash picture its filling and a border
// around the picture, which is seen in a small preview too.
func (s *scene) flash(on bool) {
	if on {
		s.rect(0, 0, width, borderSize, white)
		s.rect(0, height-borderSize, width, borderSize, white)
		s.rect(0, 0, borderSize, height, white)
		s.rect(width-borderSize, 0, borderSize, height, white)
		s.rect(flashX, flashY, flashSize, flashSize, white)
		return
	}
	s.rect(flashX, flashY, flashSize, flashSize, ringOff)
	s.rect(flashX+flashFrame, flashY+flashFrame,
		flashSize-2*flashFrame, flashSize-2*flashFrame, rgb{10, 14, 30})
}

func (s *scene) number(n int) {
	for i, on := range frameno.Layout(n) {
		c := black
		if on {
			c = white
		}
		s.rect(frameno.RowX+i*frameno.BlockWidth, frameno.RowY,
			frameno.BlockWidth, frameno.BlockHeight, c)
	}
}

// bytes rounds the picture. A fixed 4x4 pattern is added before, because the
// dark sky would show bands; it does not move and so costs next to nothing.
func (s *scene) bytes() []byte {
	pattern := [16]float64{0, 8, 2, 10, 12, 4, 14, 6, 3, 11, 1, 9, 15, 7, 13, 5}
	out := make([]byte, 0, width*height*3)
	for i, p := range s.pix {
		d := (pattern[i/width%4*4+i%width%4] + 0.5) / 16
		for _, v := range [3]float64{p.r, p.g, p.b} {
			out = append(out, byte(min(255, math.Floor(v+d))))
		}
	}
	return out
}
