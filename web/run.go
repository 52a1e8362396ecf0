package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// The time limits of a connection. There is none for reading a whole request, as
// it would end long answers too: bodies have a deadline of their own.
const (
	headerTimeout   = 10 * time.Second
	bodyTimeout     = 15 * time.Second
	writeTimeout    = 60 * time.Second // lifted for streaming outputs
	idleTimeout     = 90 * time.Second
	maxHeaderBytes  = 32 << 10
	shutdownTimeout = 1500 * time.Millisecond
)

// Run serves connections of the listener until ctx ends, and closes the listener.
// Requests under way then see the end of their context; those that do not take
// the hint are cut off within 2 s.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	// Requests get a context of their own, so that they end with the server
	// whatever ends it.
	requests, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	srv := &http.Server{
		Handler:           s.engine,
		BaseContext:       func(net.Listener) context.Context { return requests },
		ReadHeaderTimeout: headerTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	fresh := &freshConns{conns: map[net.Conn]struct{}{}}
	srv.ConnState = fresh.follow
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("web: %w", err)
	case <-ctx.Done():
	}
	end()
	fresh.close()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	err := srv.Shutdown(grace)
	if err != nil {
		err = srv.Close()
	}
	if serveErr := <-served; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return err
}

// freshConns are the connections on which nothing has been asked yet. Browsers
// open some in advance, and a server that ends would wait for them.
type freshConns struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{}
	ended bool
}

func (f *freshConns) follow(conn net.Conn, state http.ConnState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case state != http.StateNew:
		delete(f.conns, conn)
	case f.ended:
		conn.Close()
	default:
		f.conns[conn] = struct{}{}
	}
}

func (f *freshConns) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	for conn := range f.conns {
		conn.Close()
	}
}
