package fakecam

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

const (
	// handshakeTimeout bounds a TLS handshake.
	handshakeTimeout = 10 * time.Second
	// writeTimeout is after what time a client that reads nothing is given up.
	writeTimeout = 10 * time.Second
)

// errHeld tells that a connection ended while it was frozen.
var errHeld = errors.New("closed while frozen")

// conn is a connection of a client, with at most one session.
type conn struct {
	cam    *Cam
	number uint64 // from 1
	raw    net.Conn
	log    *slog.Logger

	// Of the goroutine that reads.
	net     net.Conn // raw, or TLS over it
	auth    auth
	base    string // what DESCRIBE said, to which control URLs belong
	prog    *programme
	speaker bool // its back channel was asked for
	session *session

	mu      sync.Mutex
	closed  bool
	gone    chan struct{} // closed when the connection is
	playing time.Time     // since when; zero before PLAY
}

func newConn(c *Cam, nc net.Conn) *conn {
	return &conn{
		cam: c, raw: nc, net: nc, gone: make(chan struct{}),
		log: c.opts.Logger.With("remote", nc.RemoteAddr().String()),
	}
}

func (k *conn) now() time.Time { return time.Now() }

// fault returns a fault of the camera, if it has it and it holds for this connection.
func (k *conn) fault(name string) (*fault, bool) {
	fs, _ := k.cam.current()
	f, ok := fs[name]
	if heal, some := fs["heal"]; some && k.number > uint64(heal.args[0]) {
		return nil, false
	}
	return f, ok
}

func (k *conn) has(name string) bool {
	_, ok := k.fault(name)
	return ok
}

// due tells whether a fault whose first argument is a time has begun in a
// connection that plays.
func (k *conn) due(name string) (*fault, bool) {
	f, ok := k.fault(name)
	if !ok {
		return f, false
	}
	k.mu.Lock()
	from := k.playing
	k.mu.Unlock()
	if from.IsZero() {
		return f, false
	}
	if f.since.After(from) {
		from = f.since
	}
	return f, k.now().Sub(from) >= f.time(0)
}

// run serves the connection until it ends.
func (k *conn) run(ctx context.Context) {
	defer k.leave()
	if k.cam.tls != nil && !k.handshake(ctx) {
		return
	}
	r := bufio.NewReader(k.net)
	for {
		k.armTimeout()
		if err := k.serveOne(ctx, r); err != nil {
			k.log.Info("connection ended", "reason", err.Error())
			return
		}
	}
}

// leave ends the session of a connection that has ended.
func (k *conn) leave() {
	if k.session == nil {
		return
	}
	if f, ok := k.fault("hold-port"); ok && !k.session.orderly {
		k.cam.mu.Lock()
		k.cam.holdUntil = k.now().Add(f.time(0))
		k.cam.mu.Unlock()
	}
	k.session.end()
	k.session = nil
}

func (k *conn) handshake(ctx context.Context) bool {
	if k.has("dead-tls") {
		<-k.gone
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	config := k.cam.tls
	if k.has("old-tls") {
		config = oldTLS(config)
	}
	server := tls.Server(k.raw, config)
	if err := server.HandshakeContext(ctx); err != nil {
		k.log.Info("TLS handshake failed", "err", err)
		return false
	}
	k.net = server
	return true
}

// armTimeout ends reading when the session will be over.
func (k *conn) armTimeout() {
	var at time.Time
	if s := k.session; s != nil {
		at = s.expires()
	}
	_ = k.raw.SetReadDeadline(at) // a connection that is closed says so when it is read
}

// serveOne takes a request or a packet.
func (k *conn) serveOne(ctx context.Context, r *bufio.Reader) error {
	first, err := r.Peek(1)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		if s := k.session; s != nil && k.now().Before(s.expires()) {
			return nil
		}
		return errors.New("no sign of life, the session is over")
	}
	if err != nil {
		return err
	}
	if err := k.hold(); err != nil {
		return err
	}
	if first[0] == '$' {
		var header [4]byte
		if _, err := io.ReadFull(r, header[:]); err != nil {
			return err
		}
		data := make([]byte, int(header[2])<<8|int(header[3]))
		if _, err := io.ReadFull(r, data); err != nil {
			return err
		}
		if k.session != nil {
			k.session.incoming(int(header[1]), data)
		}
		return nil
	}
	req, err := readRequest(r)
	if err != nil {
		return err
	}
	return k.answer(ctx, req)
}

// hold waits while the connection is frozen.
func (k *conn) hold() error {
	for {
		_, changed := k.cam.current()
		// At once means also those who have not come to PLAY.
		f, is := k.fault("frozen-tcp")
		if _, due := k.due("frozen-tcp"); !is || !due && f.time(0) > 0 {
			return nil
		}
		select {
		case <-changed:
		case <-k.gone:
			return errHeld
		}
	}
}

// write sends bytes in one piece: responses and packets come from different
// goroutines, and net.Conn keeps one call's bytes together.
func (k *conn) write(b []byte) error {
	if err := k.hold(); err != nil {
		return err
	}
	if err := k.raw.SetWriteDeadline(k.now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := k.net.Write(b)
	return err
}

// pause waits; false when the connection has ended before.
func (k *conn) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-k.gone:
		return false
	}
}

func (k *conn) close() {
	k.mu.Lock()
	was := k.closed
	k.closed = true
	k.mu.Unlock()
	if !was {
		close(k.gone)
		k.raw.Close()
	}
}

// reset closes the connection with a TCP RST.
func (k *conn) reset() {
	if tcp, ok := k.raw.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // when that fails it is closed all the same
	}
	k.close()
}

// random is a generator for what happens by chance in one session.
func (k *conn) random() *rand.Rand {
	seed := k.cam.opts.Seed
	if seed == 0 {
		seed = rand.Uint64()
	}
	return rand.New(rand.NewPCG(seed, k.number))
}
