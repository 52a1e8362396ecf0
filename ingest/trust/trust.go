// Package trust makes TLS connections to cameras, whose certificates are seldom
// those of public authorities: it decides by authorities, by fingerprints, or by
// what was seen first, says what it found, and speaks with devices that know nothing
// newer than TLS 1.0.
package trust

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

// Options are what to trust. Without any, a certificate has to be issued for the
// host's name by an authority of this machine. Of Pins, TrustOnFirstUse and Insecure
// there can be one, and none beside CAs and ServerName.
type Options struct {
	// CAs are the authorities to trust in place of the machine's.
	CAs *x509.CertPool
	// ServerName is who the certificate has to be for, in place of the host. It is
	// compared with the common name where the certificate has no other one.
	ServerName string
	// Pins accept exactly the certificates or public keys with one of these SHA-256,
	// whoever issued them and however old they are.
	Pins []Pin
	// TrustOnFirstUse accepts what an address shows first, and only that from then on.
	// It needs a Store.
	TrustOnFirstUse bool
	Store           *Store
	// Insecure accepts everything.
	Insecure bool
	// Modern never falls back to what is off by default: TLS before 1.2, RSA key
	// exchange, 3DES.
	Modern bool
	// Logger is told what is strange about a connection, once for each change.
	Logger *slog.Logger
	// Seen is told what each connection showed, also when it is refused; nil: nobody is.
	Seen func(address string, facts Facts)

	now func() time.Time // for tests; nil: time.Now
}

// ErrContradiction is returned for Options of which one makes another one meaningless.
var ErrContradiction = errors.New("options of trust that contradict each other")

func (o Options) check() error {
	n := 0
	for _, is := range [...]bool{len(o.Pins) > 0, o.TrustOnFirstUse, o.Insecure, o.CAs != nil || o.ServerName != ""} {
		if is {
			n++
		}
	}
	switch {
	case n > 1:
		return ErrContradiction
	case o.TrustOnFirstUse && o.Store == nil:
		return fmt.Errorf("%w: trust on first use, but no store", ErrContradiction)
	}
	return nil
}

// DialFunc opens a connection, as net.Dialer.DialContext does.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Dialer makes connections. It remembers which servers are old. It is safe for use
// by several goroutines.
type Dialer struct {
	opts Options

	mu    sync.Mutex
	peers map[string]peer // by address
}

// peer is what a Dialer remembers of a server.
type peer struct {
	level level  // to begin with
	told  string // what was logged last
}

// maxPeers bounds what is remembered: redirections may lead anywhere.
const maxPeers = 64

// New makes a Dialer.
func New(o Options) (*Dialer, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Dialer{opts: o, peers: map[string]peer{}}, nil
}

// Insecure tells whether everything is accepted.
func (d *Dialer) Insecure() bool { return d.opts.Insecure }

// Dial connects to host:port with the given function, nil being that of net.Dialer,
// and does the handshake under ctx. When the handshake fails as it does with a server
// that is old, it connects once more and offers what such servers know.
//
// A certificate that is not accepted is a *RefusedError. The Facts are those that are
// known, also with an error.
func (d *Dialer) Dial(ctx context.Context, network, address string, dial DialFunc) (*tls.Conn, Facts, error) {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	start := d.peer(address).level
	var first error
	for l := start; ; {
		conn, facts, err := d.attempt(ctx, network, address, dial, l)
		if d.opts.Seen != nil && facts.Fingerprint != (Pin{}) {
			d.opts.Seen(address, facts)
		}
		if err == nil {
			d.connected(address, l, facts)
			return conn, facts, nil
		}
		if refused := (*RefusedError)(nil); errors.As(err, &refused) {
			return nil, facts, err
		}
		first = cmp.Or(first, err)
		next, ok := l.after(err)
		if !ok || d.opts.Modern {
			d.failed(address, start, err)
			if err.Error() != first.Error() {
				first = fmt.Errorf("%w (and with old versions and suites: %w)", first, err)
			}
			return nil, facts, first
		}
		l = next
	}
}

