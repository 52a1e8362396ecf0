package mjpeg

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camgate/camgate"
)

// oneConn is a listener to which one client connects, by a pipe that holds nothing.
type oneConn struct {
	conns chan net.Conn
	once  sync.Once
	net.Conn
}

func (l *oneConn) Accept() (net.Conn, error) {
	if conn, ok := <-l.conns; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error   { l.once.Do(func() { close(l.conns) }); return nil }
func (l *oneConn) Addr() net.Addr { return l.LocalAddr() }

// TestStuckViewer has one who never reads: he is dropped, and costs nothing.
func TestStuckViewer(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("tls=%v", secure), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { checkStuckViewer(t, secure) })
		})
	}
}

func checkStuckViewer(t *testing.T, secure bool) {
	log := &logText{}
	s := New(Options{ReaderTimeout: 500 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(io.MultiWriter(t.Output(), log), nil))})
	stream := camgate.NewRendition("cam", camgate.StreamLimits{})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = s.Run(ctx) })
	near, far := net.Pipe()
	listener := &oneConn{conns: make(chan net.Conn, 1), Conn: near}
	listener.conns <- near
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer(w, stream, s.Stream(w, r, stream, ""))
	})}}
	if secure {
		server.TLS = &tls.Config{SessionTicketsDisabled: true} // nobody would take them
		server.StartTLS()
		far = tls.Client(far, &tls.Config{InsecureSkipVerify: true})
	} else {
		server.Start()
	}
	t.Cleanup(func() {
		near.Close()
		server.Close()
		cancel()
		running.Wait()
	})

	published := jpegs(t, stream, 500_000)
	if _, err := io.WriteString(far, "GET /cam/mjpeg HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	before := published()
	time.Sleep(490 * time.Millisecond)
	if n, _ := stream.Demand(); n != 1 {
		t.Errorf("%d viewers, before the time is over", n)
	}
	time.Sleep(20 * time.Millisecond)
	if n, _ := stream.Demand(); n != 0 || !log.has(`reason="the viewer takes nothing"`) {
		t.Errorf("%d viewers, after it is over", n)
	}
	if n := published() - before; n != 12 {
		t.Errorf("%d pictures in that time, want 12", n)
	}
}
