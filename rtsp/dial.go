package rtsp

import (
	"context"
	"net"
	"sync"
	"time"
)

// dialer finds out within a quarter of a minute that a camera is gone without a
// word. Small packets are not kept back: Go sets TCP_NODELAY.
func dialer() *net.Dialer {
	return &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 3 * time.Second, Count: 3}}
}

const (
	// connectAnew is after what time a connection is asked for once more, beside the one
	// that has no answer yet: the system repeats the question after a second, and then
	// ever less often, and a camera that is back, or a network that loses packets, is not
	// to wait for that.
	connectAnew = 500 * time.Millisecond
	// connectOnce is how long each of them waits.
	connectOnce = 3 * time.Second
)

// connect returns the first connection that comes about.
func connect(ctx context.Context, network, address string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	results, left := make(chan result), make(chan struct{})
	ctx, cancel := context.WithCancel(ctx)
	var dials sync.WaitGroup
	defer dials.Wait()
	defer close(left)
	defer cancel()
	dial := func() {
		once, cancel := context.WithTimeout(ctx, connectOnce)
		defer cancel()
		conn, err := dialer().DialContext(once, network, address)
		if once.Err() != nil && ctx.Err() == nil && err != nil {
			return // others are under way
		}
		select {
		case results <- result{conn, err}:
		case <-left:
			if conn != nil {
				conn.Close()
			}
		}
	}
	dials.Go(dial)
	again := time.NewTicker(connectAnew)
	defer again.Stop()
	for {
		select {
		case r := <-results:
			return r.conn, r.err
		case <-again.C:
			dials.Go(dial)
		}
	}
}

func (p *pull) dialRaw(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := connect(ctx, network, address)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, conn)
	return conn, nil
}

func (p *pull) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := p.dialRaw(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return p.controlled(conn), nil
}

// dialTLS does the handshake here, under ctx: the library would do it with the
// first request and wait for ever.
func (p *pull) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	limited, cancel := context.WithTimeout(ctx, p.source.handshakeLimit())
	defer cancel()
	conn, _, err := p.source.tls.Dial(limited, network, address, p.dialRaw)
	p.source.handshaken(err == nil || ctx.Err() != nil, limited.Err() != nil)
	if err != nil {
		return nil, err
	}
	return p.controlled(conn), nil
}

func (p *pull) controlled(conn net.Conn) net.Conn {
	c := &controlConn{Conn: conn, framer: framer{in: newInbuf(conn, &p.source.memory.inbufs), welcome: &p.control.open, plain: p.control.open.Load()}}
	c.framer.wait = c.framer.in.more
	p.conn = c
	if p.tunnels() {
		return &tunnelConn{Conn: c, pull: p}
	}
	return c
}

// controlConn is the connection for requests, and for media with TCP. Until media are
// asked for it leaves out those that come all the same, from cameras that begin with
// SETUP or go on with a session of before: the library takes them for a breach of the
// protocol.
type controlConn struct {
	net.Conn
	framer framer
}

func (c *controlConn) Read(b []byte) (int, error) { return c.framer.read(b) }

// listenPacket makes the sockets for media. The library takes even ports for RTP and
// the odd ones after them for RTCP.
func (p *pull) listenPacket(network, address string) (net.PacketConn, error) {
	conn, err := net.ListenPacket(network, address)
	if err != nil {
		return nil, err
	}
	udp := conn.(*net.UDPConn)
	_ = udp.SetReadBuffer(udpBuffer) // as much as the system allows
	if udp.LocalAddr().(*net.UDPAddr).Port%2 != 0 {
		return reportConn{udp}, nil
	}
	media := &mediaConn{UDPConn: udp}
	p.socket = media
	return media, nil
}

// handshakeAnew is how long TLS may take at first. A camera that hangs is asked anew
// after it, and one that is that slow is given twice as long the next time, up to the
// timeout of the source.
const handshakeAnew = 2500 * time.Millisecond

func (s *Source) handshakeLimit() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return min(s.timeout, handshakeAnew<<s.slowTLS)
}

// handshaken notes how that went.
func (s *Source) handshaken(done, late bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if late && !done && handshakeAnew<<s.slowTLS < s.timeout {
		s.slowTLS++
	}
}
