package rtsp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"strconv"
	"sync/atomic"
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
	return &controlConn{Conn: conn, r: bufio.NewReaderSize(conn, readAhead), open: &p.control.open}
}

// readAhead is how much is read at once from a camera: a picture or two.
const readAhead = 64 << 10

// controlConn is the connection for requests, and for media with TCP. It reads ahead:
// the library would read a few packets at a time. Until media are asked for it
// leaves out those that come all the same, from cameras that begin with SETUP or go on
// with a session of before: the library takes them for a breach of the protocol.
type controlConn struct {
	net.Conn
	r    *bufio.Reader
	open *atomic.Bool // media are welcome

	left  int  // bytes of the message that is being read
	plain bool // it is no longer looked at what comes
}

func (c *controlConn) Read(b []byte) (int, error) {
	if c.plain {
		return c.r.Read(b)
	}
	for c.left == 0 {
		first, err := c.r.Peek(1)
		switch {
		case err != nil:
			return 0, err
		case c.open.Load():
			c.plain = true
			return c.r.Read(b)
		case first[0] == '$':
			head, err := c.r.Peek(4)
			if err != nil {
				return 0, err
			}
			if _, err := c.r.Discard(4 + int(binary.BigEndian.Uint16(head[2:]))); err != nil {
				return 0, err
			}
		default:
			if c.left = c.message(); c.left == 0 {
				c.plain = true
				return c.r.Read(b)
			}
		}
	}
	n, err := c.r.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}

// message returns the length of the request or response that begins here; 0: what
// comes is none, or its head is longer than what is read ahead.
func (c *controlConn) message() int {
	for n := 1; n <= c.r.Size(); n = c.r.Buffered() + 1 {
		if _, err := c.r.Peek(n); err != nil {
			return c.r.Buffered() // the error comes after what is there
		}
		b, _ := c.r.Peek(c.r.Buffered())
		if end := bytes.Index(b, []byte("\r\n\r\n")); end >= 0 {
			return end + 4 + contentLength(b[:end])
		}
	}
	return 0
}

func contentLength(head []byte) int {
	for line := range bytes.Lines(head) {
		key, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(bytes.TrimSpace(key), []byte("Content-Length")) {
			n, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 24)
			if err == nil {
				return int(n)
			}
		}
	}
	return 0
}

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
