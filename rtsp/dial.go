package rtsp

import (
	"bufio"
	"context"
	"net"
)

func (p *pull) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, conn)
	return &bufferedConn{conn, bufio.NewReaderSize(conn, readAhead)}, nil
}

// bufferedConn reads ahead: the library would read a few packets at a time.
type bufferedConn struct {
	net.Conn
	r *bufio.Reader
}

func (c *bufferedConn) Read(b []byte) (int, error) { return c.r.Read(b) }

// dialTLS does the handshake here, under ctx: the library would do it with the
// first request and wait for ever.
func (p *pull) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	conn, _, err := p.source.tls.Dial(ctx, network, address, p.dial)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

func listenPacket(network, address string) (net.PacketConn, error) {
	conn, err := net.ListenPacket(network, address)
	if err != nil {
		return nil, err
	}
	if udp, ok := conn.(*net.UDPConn); ok {
		_ = udp.SetReadBuffer(udpBuffer) // as much as the system allows
	}
	return conn, nil
}
