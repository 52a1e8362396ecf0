package rtsp

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// firstByte is how long a connection may say nothing at all.
const firstByte = 10 * time.Second

// listener hands the library connections that our own writer can share with it.
type listener struct {
	net.Listener
	tls *tls.Config // nil: in the clear
	max int         // connections at a time

	buffers inbufPool

	mu    sync.Mutex
	conns map[*conn]struct{}
}

// Accept goes on after errors that pass, like too many open files: the library
// would end the server.
func (l *listener) Accept() (net.Conn, error) {
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		raw, err := l.Listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil, err
		case err != nil:
			time.Sleep(pause)
		default:
			if c := l.add(raw); c != nil {
				return c, nil
			}
			raw.Close()
		}
	}
}

func (l *listener) add(raw net.Conn) *conn {
	c := &conn{Conn: raw, raw: raw, listener: l}
	if l.tls != nil {
		c.cork = &cork{Conn: raw}
		c.Conn = tls.Server(c.cork, l.tls)
	} else {
		c.file = newFile(raw)
	}
	c.framer = framer{in: newInbuf(c.Conn, &l.buffers), wait: c.more}
	// Until the library sets its own, which is after the first bytes.
	if err := raw.SetReadDeadline(time.Now().Add(firstByte)); err != nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.conns) >= l.max {
		return nil
	}
	l.conns[c] = struct{}{}
	return c
}

// closeConns cuts all connections, also those of writers that are stuck.
func (l *listener) closeConns() {
	l.mu.Lock()
	conns := make([]*conn, 0, len(l.conns))
	for c := range l.conns {
		conns = append(conns, c)
	}
	l.mu.Unlock()
	for _, c := range conns {
		c.raw.Close()
	}
}

// conn is a connection that the library writes its responses to, and we our media:
// mu keeps what they write apart.
type conn struct {
	net.Conn
	raw      net.Conn // the same without TLS
	cork     *cork    // between the two; nil: there is no TLS
	file     *file    // for trySend; nil: it would have to wait
	listener *listener

	// Of the goroutine that reads.
	framer   framer
	patience time.Duration // how long the library would wait for the next message
	until    time.Time     // the deadline that is set; zero: none

	mu    sync.Mutex
	after func()      // called once, when the library has written the next time
	armed time.Time   // when we set the write deadline last
	bufs  net.Buffers // what WriteTo consumes
}

var errTunnel = errors.New("RTSP in an HTTP or WebSocket tunnel is not served")

// Read gives the library what is not media of a publisher. Tunnels are not for the
// library: our writer does not know of their framing, and a handshake with anything
// behind it makes the library panic.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.framer.read(b)
	if errors.Is(err, errTunnel) {
		_, _ = io.WriteString(c, "HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	}
	return n, err
}

// more waits for more of the peer. Media that we took counts as the message that the
// library waits for.
func (c *conn) more() error {
	if c.framer.taken {
		c.framer.taken = false
		if err := c.extend(time.Now()); err != nil {
			return err
		}
	}
	return c.framer.in.more()
}

// SetReadDeadline is the library's, before each message.
func (c *conn) SetReadDeadline(t time.Time) error {
	if t.IsZero() {
		c.patience, c.until = 0, t
		return c.raw.SetReadDeadline(t)
	}
	now := time.Now()
	c.patience = t.Sub(now)
	return c.extend(now)
}

// extend waits from now on for as long as the library would. It does not set the
// deadline for each message, but when it would come a second too early.
func (c *conn) extend(now time.Time) error {
	if c.patience == 0 {
		return nil
	}
	until := now.Add(c.patience)
	if late := until.Sub(c.until); late >= 0 && late < time.Second {
		return nil
	}
	c.until = until
	return c.raw.SetReadDeadline(until)
}

// Write is the library's: a response or an RTCP packet, always whole.
func (c *conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	n, err := c.Conn.Write(b)
	after := c.after
	c.after = nil
	c.mu.Unlock()
	if after != nil {
		after()
	}
	return n, err
}

// afterNextWrite has f called when the library has written what comes next.
func (c *conn) afterNextWrite(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.after = f
}

// deadlineSlack is how much sooner than timeout a write may fail, so that not each
// write has to set the deadline.
const deadlineSlack = 2 * time.Second

// send writes our media with one system call, unless stopped is set: then nothing
// may follow what the library has written. It fails when the peer takes nothing
// for timeout, give or take deadlineSlack.
func (c *conn) send(bufs [][]byte, timeout time.Duration, stopped *atomic.Bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if stopped.Load() {
		return errStopped
	}
	if now := time.Now(); now.Sub(c.armed) >= deadlineSlack {
		c.armed = now
		if err := c.raw.SetWriteDeadline(now.Add(timeout)); err != nil {
			return err
		}
	}
	if c.cork != nil {
		return c.cork.together(func() error { return writeAll(c.Conn, bufs) })
	}
	if len(bufs) == 1 {
		_, err := c.Conn.Write(bufs[0])
		return err
	}
	c.bufs = bufs
	_, err := c.bufs.WriteTo(c.Conn)
	c.bufs = nil
	return err
}

// trySend is send for who must not wait: it writes what the socket takes now, and
// returns how much that was.
func (c *conn) trySend(bufs [][]byte, stopped *atomic.Bool) (int, error) {
	if !c.mu.TryLock() {
		return 0, nil
	}
	defer c.mu.Unlock()
	if stopped.Load() {
		return 0, errStopped
	}
	return c.file.write(bufs)
}

// offer writes a frame that is of no use when it comes late: not at all when the peer
// takes nothing now. Some who publish never read.
func (c *conn) offer(frame []byte) {
	if !c.mu.TryLock() {
		return
	}
	defer c.mu.Unlock()
	if c.file == nil {
		_, _ = c.Conn.Write(frame) // under TLS: an error shows where it is read
		return
	}
	if n, err := c.file.write([][]byte{frame}); err == nil && n > 0 && n < len(frame) {
		_, _ = c.Conn.Write(frame[n:])
	}
}

func writeAll(w io.Writer, bufs [][]byte) error {
	for _, b := range bufs {
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

var errStopped = errors.New("stopped")

// SetWriteDeadline is the library's, before each of its writes. It must not take
// away time from ours.
func (c *conn) SetWriteDeadline(t time.Time) error {
	return c.raw.SetWriteDeadline(t)
}

func (c *conn) Close() error {
	c.listener.mu.Lock()
	delete(c.listener.conns, c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}
