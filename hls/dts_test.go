package hls

import (
	"slices"
	"testing"
)

func TestReorder(t *testing.T) {
	for name, c := range map[string]struct {
		depth    int
		pts, dts []int64
	}{
		"in order":         {0, []int64{0, 10, 20, 30}, []int64{0, 10, 20, 30}},
		"known depth":      {1, []int64{0, 30, 10, 20, 60, 40, 50}, []int64{-10, 0, 10, 20, 30, 40, 50}},
		"pyramid":          {2, []int64{0, 40, 20, 10, 30, 80, 60, 50, 70}, []int64{-20, -10, 0, 10, 20, 30, 40, 50, 60}},
		"learnt":           {0, []int64{0, 30, 10, 20, 60, 40, 50, 90, 70, 80}, []int64{0, 30, 31, 32, 33, 40, 50, 60, 70, 80}},
		"deeper than said": {1, []int64{0, 40, 20, 10, 30, 80, 60, 50, 70}, []int64{-10, 0, 20, 21, 22, 30, 40, 50, 60}},
		"the same twice":   {0, []int64{0, 10, 10, 20}, []int64{0, 10, 11, 20}},
	} {
		t.Run(name, func(t *testing.T) {
			r := reorder{depth: c.depth}
			var got []int64
			for _, pts := range c.pts {
				got = append(got, r.next(pts, 10))
			}
			if !slices.Equal(got, c.dts) {
				t.Errorf("got  %v\nwant %v", got, c.dts)
			}
		})
	}
}

// FuzzReorder: decoding times grow whatever comes, and nothing piles up.
func FuzzReorder(f *testing.F) {
	f.Add(0, []byte{0, 3, 1, 2, 6, 4, 5})
	f.Add(3, []byte{9, 0, 255, 7, 7})
	f.Fuzz(func(t *testing.T, depth int, deltas []byte) {
		r := reorder{depth: max(0, min(depth, maxReorder))}
		last, at := int64(-1<<62), int64(0)
		for _, d := range deltas {
			at += 3000
			dts := r.next(at+int64(int8(d))*1000, 3000)
			if dts <= last {
				t.Fatalf("%d after %d", dts, last)
			}
			last = dts
			if len(r.pending) > maxReorder+1 || len(r.recent) > maxReorder {
				t.Fatalf("%d and %d are held", len(r.pending), len(r.recent))
			}
		}
	})
}
