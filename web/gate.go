package web

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
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

	attempts *camgate.Attempts

	mu    sync.Mutex
	known map[digest]login
}

type digest [sha256.Size]byte

// login is a name and password that were right.
type login struct {
	user    camgate.User
	expires time.Time
}

func newGate(users camgate.Users, attempts *camgate.Attempts, limits Limits, m *httpMetrics, log *slog.Logger) *gate {
	g := &gate{
		users: users, limits: limits, metrics: m, log: log,
		slots:    make(chan struct{}, limits.Verifications),
		known:    map[digest]login{},
		attempts: attempts,
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
	user, err := g.verify(ctx, from, id, name, password)
	if err == nil || errors.Is(err, camgate.ErrTooManyAttempts) {
		return user, err
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

// verify takes an attempt for as long as the verification lasts. Few are under way
// at a time, so that a client that asks many things at once with the right password
// is not taken for one that guesses; all but the first of them find it remembered.
func (g *gate) verify(ctx context.Context, from netip.Addr, id digest, name, password string) (camgate.User, error) {
	select {
	case g.slots <- struct{}{}:
	case <-ctx.Done():
		return camgate.User{}, ctx.Err()
	}
	defer func() { <-g.slots }()
	if user, ok := g.recall(id); ok {
		return user, nil
	}
	if err := g.attempts.Take(from); err != nil {
		var refused *camgate.TooManyAttemptsError
		if errors.As(err, &refused) && refused.First {
			g.log.Warn("logins refused for a while", "remote", from.String(), "reason", camgate.ErrTooManyAttempts, "wait", refused.Wait)
		}
		return camgate.User{}, err
	}
	user, err := g.users.Check(name, password)
	if err != nil {
		return camgate.User{}, err
	}
	g.attempts.GiveBack(from)
	g.remember(id, user)
	return user, nil
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
