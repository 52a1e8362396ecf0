package encode

import (
	"slices"
	"testing"
	"time"
)

// proven returns the table of a codec when no trial of it has run out of time, which says
// nothing of an encoder: it is made again, as for a stream, three times at the most.
func proven(t *testing.T, e *Encoders, s Settings) []Proof {
	t.Helper()
	for tries := 1; ; tries++ {
		table, err := e.Prove(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if tries == 4 || !slices.ContainsFunc(table, func(p Proof) bool { return p.Busy }) {
			return table
		}
		<-time.After(retryAfter(tries))
	}
}
