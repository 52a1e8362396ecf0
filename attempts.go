package camgate

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// ErrTooManyAttempts refuses a login without looking at the password.
var ErrTooManyAttempts = errors.New("too many wrong passwords from this address")

// TooManyAttemptsError is ErrTooManyAttempts with the time until the next attempt.
type TooManyAttemptsError struct {
	Wait  time.Duration
	First bool // the first refusal of this address within the window: worth a line in the log
}

func (e *TooManyAttemptsError) Error() string {
	return fmt.Sprintf("%v: wait %d s", ErrTooManyAttempts, int(e.Wait/time.Second)+1)
}

func (e *TooManyAttemptsError) Unwrap() error { return ErrTooManyAttempts }

// Attempts counts wrong passwords by the address they come from, over all
// protocols of a gateway, and refuses more of them for a while.
type Attempts struct {
	max    int
	window time.Duration

	mu   sync.Mutex
	from map[netip.Prefix]*attempts
}

// attempts are those of one address within a window.
type attempts struct {
	count   int // wrong ones, and those that are being verified
	until   time.Time
	refused bool
}

// maxAddresses bounds the addresses whose attempts are counted.
const maxAddresses = 10_000

// NewAttempts permits so many wrong passwords of an address within a window; zero
// means 10 within a minute.
func NewAttempts(most int, window time.Duration) *Attempts {
	if most == 0 {
		most = 10
	}
	if window == 0 {
		window = time.Minute
	}
	return &Attempts{max: most, window: window, from: map[netip.Prefix]*attempts{}}
}

// Take takes one of an address's attempts, before it is known how it ends, so that
// many at once do not get more. It fails with a *TooManyAttemptsError.
func (l *Attempts) Take(from netip.Addr) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, key := time.Now(), network(from)
	a := l.from[key]
	if a == nil || now.After(a.until) {
		if a == nil && len(l.from) >= maxAddresses {
			l.makeRoom(now)
		}
		a = &attempts{until: now.Add(l.window)}
		l.from[key] = a
	}
	if a.count >= l.max {
		err := &TooManyAttemptsError{Wait: a.until.Sub(now), First: !a.refused}
		a.refused = true
		return err
	}
	a.count++
	return nil
}

// GiveBack returns an attempt that was right.
func (l *Attempts) GiveBack(from netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := network(from)
	if a := l.from[key]; a != nil {
		if a.count--; a.count <= 0 {
			delete(l.from, key)
		}
	}
}

// makeRoom forgets addresses whose window is over, or any one if there is none.
func (l *Attempts) makeRoom(now time.Time) {
	for k, a := range l.from {
		if now.After(a.until) {
			delete(l.from, k)
		}
	}
	if len(l.from) < maxAddresses {
		return
	}
	for k := range l.from {
		delete(l.from, k)
		return
	}
}

// network is what counts as one address: a single one of IPv4, a /64 of IPv6, as
// its owner has all of it.
func network(ip netip.Addr) netip.Prefix {
	bits := 32
	if ip = ip.Unmap().WithZone(""); ip.Is6() {
		bits = 64
	}
	p, _ := ip.Prefix(bits) // the zero Prefix for what is no address
	return p
}
