package rtsp

import (
	"net"
	"sync"
)

// cork lies below TLS, which writes each of its records on its own, and keeps the
// records of one picture together.
type cork struct {
	net.Conn

	mu   sync.Mutex
	held bool
	buf  []byte
}

// keepCork is how much memory is kept for the next picture.
const keepCork = 64 << 10

// Write is called by TLS, by one goroutine at a time.
func (c *cork) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held {
		c.buf = append(c.buf, b...)
		return len(b), nil
	}
	return c.Conn.Write(b)
}

// together sends with one system call what TLS writes during f.
func (c *cork) together(f func() error) error {
	c.hold()
	err := f()
	if sent := c.release(); err == nil {
		err = sent
	}
	return err
}

func (c *cork) hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = true
}

// release holds mu while it writes, so that a record that comes meanwhile, from
// the side that reads, follows in its order.
func (c *cork) release() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = false
	_, err := c.Conn.Write(c.buf)
	if c.buf = c.buf[:0]; cap(c.buf) > keepCork {
		c.buf = nil
	}
	return err
}
