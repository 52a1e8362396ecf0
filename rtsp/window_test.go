package rtsp

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// through sends packets through a window, one each millisecond, and returns their
// sequence numbers as they come out, and how long the last of them was held.
func through(seqs []int, ssrc func(i int) uint32) (out []int, held time.Duration) {
	w := &window{}
	now := time.Now()
	came := map[uint16]time.Time{}
	take := func(seq uint16, data []byte) {
		if binary.BigEndian.Uint16(data) != seq {
			panic("the data of another packet")
		}
		out = append(out, int(seq))
		held = max(held, now.Sub(came[seq]))
	}
	drain := func() {
		for a, ok := w.pop(now); ok; a, ok = w.pop(now) {
			take(a.seq, a.data)
		}
	}
	buf := make([]byte, 2) // used again, as the reader of a socket does
	for i, seq := range seqs {
		drain()
		came[uint16(seq)] = now
		binary.BigEndian.PutUint16(buf, uint16(seq))
		if w.push(arrival{seq: uint16(seq), ssrc: ssrc(i), data: buf}, now) {
			take(uint16(seq), buf)
		}
		drain()
		now = now.Add(time.Millisecond)
	}
	for range 200 {
		drain()
		now = now.Add(time.Millisecond)
	}
	return out, held
}

func count(from, n int) (out []int) {
	for i := range n {
		out = append(out, int(uint16(from+i)))
	}
	return out
}

func TestWindow(t *testing.T) {
	cat := func(parts ...[]int) []int { return slices.Concat(parts...) }
	cases := []struct {
		name string
		in   []int
		want []int
		held time.Duration // at the most
	}{
		{"in order over the wrap", count(65530, 20), count(65530, 20), 0},
		{"two swapped", []int{1, 2, 4, 3, 5}, count(1, 5), time.Millisecond},
		{"backwards", []int{1, 6, 5, 4, 3, 2, 7}, count(1, 7), 5 * time.Millisecond},
		{"swapped at the wrap", []int{65534, 0, 65535, 1}, []int{65534, 65535, 0, 1}, time.Millisecond},
		{"twice", []int{1, 1, 2, 4, 4, 3, 3, 5}, count(1, 5), 3 * time.Millisecond},
		{"one lost: the others wait for a time", cat([]int{1}, count(3, 300)), cat([]int{1}, count(3, 300)), windowTime},
		{"lost at the end", []int{1, 2, 4}, []int{1, 2, 4}, windowTime},
		{"comes too late", cat([]int{1}, count(3, 150), []int{2}, count(153, 3)), cat([]int{1}, count(3, 153)), windowTime},
		{"a sequence begins anew far away", cat(count(100, 5), count(40000, 5)), cat(count(100, 5), count(40000, 5)), time.Millisecond},
		{"it begins anew nearby", cat(count(100, 50), count(90, 30)), cat(count(100, 50), count(90, 30)), restart * time.Millisecond},
		{"a burst comes twice", cat(count(100, 10), count(100, 10), count(110, 5)), count(100, 15), 0},
		{"one number is wrong", cat(count(100, 5), []int{30000}, count(106, 5)), cat(count(100, 5), []int{30000}, count(106, 5)), windowTime},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, held := through(c.in, func(int) uint32 { return 1 })
			if c.name == "one number is wrong" { // whatever the order: nothing is lost
				slices.Sort(got)
				slices.Sort(c.want)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if held > c.held {
				t.Errorf("held for %s", held)
			}
		})
	}
	t.Run("another source", func(t *testing.T) {
		in := cat(count(100, 3), []int{105, 106}, count(7, 4))
		got, _ := through(in, func(i int) uint32 { return uint32(i / 5) })
		if diff := cmp.Diff(in, got); diff != "" {
			t.Error(diff)
		}
	})
}

// However packets are shuffled within the time of the window, they come out in
// order, each of them once.
func TestWindowShuffled(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		first := rng.IntN(1 << 16)
		type sent struct{ seq, at int }
		var all []sent
		var want []int
		for i := range 400 {
			seq := int(uint16(first + i))
			if i > 0 && rng.IntN(10) == 0 {
				continue // lost
			}
			want = append(want, seq)
			at := i
			if i > 0 {
				at += rng.IntN(40)
			}
			all = append(all, sent{seq, at})
			if i > 0 && rng.IntN(10) == 0 {
				all = append(all, sent{seq, at + rng.IntN(20)})
			}
		}
		slices.SortStableFunc(all, func(a, b sent) int { return a.at - b.at })
		var in []int
		for _, s := range all {
			in = append(in, s.seq)
		}
		got, _ := through(in, func(int) uint32 { return 1 })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
	}
}
