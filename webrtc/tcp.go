package webrtc

import (
	"encoding/binary"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// tcpBuffer is how much may be on the way to a viewer by TCP. What is in the kernel
// cannot be skipped any more, and makes a slow viewer late.
const tcpBuffer = 256 << 10

// tcpListener does for TCP what udpMux does for UDP. It knows its connections, so
// that media can go straight to them, and bounds their number.
type tcpListener struct {
	net.Listener
	max     int
	timeout time.Duration // of a write

	mu    sync.Mutex
	conns map[netip.AddrPort]*tcpConn // by the viewer's address
}

func newTCPListener(l net.Listener, max int, timeout time.Duration) *tcpListener {
	return &tcpListener{Listener: l, max: max, timeout: timeout, conns: map[netip.AddrPort]*tcpConn{}}
}

// Addr hides the address: an agent would leave out all others.
func (l *tcpListener) Addr() net.Addr {
	addr := *l.Listener.Addr().(*net.TCPAddr)
	addr.IP = net.IPv4zero
	return &addr
}

func (l *tcpListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if conn := l.admit(c.(*net.TCPConn)); conn != nil {
			return conn, nil
		}
		c.Close()
	}
}

func (l *tcpListener) admit(c *net.TCPConn) *tcpConn {
	remote := plain(c.RemoteAddr().(*net.TCPAddr).AddrPort())
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.conns) >= l.max {
		return nil
	}
	_ = c.SetWriteBuffer(tcpBuffer)
	conn := &tcpConn{TCPConn: c, listener: l, remote: remote}
	l.conns[remote] = conn
	return conn
}

// find returns the connection of a viewer, or nil.
func (l *tcpListener) find(remote netip.AddrPort) *tcpConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conns[plain(remote)]
}

func (l *tcpListener) forget(c *tcpConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conns[c.remote] == c {
		delete(l.conns, c.remote)
	}
}

// closeAll ends all connections, and those to come.
func (l *tcpListener) closeAll() {
	l.mu.Lock()
	l.max = 0
	conns := slices.Collect(maps.Values(l.conns))
	l.mu.Unlock()
	for _, c := range conns {
		_ = c.end()
	}
}

// plain brings the forms of one address together.
func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// tcpConn is the connection of one viewer.
type tcpConn struct {
	*net.TCPConn
	listener *tcpListener
	remote   netip.AddrPort

	held atomic.Bool // its ICE session is over, and media still goes here

	mu    sync.Mutex
	armed time.Time
}

// LocalAddr is loopback whatever interface the viewer came in on, see stand.
func (c *tcpConn) LocalAddr() net.Addr {
	addr := *c.TCPConn.LocalAddr().(*net.TCPAddr)
	addr.IP = net.IPv6loopback
	if c.remote.Addr().Is4() {
		addr.IP = net.IPv4(127, 0, 0, 1).To4()
	}
	return &addr
}

// Write is for what is no media. It ends the connection of a viewer that takes
// nothing for too long.
func (c *tcpConn) Write(b []byte) (int, error) {
	c.arm()
	n, err := c.TCPConn.Write(b)
	if err != nil {
		_ = c.end() // a packet may have been cut: what follows would make no sense
	}
	return n, err
}

// send sends the packets of a batch, each behind its length (RFC 4571 section 2),
// with one system call.
func (c *tcpConn) send(b *batch) error {
	c.arm()
	frames := b.frames[:0]
	for i, p := range b.packets {
		binary.BigEndian.PutUint16(b.lengths[i][:], uint16(len(p)))
		frames = append(frames, b.lengths[i][:], p)
	}
	b.frames = frames
	_, err := frames.WriteTo(c.TCPConn)
	if err != nil {
		_ = c.end()
	}
	return err
}

// arm sets the deadline of the writes to come, from time to time.
func (c *tcpConn) arm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.armed) > c.listener.timeout/8 {
		c.armed = now
		_ = c.SetWriteDeadline(now.Add(c.listener.timeout))
	}
}

// Close ends the connection, or what is read from it while it is held.
func (c *tcpConn) Close() error {
	if c.held.Load() {
		return c.CloseRead()
	}
	return c.end()
}

// release ends a connection that was held.
func (c *tcpConn) release() {
	c.held.Store(false)
	_ = c.end()
}

func (c *tcpConn) end() error {
	c.listener.forget(c)
	return c.TCPConn.Close()
}
