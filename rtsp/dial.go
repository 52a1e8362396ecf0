package rtsp

import (
	"context"
	"net"
	"time"
)

// dialer finds out within a quarter of a minute that a camera is gone without a
// word. Small packets are not kept back: Go sets TCP_NODELAY.
func dialer() *net.Dialer {
	return &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 3 * time.Second, Count: 3}}
}

// connectAnew is how long it takes until a connection is asked for once more: the
// system waits ever longer before it asks again, and a camera that is back is not to wait
// for that.
const connectAnew = 3 * time.Second

func connect(ctx context.Context, network, address string) (net.Conn, error) {
	for {
		once, cancel := context.WithTimeout(ctx, connectAnew)
		conn, err := dialer().DialContext(once, network, address)
		late := once.Err() != nil
		cancel()
		if err == nil || !late || ctx.Err() != nil {
			return conn, err
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
	c := &controlConn{Conn: conn, framer: framer{in: newInbuf(conn, &p.source.inbufs), welcome: &p.control.open, plain: p.control.open.Load()}}
	c.framer.wait = c.framer.in.more
	if p.transport == TransportHTTP {
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
