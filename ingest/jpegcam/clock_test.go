package jpegcam

import (
	"testing"
	"time"
)

func TestClock(t *testing.T) {
	const ms = time.Millisecond
	type at struct{ arrival, stamp, want time.Duration }
	minutes := func(n int, stamp func(i int) time.Duration) (list []at) {
		for i := range n * 60 {
			list = append(list, at{time.Duration(i) * time.Second, stamp(i), time.Duration(i) * time.Second})
		}
		return list
	}
	tests := []struct {
		name string
		list []at
	}{
		{"no stamps", []at{{10 * ms, 0, 10 * ms}, {60 * ms, 0, 60 * ms}, {90 * ms, 0, 90 * ms}}},
		{"stamps without the jitter of the network", []at{{10 * ms, 5000 * ms, 10 * ms}, {70 * ms, 5040 * ms, 50 * ms}, {75 * ms, 5080 * ms, 90 * ms}}},
		{"stamps that stand still", []at{{10 * ms, 5000 * ms, 10 * ms}, {70 * ms, 5000 * ms, 70 * ms}, {90 * ms, 5040 * ms, 90 * ms}}},
		{"stamps that jump", []at{{10 * ms, 5000 * ms, 10 * ms}, {70 * ms, 50000 * ms, 70 * ms}, {90 * ms, 50040 * ms, 90 * ms}}},
		{"stamps that stop", []at{{10 * ms, 5000 * ms, 10 * ms}, {50 * ms, 5040 * ms, 50 * ms}, {90 * ms, 0, 90 * ms}}},
		{"at once", []at{{10 * ms, 0, 10 * ms}, {10 * ms, 0, 11 * ms}, {10 * ms, 0, 12 * ms}}},
		{"a clock of another speed", minutes(10, func(i int) time.Duration { return time.Hour + time.Duration(i)*1500*ms })},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := clock{began: time.Now()}
			for i, a := range tt.list {
				got := c.time(c.began.Add(a.arrival), a.stamp)
				if d := got - a.want; d != 0 && (tt.name[:2] != "a " || d < -maxDrift || d > maxDrift) {
					t.Errorf("picture %d: %s, want %s", i, got, a.want)
				}
			}
		})
	}
	// A good clock that drifts is followed for as long as it lasts.
	c := clock{began: time.Now()}
	for i := range 2 * 24 * 3600 {
		arrival := time.Duration(i) * time.Second
		got := c.time(c.began.Add(arrival), time.Hour+arrival+arrival/20000)
		if d := got - arrival; d < -maxDrift || d > maxDrift {
			t.Fatalf("%s away after %s", d, arrival)
		}
	}
	if c.distrust {
		t.Error("a clock of 50 parts in a million is not trusted any more")
	}
}

func TestParseStamp(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "0.000000": 0, "1": time.Second, "1.5": 1500 * time.Millisecond, "1700000000.000001": 1700000000*time.Second + time.Microsecond,
		"1.1234567891": time.Second + 123456789, "": 0, "-1": 0, "1.x": 0, "99999999999": 0, "1.+5": 0, "NaN": 0,
	} {
		if got := parseStamp(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
