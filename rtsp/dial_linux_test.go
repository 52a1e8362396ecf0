package rtsp

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A camera that does not answer is asked anew, until there is no more time; one that
// refuses is not, and one that answers gets one connection.
func TestConnect(t *testing.T) {
	// The queue of a listener that nobody serves is full with a connection or two:
	// what comes then is not answered at all.
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	full := (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: name.(*syscall.SockaddrInet4).Port}).String()
	var filling []net.Conn
	for {
		conn, err := net.DialTimeout("tcp", full, 200*time.Millisecond)
		if err != nil {
			break
		}
		filling = append(filling, conn)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 1200*time.Millisecond)
	defer cancel()
	if _, err := connect(ctx, "tcp", full); !isTimeout(err) {
		t.Errorf("nobody answers: %v", err)
	}
	back := time.AfterFunc(700*time.Millisecond, func() {
		for range filling {
			if nfd, _, err := syscall.Accept(fd); err == nil {
				syscall.Close(nfd)
			}
		}
	})
	defer back.Stop()
	begin := time.Now()
	conn, err := connect(t.Context(), "tcp", full)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if took := time.Since(begin); took < 600*time.Millisecond || took > 2*time.Second {
		t.Errorf("connected after %s", took)
	}
	for _, c := range filling {
		c.Close()
	}

	var came atomic.Int32
	addr := serveRaw(t, func(c net.Conn) { came.Add(1); _, _ = c.Read(make([]byte, 1)) })
	if conn, err = connect(t.Context(), "tcp", addr); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	eventually(t, "the one connection", func() bool { return came.Load() == 1 })

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	begin = time.Now()
	if _, err := connect(t.Context(), "tcp", l.Addr().String()); !errors.Is(err, syscall.ECONNREFUSED) || time.Since(begin) > connectAnew {
		t.Errorf("refused: %v after %s", err, time.Since(begin))
	}
}
