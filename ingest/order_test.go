package ingest

import (
	"testing"
	"time"

	"github.com/camgate/camgate"
)

func TestReorderedPictures(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBench(t, newH264(t))
		// Decoding order of I B B P: PTS 2 5 3 4 8 6 7 ..., then a key picture with
		// pictures after it that are to be shown before it.
		order := []int64{2, 5, 3, 4, 8, 6, 7, 11, 9, 10}
		var first int64
		for i, n := range order {
			letters := "N"
			if i == 0 || i == 7 {
				letters = "I"
			}
			u := b.one(Sample{PTS: n * 3600, AU: auOf(camgate.H264, letters)})
			if i == 0 {
				first = u.PTS
			}
			if got, want := u.PTS-first, (n-2)*3600; got != want {
				t.Errorf("picture %d is at %d, want %d", i, got, want)
			}
			if u.Discontinuity != (i == 0) {
				t.Errorf("picture %d: discontinuity is %v", i, u.Discontinuity)
			}
			wait(40 * time.Millisecond)
		}
	})
}

func TestSoundNeverGoesBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBench(t, newH264(t), newAAC(t))
		b.one(picture("I", 0))
		var last int64
		for i, pts := range []int64{0, 1024, 2048, 2040, 2048, 3072, 3072, 3072, 4096} {
			u := b.one(Sample{Track: 1, PTS: pts, AU: [][]byte{{1}}})
			if i > 0 && u.PTS <= last {
				t.Errorf("%d after %d", u.PTS, last)
			}
			if u.Discontinuity != (i == 0) {
				t.Errorf("frame %d: discontinuity is %v", i, u.Discontinuity)
			}
			last = u.PTS
		}
	})
}
