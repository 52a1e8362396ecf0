package ingest

import (
	"math/rand/v2"
	"testing"
	"time"
)

// The camera's clock is wrong by some parts in a million, and the network holds up
// what it carries by up to 40 ms: sound and picture stay together as the camera
// placed them, and the drift is found out.
func TestDriftIsMeasured(t *testing.T) {
	for _, ppm := range []float64{0, 80, -250} {
		bubble(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			b := newBench(t, newH264(t), newAAC(t))
			wait(time.Second)
			if b.Info().Drift != nil {
				t.Error("drift is known before anything came")
			}
			began := time.Now()
			for n := range 20 * 60 * 25 {
				due := time.Duration(n) * 40 * time.Millisecond
				if d := due + time.Duration(random.IntN(40))*time.Millisecond - time.Since(began); d > 0 {
					wait(d)
				}
				at := time.Duration(float64(due) * (1 + ppm/1e6))
				v, a := b.one(picture("I", at)), b.one(sound(at))
				if off := a.Time() - v.Time(); off.Abs() > 15*time.Millisecond {
					t.Fatalf("sound is %v off", off)
				}
			}
			if got := *b.Info().Drift; got < ppm-5 || got > ppm+5 {
				t.Errorf("drift is said to be %.1f ppm, is %.1f", got, ppm)
			}
		})
	}
}
