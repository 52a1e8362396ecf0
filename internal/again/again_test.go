package again

import (
	"testing"
	"time"
)

// What fails while the machine is there for us fails at once; with it away, once more.
func TestAgain(t *testing.T) {
	for _, c := range []struct {
		name       string
		busy       bool
		failFirst  bool
		failSecond bool
		runs       int
		failures   int
	}{
		{"well", true, false, false, 1, 0},
		{"the machine was late", true, true, false, 2, 0},
		{"it fails all the same", true, true, true, 2, 2},
		{"the machine was there", false, true, false, 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			runs, told := 0, &attempt{TB: t}
			r := Rows{late: func(*attempt) (time.Duration, bool) { return time.Second, c.busy }}
			r.Check(told, func(t testing.TB) {
				runs++
				if runs == 1 && c.failFirst || runs == 2 && c.failSecond {
					t.Fatal("bad")
				}
			})
			if runs != c.runs || len(told.failures) != c.failures {
				t.Errorf("%d runs, %d failures: %q", runs, len(told.failures), told.failures)
			}
		})
	}
}
