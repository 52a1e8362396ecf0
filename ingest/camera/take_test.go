package camera

import (
	"testing"
	"time"

	"github.com/camgate/camgate/internal/v4l2"
)

func TestClock(t *testing.T) {
	const now = int64(5_000_000_000)
	var c clock
	check := func(micros int64, monotonic bool, now int64, wantAt, wantAge time.Duration) {
		t.Helper()
		at, age := c.time(&v4l2.Buffer{Micros: micros, Monotonic: monotonic}, now)
		if at != wantAt || age != wantAge {
			t.Errorf("at %s, %s old; want %s, %s", at, age, wantAt, wantAge)
		}
	}
	check(4_990_000, true, now, 0, 10*time.Millisecond)
	check(5_023_333, true, now+50e6, 33333*time.Microsecond, 26667*time.Microsecond)
	check(5_023_333, true, now+60e6, 33334*time.Microsecond, 36667*time.Microsecond) // the same again
	check(77, true, now+100e6, 110*time.Millisecond, 0)                              // no such time
	check(99_000_000, true, now+130e6, 140*time.Millisecond, 0)
	check(5_150_000, false, now+170e6, 180*time.Millisecond, 0) // another clock
	check(5_200_000, true, now+201e6, 210*time.Millisecond, time.Millisecond)
}
