package sound

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// recorder is an encoder that keeps what it is given.
type recorder struct {
	hz int
	s  []float32
}

func (r *recorder) rate() int      { return r.hz }
func (r *recorder) clock() int     { return r.hz }
func (r *recorder) frame() int     { return r.hz / 50 }
func (r *recorder) delay() int     { return 0 }
func (r *recorder) bitrate() int   { return 0 }
func (r *recorder) config() []byte { return nil }
func (r *recorder) encode(s [][]float32, from int) ([]byte, error) {
	r.s = append(r.s, s[0][from:][:r.frame()]...)
	return []byte{0}, nil
}

// play feeds a tone of 400 Hz in units of 20 ms, whose times are those that stamp says
// of the true ones; a unit for which it says no is missing.
func play(t *testing.T, rate, to int, length time.Duration, stamp func(at time.Duration) (time.Duration, bool)) (*recorder, *timeline, []time.Duration) {
	t.Helper()
	r, n := &recorder{hz: to}, &Counters{}
	l := newTimeline(rate, 1, r, n)
	var stamps []time.Duration
	for i := 0; i < int(length.Seconds()*float64(rate)); i += rate / 50 {
		at, there := stamp(time.Duration(i) * time.Second / time.Duration(rate))
		if !there {
			continue
		}
		p := planes{of: [][]float32{nil}}
		for k := i; k < i+rate/50; k++ {
			p.of[0] = append(p.of[0], float32(0.5*math.Sin(2*math.Pi*400*float64(k)/float64(rate))))
		}
		err := l.write(start+at, &p, false, func(at time.Duration, _ []byte) error {
			stamps = append(stamps, at)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return r, l, stamps
}

// clicks fails for steps between samples that the tone does not have.
func clicks(t *testing.T, r *recorder) {
	t.Helper()
	limit := 0.5 * 2 * math.Pi * 400 / float64(r.hz) * 1.6
	for i := 2; i < len(r.s)-1; i++ {
		if d := math.Abs(float64(r.s[i] - r.s[i-1])); d > limit {
			t.Errorf("a click of %.3f at %.4f s", d, float64(i)/float64(r.hz))
			return
		}
	}
}

func TestHoles(t *testing.T) {
	tests := []struct {
		name     string
		from, to time.Duration
		filled   time.Duration
	}{
		{"one unit", 500 * time.Millisecond, 520 * time.Millisecond, 20 * time.Millisecond},
		{"a few", 500 * time.Millisecond, 700 * time.Millisecond, 200 * time.Millisecond},
		{"a second", 500 * time.Millisecond, 1500 * time.Millisecond, time.Second},
	}
	for _, test := range tests {
		for _, rate := range []int{8000, 44100} {
			t.Run(fmt.Sprint(test.name, rate), func(t *testing.T) {
				r, l, stamps := play(t, rate, 48000, 4*time.Second, func(at time.Duration) (time.Duration, bool) {
					return at, at < test.from || at >= test.to
				})
				clicks(t, r)
				if d := l.n.Filled - test.filled; d < -2*time.Millisecond || d > 2*time.Millisecond {
					t.Errorf("%v filled", l.n.Filled)
				}
				if got, want := len(stamps), 4*50-1; got < want-1 {
					t.Errorf("%d units, want %d", got, want)
				}
				for i := 1; i < len(stamps); i++ {
					if d := stamps[i] - stamps[i-1]; d != 20*time.Millisecond {
						t.Fatalf("unit %d comes %v after the one before", i, d)
					}
				}
			})
		}
	}
}

// A clock that is wrong, and timestamps that jitter, are followed without a seam.
func TestDrift(t *testing.T) {
	for _, ppm := range []float64{-300, 300} {
		for _, rates := range [][2]int{{8000, 8000}, {44100, 48000}} {
			k := 0
			r, l, stamps := play(t, rates[0], rates[1], 60*time.Second, func(at time.Duration) (time.Duration, bool) {
				k++
				return at + time.Duration(float64(at)*ppm/1e6) + time.Duration(k%7-3)*time.Millisecond, true
			})
			clicks(t, r)
			if l.n.Filled != 0 || l.n.Cut != 0 || l.n.Jumps != 0 {
				t.Errorf("%+v", *l.n)
			}
			end := stamps[len(stamps)-1] - start
			want := time.Duration(60*(1+ppm/1e6)*float64(time.Second)) - 40*time.Millisecond
			if d := end - want; d < -25*time.Millisecond || d > 25*time.Millisecond {
				t.Errorf("%v ppm at %d Hz: ends at %v, want %v", ppm, rates[0], end, want)
			}
			if math.Abs(l.late) > 0.005 {
				t.Errorf("%v ppm at %d Hz: %v s late", ppm, rates[0], l.late)
			}
		}
	}
}

func TestJumps(t *testing.T) {
	r, l, stamps := play(t, 8000, 48000, 6*time.Second, func(at time.Duration) (time.Duration, bool) {
		switch {
		case at < 2*time.Second:
			return at, true
		case at < 4*time.Second:
			return at + time.Hour, true
		}
		return at, true
	})
	clicks(t, r)
	if l.n.Jumps != 2 {
		t.Errorf("%d jumps", l.n.Jumps)
	}
	var places []time.Duration // of units that do not follow the one before
	for i := 1; i < len(stamps); i++ {
		if stamps[i]-stamps[i-1] != 20*time.Millisecond {
			places = append(places, stamps[i]-start)
		}
	}
	if len(places) != 2 || places[0] != time.Hour+2*time.Second || places[1] != 4*time.Second {
		t.Errorf("it begins anew at %v", places)
	}
}

// What is there twice is left out.
func TestOverlap(t *testing.T) {
	r, l, _ := play(t, 8000, 48000, 4*time.Second, func(at time.Duration) (time.Duration, bool) {
		if at < 2*time.Second {
			return at, true
		}
		return at - 100*time.Millisecond, true
	})
	clicks(t, r)
	if d := l.n.Cut - 100*time.Millisecond; d < -time.Millisecond || d > time.Millisecond {
		t.Errorf("%v cut", l.n.Cut)
	}
}

func TestResampler(t *testing.T) {
	for _, rates := range [][2]int{{8000, 48000}, {16000, 48000}, {22050, 48000}, {32000, 48000}, {44100, 48000}, {11025, 48000}, {96000, 48000}, {88200, 48000}, {48000, 48000}} {
		for _, part := range []float64{0, 0.001} {
			from, to := rates[0], rates[1]
			r := newResampler(from, to, 1)
			r.follow(part)
			hz := 0.3 * float64(min(from, to)) * 0.8
			if part != 0 {
				hz = 1000
			}
			in := make([]float32, from)
			for i := range in {
				in[i] = float32(0.5 * math.Sin(2*math.Pi*hz*float64(i)/float64(from)))
			}
			out := [][]float32{nil}
			for i := 0; i+100 <= len(in); i += 100 {
				r.push([][]float32{in[i : i+100]}, out)
			}
			rate := float64(to)
			if r.bend != 0 { // the part that its steps allow
				rate /= 1 - 1/float64(r.bend*r.step)
			}
			var signal, noise float64
			for i, v := range out[0] {
				if i < 200 || i > len(out[0])-200 {
					continue
				}
				want := 0.5 * math.Sin(2*math.Pi*hz*float64(i)/rate)
				signal += want * want
				noise += (want - float64(v)) * (want - float64(v))
			}
			snr, least := 10*math.Log10(signal/noise), 85.0
			if part != 0 {
				least = 50
			}
			if snr < least {
				t.Errorf("%d to %d Hz, bent by %v: %.1f dB", from, to, part, snr)
			}
			t.Logf("%d to %d Hz, bent by %v: %.1f dB", from, to, part, snr)
		}
	}
}