// attempt makes one connection.
func (d *Dialer) attempt(ctx context.Context, network, address string, dial DialFunc, l level) (*tls.Conn, Facts, error) {
	raw, err := dial(ctx, network, address)
	if err != nil {
		return nil, Facts{}, err
	}
	var by Verification
	config := &tls.Config{
		ServerName:         sni(d.nameFor(address)),
		InsecureSkipVerify: true, // verify is in its place
		VerifyConnection: func(cs tls.ConnectionState) (err error) {
			by, err = d.verify(address, cs)
			return err
		},
	}
	l.config(config)
	conn := tls.Client(raw, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		raw.Close()
		if refused := (*RefusedError)(nil); errors.As(err, &refused) {
			return nil, refused.Facts, refused
		}
		return nil, Facts{}, &handshakeError{err}
	}
	facts := factsOf(conn.ConnectionState())
	facts.Verified = by
	if by == ByFirstUse {
		if err := d.remember(address, facts); err != nil {
			conn.Close()
			return nil, facts, err
		}
	}
	return conn, facts, nil
}

// remember stores a certificate, now that the server has proved that it is its own.
func (d *Dialer) remember(address string, facts Facts) error {
	facts.Verified = ""
	known, err := d.opts.Store.Remember(address, facts.Fingerprint, d.now())
	switch {
	case err != nil:
		return &RefusedError{Facts: facts, Address: address, Reason: err.Error(), Err: err, Accept: "trust exactly it by " + pinLine(facts.Fingerprint)}
	case known.Pin != facts.Fingerprint: // another connection was faster, and saw another one
		return d.changed(address, known, facts)
	}
	return nil
}

func (d *Dialer) peer(address string) peer {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.peers[address]
}

// connected remembers what worked and logs what is strange about it.
func (d *Dialer) connected(address string, l level, facts Facts) {
	text := strings.Join([]string{facts.Version.String(), facts.Suite.String(), string(facts.Verified), facts.Fingerprint.String()}, " ")
	d.mu.Lock()
	if len(d.peers) >= maxPeers {
		clear(d.peers)
	}
	told := d.peers[address].told == text
	d.peers[address] = peer{l, text}
	d.mu.Unlock()
	if told {
		return
	}
	log := d.opts.Logger.With("remote", address)
	if facts.Legacy {
		log.Warn("old TLS, as the camera knows nothing better", "reason", facts.Version.String()+" with "+facts.Suite.String())
	}
	switch facts.Verified {
	case ByFirstUse:
		log.Info("certificate trusted on first use and remembered", "reason", facts.Fingerprint.String(), "file", d.opts.Store.Path())
	case ByNothing:
		log.Warn("certificate not verified; to accept no other one, use that line in place of insecure", "reason", pinLine(facts.Fingerprint))
	case BySystem, ByCA, ByPin, ByRemembered:
	}
}

// failed chooses where the next attempt begins. A server that never answers may be one
// that cannot read a hello of today; there is no time left to find out in this attempt.
func (d *Dialer) failed(address string, start level, err error) {
	next := modern
	handshake := (*handshakeError)(nil)
	if start == modern && !d.opts.Modern && errors.As(err, &handshake) && isTimeout(err) {
		next = old
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if p, ok := d.peers[address]; ok || next != modern {
		p.level = next
		d.peers[address] = p
	}
}

// sni is the name to ask for in the hello (RFC 6066 section 3): only those that can be
// names of hosts, as servers hang up on others.
func sni(name string) string {
	if net.ParseIP(name) != nil || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-._") != "" {
		return ""
	}
	return name
}

// LoadCAs reads a file of certificates (PEM).
func LoadCAs(file string) (*x509.CertPool, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s: there is no certificate in it", file)
	}
	return pool, nil
}
