package rendition

import (
	"testing"
	"time"
)

func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		name   string
		losses []float64
		want   float64
	}{
		{"nobody", nil, 0},
		{"one", []float64{0.2}, 0.2},
		{"the worst of few", []float64{0, 0.2, 0.1}, 0.2},
		{"one bad of five", []float64{0, 0.3, 0, 0, 0}, 0},
		{"one bad of ten", []float64{0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0}, 0},
		{"three bad of ten", []float64{0.5, 0, 0.2, 0, 0.1, 0, 0, 0, 0, 0}, 0.1},
		{"all", []float64{0.1, 0.1, 0.1, 0.1, 0.1}, 0.1},
	} {
		if got := (&follower{}).judge(tt.losses); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestFollow(t *testing.T) {
	bounds := Adaptive{Min: 300_000, Max: 2_000_000}
	bad, good := []float64{0.15}, []float64{0}
	crowd := []float64{0, 0, 0, 0, 0, 0, 0, 0, 0, 0.5}
	for _, tt := range []struct {
		name   string
		from   int
		losses []float64
		long   time.Duration
		least  int
		most   int
	}{
		{"begins at the most", 0, good, time.Second, 2_000_000, 2_000_000},
		{"begins within bounds", 9_000_000, good, time.Second, 2_000_000, 2_000_000},
		{"not in the first moments", 1_000_000, bad, 3 * time.Second, 1_000_000, 1_000_000},
		{"one step", 1_000_000, bad, 5 * time.Second, 700_000, 700_000},
		{"a smaller step", 1_000_000, []float64{0.05}, 5 * time.Second, 850_000, 850_000},
		{"down to the least", 2_000_000, bad, time.Minute, 300_000, 300_000},
		{"within half a minute", 2_000_000, bad, 30 * time.Second, 300_000, 500_000},
		{"it carries just that", 1_000_000, []float64{0.02}, time.Minute, 1_000_000, 1_000_000},
		{"up slowly", 1_000_000, good, 11 * time.Second, 1_150_000, 1_150_000},
		{"not at once", 1_000_000, good, 9 * time.Second, 1_000_000, 1_000_000},
		{"up to the most", 300_000, good, 5 * time.Minute, 2_000_000, 2_000_000},
		{"nobody says anything", 300_000, nil, 5 * time.Minute, 2_000_000, 2_000_000},
		{"one bad of ten", 1_000_000, crowd, 5 * time.Minute, 2_000_000, 2_000_000},
	} {
		start := time.Now()
		f := newFollower(bounds, tt.from, start)
		got := 0
		for d := time.Duration(0); d <= tt.long; d += time.Second {
			got = f.follow(start.Add(d), tt.losses)
		}
		if got < tt.least || got > tt.most {
			t.Errorf("%s: %d, want %d to %d", tt.name, got, tt.least, tt.most)
		}
	}
}
