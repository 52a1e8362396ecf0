package sound

import "math"

// patch hides the edges of holes: the sound before goes on for a moment, backwards and
// fading, and what follows comes in over it.
type patch struct {
	last [][]float32 // what was heard last
	next [][]float32
	fade []float32 // how the sound before goes away
	blur int       // samples in which what follows comes in
	gone int       // samples that the sound before has gone on
	open bool      // an edge is to be hidden
}

const (
	fadeTime = 0.020 // seconds that sound goes on in a hole
	joinTime = 0.004
)

func newPatch(rate, channels int) patch {
	n := int(fadeTime * float64(rate))
	p := patch{fade: make([]float32, n), blur: int(joinTime * float64(rate))}
	for i := range p.fade {
		p.fade[i] = float32(sq(math.Cos(math.Pi / 2 * float64(i) / float64(n))))
	}
	for range channels {
		p.last = append(p.last, make([]float32, n))
	}
	p.next = make([][]float32, channels)
	return p
}

// on is the sample i after the last that was heard, as it would go on.
func (p *patch) on(c, i int) float32 {
	if i >= len(p.fade) {
		return 0
	}
	return p.last[c][len(p.fade)-1-i] * p.fade[i]
}

// cut says that what comes next does not follow what was.
func (p *patch) cut() { p.open, p.gone = true, 0 }

// fill makes n samples for a hole.
func (p *patch) fill(n int, push func([][]float32)) {
	p.cut()
	const piece = 1024
	for p.gone < n {
		end := min(n, p.gone+piece)
		for c := range p.next {
			p.next[c] = p.next[c][:0]
			for i := p.gone; i < end; i++ {
				p.next[c] = append(p.next[c], p.on(c, i))
			}
		}
		p.gone = end
		push(p.next)
	}
}

// join takes what is heard next, and changes its beginning if it does not follow what
// was.
func (p *patch) join(in [][]float32) {
	if p.open {
		p.open = false
		for c, s := range in {
			for i := range min(p.blur, len(s)) {
				x := (float32(i) + 0.5) / float32(p.blur)
				s[i] = s[i]*x + p.on(c, p.gone+i)*(1-x)
			}
		}
	}
	for c, s := range in {
		last := p.last[c]
		if n := len(last); len(s) >= n {
			copy(last, s[len(s)-n:])
		} else {
			copy(last, last[len(s):])
			copy(last[n-len(s):], s)
		}
	}
}
