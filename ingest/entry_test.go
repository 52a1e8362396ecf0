package ingest

import (
	"testing"
	"time"

	"github.com/camgate/camgate"
)

func TestEntries(t *testing.T) {
	tests := []struct {
		name, before, letters string
		after                 time.Duration
		want                  bool
	}{
		{"an ordinary picture", "", "N", time.Hour, false},
		{"recovery point at the picture", "", "RN", 0, true},
		{"recovery point for later", "", "GN", 0, true},
		{"recovery point for later, of a camera that sends keyframes", "I", "GN", 0, false},
		{"recovery point at the picture, of a camera that sends keyframes", "I", "RN", 0, true},
		{"other information", "", "EN", 0, false},
		{"intra picture", "", "A", time.Second, false},
		{"intra picture, after long", "", "A", 8 * time.Second, true},
		{"half an intra picture", "", "AN", 8 * time.Second, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newBench(t, newH264(t))
				if tt.before != "" {
					b.one(picture(tt.before, 0))
				} else {
					b.none(picture("N", 0))
				}
				wait(tt.after)
				units := b.put(picture(tt.letters, tt.after+40*time.Millisecond))
				if got := len(units) == 1 && units[0].RandomAccess; got != tt.want {
					t.Errorf("random access: %v, %d Units", got, len(units))
				}
				if tt.want && lettersOf(camgate.H264, units[0].AU) != "SP"+tt.letters {
					t.Errorf("published as %q", lettersOf(camgate.H264, units[0].AU))
				}
			})
		})
	}
}

func TestHoldAfterLoss(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBench(t, newH264(t))
		b.end()
		b.SetIntake(camgate.Intake{HoldAfterLoss: true})
		b.session(newH264(t))
		at := time.Duration(0)
		put := func(letters string, lost int) int {
			at += 40 * time.Millisecond
			wait(40 * time.Millisecond)
			sm := picture(letters, at)
			sm.Lost = lost
			return len(b.put(sm))
		}
		for i, step := range []struct {
			letters    string
			lost, want int
		}{
			{"I", 0, 1}, {"N", 0, 1}, {"N", 2, 0}, {"N", 0, 0}, {"I", 1, 0}, {"N", 0, 0}, {"I", 0, 1}, {"N", 0, 1},
		} {
			if got := put(step.letters, step.lost); got != step.want {
				t.Errorf("step %d: %d Units, want %d", i, got, step.want)
			}
		}
		if n := b.Writer.Tracks()[0].Arrived(); n != 8 {
			t.Errorf("%d pictures arrived", n)
		}
		put("N", 1)
		wait(6 * time.Second)
		at += 6 * time.Second
		if put("I", 1) != 1 {
			t.Error("held for ever")
		}
	})
}

func FuzzEntry(f *testing.F) {
	for _, b := range nal[camgate.H264] {
		f.Add(b)
	}
	f.Fuzz(func(_ *testing.T, nalu []byte) {
		for _, c := range []camgate.Codec{camgate.H264, camgate.H265} {
			entries{gradual: true, intra: true}.isEntry(c, [][]byte{nalu})
			recovers(c, nalu)
		}
		kindOfSlice(nalu)
	})
}
