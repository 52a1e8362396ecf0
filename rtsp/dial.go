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

func (p *pull) dialRaw(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := dialer().DialContext(ctx, network, address)
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
	conn, _, err := p.source.tls.Dial(ctx, network, address, p.dialRaw)
	if err != nil {
		return nil, err
	}
	return p.controlled(conn), nil
}

func (p *pull) controlled(conn net.Conn) net.Conn {
	c := &controlConn{Conn: conn, framer: framer{in: newInbuf(conn, &p.source.inbufs), welcome: &p.control.open, plain: p.control.open.Load()}}
	c.framer.wait = c.framer.in.more
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
