package child

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// talker says something a number of times, with a pause before each.
type talker struct {
	what  string
	times int
	pause time.Duration
	left  string
}

func (k *talker) Read(b []byte) (int, error) {
	if k.left == "" {
		if k.times == 0 {
			return 0, io.EOF
		}
		time.Sleep(k.pause)
		k.left = k.what
		k.times--
	}
	n := copy(b, k.left)
	k.left = k.left[n:]
	return n, nil
}

// A child that floods its standard error has to wait. One that says much has not.
func TestFlood(t *testing.T) {
	const pieces = 128 // of what may be said in floodTime
	line := strings.Repeat("x", floodBytes/pieces-1) + "\n"
	for _, tt := range []struct {
		name   string
		talker talker
		want   time.Duration
	}{
		{"a flood", talker{what: line, times: 5 * pieces}, 5 * floodTime},
		{"a flood without an end of a line", talker{what: strings.Repeat("x", floodBytes), times: 5}, 5 * floodTime},
		{"much", talker{what: line, times: 5 * pieces, pause: floodTime * 2 / pieces}, 10 * floodTime},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				(&tail{}).read(&tt.talker)
				if d := time.Since(begin); d != tt.want {
					t.Errorf("it took %v, not %v", d, tt.want)
				}
			})
		})
	}
}
