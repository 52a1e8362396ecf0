package sound

import (
	"testing"
	"time"
)

// Sound goes on evenly whatever the scheduler does; what is missing shows after some
// frames, and a slow drift is followed.
func TestSampleClock(t *testing.T) {
	const frame = 20 * time.Millisecond
	var begin time.Time
	begin = begin.Add(time.Hour)
	for name, tt := range map[string]struct {
		late func(n int) time.Duration // of frame n
		step time.Duration             // the largest difference from a frame's time between two
		off  time.Duration             // of the last frame from when it was recorded
	}{
		"even":   {func(int) time.Duration { return 0 }, 0, 0},
		"jitter": {func(n int) time.Duration { return time.Duration(n%3) * 5 * time.Millisecond }, time.Millisecond, 15 * time.Millisecond},
		"a recorder that was not let run": {func(n int) time.Duration {
			if n >= 300 && n < 306 {
				return time.Duration(306-n) * frame
			}
			return 0
		}, time.Millisecond, time.Millisecond},
		"a gap": {func(n int) time.Duration {
			if n >= 300 {
				return 200 * time.Millisecond
			}
			return 0
		}, 200 * time.Millisecond, time.Millisecond},
		"a card that is fast, every other frame late": {func(n int) time.Duration {
			return time.Duration(n%2)*8*time.Millisecond - time.Duration(n)*4*time.Microsecond
		}, time.Millisecond, 15 * time.Millisecond},
		"drift": {func(n int) time.Duration { return time.Duration(n) * frame / 5000 }, time.Millisecond, time.Millisecond},
	} {
		var c sampleClock
		var last time.Time
		for n := range 1000 {
			at := begin.Add(time.Duration(n)*frame + tt.late(n))
			got := c.time(at, frame)
			if d := got.Sub(last) - frame; n > 0 && (d > tt.step || d < -tt.step) {
				t.Errorf("%s: frame %d is %v behind the one before", name, n, got.Sub(last))
			}
			if d := got.Sub(at); n == 999 && (d > tt.off || d < -tt.off) {
				t.Errorf("%s: the last frame is %v off", name, d)
			}
			last = got
		}
	}
}
