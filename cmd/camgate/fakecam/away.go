package fakecam

import (
	"context"
	"fmt"
	"net"
	"time"
)

// Kill resets all connections, now. The port stays open.
func (c *Cam) Kill() {
	c.mu.Lock()
	conns := c.open()
	c.mu.Unlock()
	for _, k := range conns {
		k.reset()
	}
}

// Leave resets all connections and closes the port, until Return.
func (c *Cam) Leave() { c.leave(time.Time{}) }

func (c *Cam) leave(until time.Time) {
	c.mu.Lock()
	l := c.listener
	c.listener, c.backAt = nil, until
	c.mu.Unlock()
	if l != nil {
		l.Close()
		c.opts.Logger.Info("the camera is away")
	}
	c.Kill()
}

// Return opens the port again, the same as before.
func (c *Cam) Return() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listener != nil || c.done {
		return nil
	}
	l, err := net.Listen("tcp", c.addr)
	if err != nil {
		return err
	}
	c.listener, c.backAt, c.up = l, time.Time{}, time.Now()
	close(c.wake)
	c.wake = make(chan struct{})
	c.opts.Logger.Info("the camera is back")
	return nil
}

// present waits until the camera is there and returns its port; nil when the
// context has ended.
func (c *Cam) present(ctx context.Context) (net.Listener, error) {
	for {
		c.mu.Lock()
		l, wake, back := c.listener, c.wake, c.backAt
		c.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, nil
		default:
		}
		if l != nil {
			return l, nil
		}
		var timer <-chan time.Time
		if !back.IsZero() {
			timer = time.After(time.Until(back))
		}
		select {
		case <-ctx.Done():
		case <-wake:
		case <-timer:
			if err := c.Return(); err != nil {
				return nil, err
			}
		}
	}
}

// lost tells whether a port that takes no connections any more was closed on purpose.
func (c *Cam) lost(l net.Listener) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listener == l && !c.done {
		return fmt.Errorf("%s takes no connections any more", c.addr)
	}
	return nil
}
