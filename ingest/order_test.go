package ingest

import (
	"testing"
	"time"

	"github.com/camgate/camgate"
)

func TestReorderedPictures(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBench(t, newTrack(t, camgate.TrackOptions{Codec: camgate.H264}))
		// Decoding order of I B B P: PTS 2 5 3 4 8 6 7 ..., then a key picture with
		// pictures after it that are to be shown before it.
		order := []int64{2, 5, 3, 4, 8, 6, 7, 11, 9, 10}
		var first int64
		for i, n := range order {
			letters := "N"
			switch {
			case i == 0 || i == 7:
				letters = "XPI"
			case i > 0 && n < order[i-1] || i > 1 && n < order[i-2]:
				letters = "B"
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

// Where no pictures are reordered, a step back is the camera's fault: a small one is
// evened out, nobody takes it for B-frames, and a large one is a jump.
func TestPictureNeverGoesBack(t *testing.T) {
	tests := []struct {
		name    string
		letters string
		params  *camgate.Params
	}{
		{"the parameters exclude it", "B", paramsOf(camgate.H264, "SP")},
		{"the slices exclude it", "N", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newBench(t, newTrack(t, camgate.TrackOptions{Codec: camgate.H264, Params: tt.params}))
				at := b.one(picture("XPI", time.Hour)).Time()
				last := at
				for _, step := range []time.Duration{40, 80, 80, 60, 20, 120, 160} { // ms
					wait(40 * time.Millisecond)
					u := b.one(picture(tt.letters, time.Hour+step*time.Millisecond))
					if u.Time() <= last || u.Discontinuity {
						t.Errorf("at %v: %v after %v", step, u.Time(), last)
					}
					last = u.Time()
				}
				if got := last - at; got != 160*time.Millisecond {
					t.Errorf("ends %v after the beginning", got)
				}
				if b.Writer.Tracks()[0].Reorders() {
					t.Error("taken for B-frames")
				}
				wait(40 * time.Millisecond)
				if u := b.one(picture(tt.letters, time.Hour-time.Second)); !u.Discontinuity || u.Time() <= last {
					t.Errorf("a second back: %v after %v, discontinuity %v", u.Time(), last, u.Discontinuity)
				}
			})
		})
	}
}
