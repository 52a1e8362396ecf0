package ingest

import (
	"math/rand/v2"
	"time"

	"github.com/camgate/camgate"
)

const (
	backoffMin   = time.Second
	backoffMax   = 30 * time.Second
	backoffSlow  = 60 * time.Second // after errors that trying again does not cure
	backoffReset = time.Minute      // of being live, after which the past is forgotten
)

// Backoff counts failed attempts and tells how long to wait before the next one.
type Backoff struct {
	failures int
}

// Next returns the pause after an attempt that ended with err and was live for
// the given time: it doubles from 1 s to 30 s, with 20 % of jitter so that many
// sources do not come back at once. Errors that need a human wait for a minute.
func (b *Backoff) Next(err error, live time.Duration) time.Duration {
	if live >= backoffReset {
		b.failures = 0
	}
	b.failures++
	if camgate.Retry(err) == camgate.RetrySlow {
		return jitter(backoffSlow)
	}
	d := backoffMax
	if b.failures <= 5 {
		d = min(d, backoffMin<<(b.failures-1))
	}
	return jitter(d)
}

// Failures returns the number of attempts since the last good one.
func (b *Backoff) Failures() int { return b.failures }

func jitter(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5)
}
