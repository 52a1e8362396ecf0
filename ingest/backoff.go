package ingest

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/camgate/camgate"
)

const (
	backoffMin   = time.Second
	backoffMax   = 30 * time.Second
	backoffSlow  = 60 * time.Second // after errors that trying again does not cure
	backoffReset = time.Minute      // of being live, after which the past is forgotten
	// backoffShare bounds the pause after a session that was live for a while: it is
	// no longer than that share of it. A camera that ends each session after half a
	// minute is not away for as long.
	backoffShare = 10
	// backoffTries is how often a camera without anything to show is asked as one that
	// is away: it may not have come up yet.
	backoffTries = 5
)

// Backoff counts failed attempts and tells how long to wait before the next one.
type Backoff struct {
	failures int
}

// Next returns the pause after an attempt that ended with err and was live for
// the given time: it doubles from 1 s to 30 s, with 20 % of jitter so that many
// sources do not come back at once. Errors that need a human wait for a minute, a
// refused password from the first time on.
func (b *Backoff) Next(err error, live time.Duration) time.Duration {
	if live >= backoffReset {
		b.failures = 0
	}
	b.failures++
	if camgate.Retry(err) == camgate.RetrySlow && (errors.Is(err, camgate.ErrAuthFailed) || b.failures > backoffTries) {
		return jitter(backoffSlow)
	}
	d := backoffMax
	if b.failures <= 5 {
		d = min(d, backoffMin<<(b.failures-1))
	}
	if live >= briefly {
		d = min(d, max(backoffMin, live/backoffShare))
	}
	return jitter(d)
}

// Failures returns the number of attempts since the last good one.
func (b *Backoff) Failures() int { return b.failures }

func jitter(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5)
}
