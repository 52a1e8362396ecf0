package web

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/camgate/camgate"
)

// gate verifies passwords. A right one is remembered for a while, as to verify a
// hash is dear and players ask often; a wrong one costs time and, by address, a
// share of a small number of attempts.
type gate struct {
	users   camgate.Users
	limits  Limits
	metrics *httpMetrics
	log     *slog.Logger
	key     [32]byte      // of the digests that stand for names and passwords
	slots   chan struct{} // verifications under way

	mu       sync.Mutex
	known    map[digest]login
	attempts map[netip.Prefix]*attempts
}

type digest [sha256.Size]byte

// login is a name and password that were right.
type login struct {
	user    camgate.User
	expires time.Time
}

// attempts are those of one address within a window.
type attempts struct {
	count  int // wrong ones, and those that are being verified
	until  time.Time
	logged bool
}

// maxAddresses bounds the addresses whose attempts are counted.
const maxAddresses = 10_000

// waitError is errTooManyFailures with the time until the next attempt.
type waitError struct{ wait time.Duration }

func (e *waitError) Error() string {
	return fmt.Sprintf("%v: wait %d s", errTooManyFailures, e.seconds())
}
func (e *waitError) Unwrap() error { return errTooManyFailures }
func (e *waitError) seconds() int  { return int(e.wait/time.Second) + 1 }

func newGate(users camgate.Users, limits Limits, m *httpMetrics, log *slog.Logger) *gate {
	g := &gate{
		users: users, limits: limits, metrics: m, log: log,
		slots:    make(chan struct{}, limits.Verifications),
		known:    map[digest]login{},
		attempts: map[netip.Prefix]*attempts{},
	}
	rand.Read(g.key[:]) // never fails
	return g
}

// check returns the user of that name if the password is right.
func (g *gate) check(ctx context.Context, from netip.Addr, name, password string) (camgate.User, error) {
	id := g.digest(name, password)
	if user, ok := g.recall(id); ok {
		return user, nil
	}
	start := time.Now()
	if err := g.attempt(from); err != nil {
		return camgate.User{}, err
	}
	user, err := g.verify(ctx, name, password)
	if err == nil {
		g.forgive(from)
		g.remember(id, user)
		return user, nil
	}
	g.metrics.authFailures.Inc()
	// The same time for a wrong name and a wrong password, whose hash takes some.
	delay := time.NewTimer(g.limits.FailureDelay - time.Since(start))
	defer delay.Stop()
	select {
	case <-delay.C:
	case <-ctx.Done():
	}
	return camgate.User{}, err
}

func (g *gate) verify(ctx context.Context, name, password string) (camgate.User, error) {
	select {
	case g.slots <- struct{}{}:
	case <-ctx.Done():
		return camgate.User{}, ctx.Err()
	}
	defer func() { <-g.slots }()
	return g.users.Check(name, password)
}

// digest stands for a name and a password without giving them away.
func (g *gate) digest(name, password string) (d digest) {
	mac := hmac.New(sha256.New, g.key[:])
	fmt.Fprintf(mac, "%d:%s:%s", len(name), name, password)
	mac.Sum(d[:0])
	return d
}

func (g *gate) recall(id digest) (camgate.User, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l, ok := g.known[id]
	if !ok || time.Now().After(l.expires) {
		delete(g.known, id)
		return camgate.User{}, false
	}
	return l.user, true
}

func (g *gate) remember(id digest, user camgate.User) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if len(g.known) >= g.limits.RememberedUsers {
		for k, l := range g.known {
			if now.After(l.expires) {
				delete(g.known, k)
			}
		}
	}
	if len(g.known) < g.limits.RememberedUsers {
		g.known[id] = login{user, now.Add(g.limits.RememberLogin)}
	}
}

// attempt takes one of an address's attempts, before it is known how it ends, so
// that many at once do not get more.
func (g *gate) attempt(from netip.Addr) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, key := time.Now(), network(from)
	a := g.attempts[key]
	if a == nil || now.After(a.until) {
		if a == nil && len(g.attempts) >= maxAddresses {
			g.makeRoom(now)
		}
		a = &attempts{until: now.Add(g.limits.FailureWindow)}
		g.attempts[key] = a
	}
	if a.count >= g.limits.Failures {
		if !a.logged {
			a.logged = true
			g.log.Warn("logins refused for a while", "remote", from.String(), "reason", "too many wrong passwords", "until", a.until)
		}
		return &waitError{a.until.Sub(now)}
	}
	a.count++
	return nil
}

// forgive gives an attempt back.
func (g *gate) forgive(from netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	key := network(from)
	if a := g.attempts[key]; a != nil {
		if a.count--; a.count <= 0 {
			delete(g.attempts, key)
		}
	}
}

// makeRoom forgets addresses whose window is over, or any one if there is none.
func (g *gate) makeRoom(now time.Time) {
	for k, a := range g.attempts {
		if now.After(a.until) {
			delete(g.attempts, k)
		}
	}
	if len(g.attempts) < maxAddresses {
		return
	}
	for k := range g.attempts {
		delete(g.attempts, k)
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

// remoteIP is the address of the connection's other end. What a proxy says of it
// can be made up by anybody, so it is not used.
func remoteIP(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	ip, _ := netip.ParseAddr(host)
	return ip
}
