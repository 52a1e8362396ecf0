package ingest

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/camgate/camgate"
)

const (
	backoffAgain = time.Second / 2 // after a session that was live
	backoffMin   = time.Second
	backoffMax   = 30 * time.Second
	backoffSlow  = 60 * time.Second // after errors that trying again does not cure
	backoffReset = time.Minute      // of being live, after which the past is forgotten
	// backoffShare bounds the pause after a session that was live for a while: it is
	// no longer than that share of it. A camera that ends each session after half a
	// minute is not away for as long.
	backoffShare = 10
	// backoffSoon is the longest pause for backoffNear after a source went away: it may
	// just be starting, or has a place for us in a moment. A question that it refuses
	// costs it little.
	backoffSoon = 2 * time.Second
	backoffNear = 2 * time.Minute
	maxSteps    = 5 // of doubling
)

// Backoff counts failed attempts and tells how long to wait before the next one.
type Backoff struct {
	failures int
	steps    int       // of those, the ones by which the pause grows
	since    time.Time // the first of them
}

// Next returns the pause after an attempt that ended with err and was live for
// the given time: it doubles from 1 s to 30 s, with 20 % of jitter so that many
// sources do not come back at once. It does not grow over backoffSoon for backoffNear
// from the first failure on, also where the source works for moments between: a network
// that comes and goes does so a few times. Errors that need a human wait for a minute, a
// refused password or certificate from the first time on.
func (b *Backoff) Next(err error, live time.Duration) time.Duration {
	if live >= backoffReset || b.failures == 0 {
		*b = Backoff{since: time.Now()}
	}
	b.failures++
	near := time.Since(b.since) < backoffNear
	if camgate.Retry(err) == camgate.RetrySlow && (needsHuman(err) || !near) {
		return jitter(backoffSlow)
	}
	if live > 0 && b.failures == 1 {
		return jitter(backoffAgain)
	}
	d := min(backoffMin<<min(b.steps, maxSteps), backoffMax)
	if live < briefly && near && d > backoffSoon {
		d = backoffSoon
	} else {
		b.steps++
	}
	if live >= briefly {
		d = min(d, max(backoffMin, live/backoffShare))
	}
	return jitter(d)
}

// needsHuman tells whether nothing gets better by itself.
func needsHuman(err error) bool {
	return errors.Is(err, camgate.ErrAuthFailed) || errors.Is(err, camgate.ErrUntrusted)
}

// Failures returns the number of attempts since the last good one.
func (b *Backoff) Failures() int { return b.failures }

func jitter(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5)
}
