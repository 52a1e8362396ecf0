package sound

import "math"

// resampler changes the rate of samples by a polyphase windowed sinc. It has no delay:
// the first sample that comes out lies where the first that went in lay. It can be told
// to go a little faster or slower, by steps of a fraction of a sample that nobody hears.
type resampler struct {
	from, to int
	phases   int       // positions between two samples
	step     int       // from one sample to the next, in phases
	taps     int       // of each phase
	table    []float32 // taps of the first phase, of the second ...

	buf  [][]float32
	pos  int // of the next sample, in phases from half-1 samples into buf
	bend int // samples that come out until a step is one phase longer or shorter; 0: never
	left int
}

const (
	finest   = 256 // phases there are at least, so that one phase is not heard
	halfTaps = 32  // on each side, where the rate does not fall
	kaiser   = 9.0 // 90 dB down outside
	// passed is where the filter is 6 dB down, of the lower rate's half: its slope ends
	// just above.
	passed = 0.94
)

func newResampler(from, to, channels int) *resampler {
	d := gcd(from, to)
	l, m := to/d, from/d
	r := &resampler{from: from, to: to}
	times := (finest + l - 1) / l
	r.phases, r.step = l*times, m*times
	half, cutoff := halfTaps, passed
	if from > to {
		half = (halfTaps*from + to - 1) / to
		cutoff = passed * float64(to) / float64(from)
	}
	if from == to {
		cutoff = 1 // nothing to take away, and what is not moved stays as it is
	}
	r.taps = 2 * half
	r.table = make([]float32, r.phases*r.taps)
	for p := range r.phases {
		row := r.table[p*r.taps:][:r.taps]
		var sum float64
		for k := range row {
			x := float64(p)/float64(r.phases) + float64(half-1-k)
			h := cutoff * sinc(cutoff*x) * bessel(kaiser*math.Sqrt(max(0, 1-sq(x/float64(half))))) / bessel(kaiser)
			row[k] = float32(h)
			sum += h
		}
		for k := range row { // the same loudness in all phases
			row[k] = float32(float64(row[k]) / sum)
		}
	}
	r.buf = make([][]float32, channels)
	r.reset()
	return r
}

// reset forgets all samples.
func (r *resampler) reset() {
	for c := range r.buf {
		r.buf[c] = append(r.buf[c][:0], make([]float32, r.taps/2-1)...)
	}
	r.pos, r.bend, r.left = 0, 0, 0
}

// pending is how much went in behind the next sample that comes out, in seconds.
func (r *resampler) pending() float64 {
	in := len(r.buf[0]) - (r.taps/2 - 1)
	return (float64(in) - float64(r.pos)/float64(r.phases)) / float64(r.from)
}

// follow makes what comes out longer by a part of itself, which may be negative.
func (r *resampler) follow(part float64) {
	if part == 0 {
		r.bend = 0
		return
	}
	n := int(math.Round(1 / (part * float64(r.step))))
	if n == 0 {
		n = int(math.Copysign(1, part))
	}
	if r.bend == 0 {
		r.left = 0
	}
	r.bend = n
}

// push takes samples and appends to out what can be made of them.
func (r *resampler) push(in [][]float32, out [][]float32) {
	for c := range r.buf {
		r.buf[c] = append(r.buf[c], in[c]...)
	}
	n := len(r.buf[0])
	for r.pos/r.phases+r.taps <= n {
		i, phase := r.pos/r.phases, r.pos%r.phases
		if phase == 0 && r.from == r.to {
			for c := range out {
				out[c] = append(out[c], r.buf[c][i+r.taps/2-1])
			}
		} else {
			row := r.table[phase*r.taps:][:r.taps]
			for c := range out {
				out[c] = append(out[c], dot(row, r.buf[c][i:][:r.taps]))
			}
		}
		r.pos += r.step
		if r.bend != 0 {
			r.nudge()
		}
	}
	used := min(r.pos/r.phases, n)
	for c, b := range r.buf {
		r.buf[c] = b[:copy(b, b[used:])]
	}
	r.pos -= used * r.phases
}

// nudge makes one step in so many a phase shorter (more comes out) or longer.
func (r *resampler) nudge() {
	r.left++
	every := r.bend
	if every < 0 {
		every = -every
	}
	if r.left < every {
		return
	}
	r.left = 0
	if r.bend > 0 {
		r.pos--
	} else {
		r.pos++
	}
}

// dot is the sum of products, in four strands that a processor does at a time.
func dot(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	for len(a) >= 4 && len(b) >= 4 {
		s0 += a[0] * b[0]
		s1 += a[1] * b[1]
		s2 += a[2] * b[2]
		s3 += a[3] * b[3]
		a, b = a[4:], b[4:]
	}
	for i := range min(len(a), len(b)) {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

func sq(x float64) float64 { return x * x }

// bessel is the modified Bessel function of the first kind and order zero.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-12; k++ {
		term *= sq(x / (2 * k))
		sum += term
	}
	return sum
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
