package rtsp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/camgate/camgate"
)

// Both tunnels carry pictures to us and reports back.
func TestTunnels(t *testing.T) {
	address, l := startLibrary(t)
	for _, transport := range []Transport{TransportHTTP, TransportWebSocket} {
		t.Run(string(transport), func(t *testing.T) {
			source, s := tunnelled(t, "rtsp+"+string(transport)+"://"+address+"/cam")
			eventually(t, "pictures", func() bool { return s.Units() > 50 })
			for len(l.reports) > 0 {
				<-l.reports // of the tunnel before
			}
			for {
				select {
				case p := <-l.reports:
					if rr, ok := p.(*rtcp.ReceiverReport); ok && len(rr.Reports) > 0 {
						if got := source.Session(); got.Transport != transport || len(got.Tracks) != 1 || got.Tracks[0].Lost != 0 {
							t.Errorf("%+v", got)
						}
						return
					}
				case <-time.After(5 * time.Second):
					t.Fatal("no reports")
				}
			}
		})
	}
}

// tunnelled is live for the library's server, which answers the GET of a tunnel before
// it knows of it: a POST that is quicker is shut out, and a supervisor tries again.
func tunnelled(t *testing.T, url string) (*Source, *camgate.Stream) {
	t.Helper()
	source, err := NewSource(SourceOptions{URL: parseURL(t, url)})
	if err != nil {
		t.Fatal(err)
	}
	s := camgate.NewRendition("cam", camgate.StreamLimits{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		for {
			err := source.Run(ctx, s)
			if ctx.Err() != nil || s.Units() > 0 || !errors.Is(err, camgate.ErrConnectionFailed) {
				done <- err
				return
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("it ended by itself: %v", err)
		}
	})
	eventually(t, "live", func() bool { return s.Status().State == camgate.StateLive })
	return source, s
}

// GStreamer's server has the HTTP tunnel, too.
func TestTunnelGStreamer(t *testing.T) {
	remote := startRemote(t, freePort(t))
	_, s, _ := live(t, SourceOptions{URL: parseURL(t, fmt.Sprintf("rtsp+http://127.0.0.1:%d/h264", remote.port))})
	eventually(t, "pictures", func() bool { return s.Units() > 50 })
	if s.Status().State != camgate.StateLive {
		t.Error(s.Status())
	}
}

// A tunnel through which more goes up than it was announced for ends once at the most.
func TestFullTunnel(t *testing.T) {
	camera, _ := startLibrary(t)
	for name, address := range map[string]string{"camera": camera, "strict": strictProxy(t, camera)} {
		t.Run(name, func(t *testing.T) {
			source, err := NewSource(SourceOptions{URL: parseURL(t, "rtsp+http://"+address+"/cam")})
			if err != nil {
				t.Fatal(err)
			}
			s := camgate.NewRendition("cam", camgate.StreamLimits{})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var live atomic.Int64 // sessions that were
			done := make(chan struct{})
			go func() {
				defer close(done)
				for ctx.Err() == nil {
					before := s.Units()
					_ = source.Run(ctx, s)
					if s.Units() > before {
						live.Add(1)
					}
				}
			}()
			defer func() { cancel(); <-done }()
			send := func(bytes int64) { // of one session
				t.Helper()
				eventually(t, "pictures", func() bool { return s.Status().State == camgate.StateLive })
				session := func() *pull {
					source.mu.Lock()
					defer source.mu.Unlock()
					return source.session
				}
				pace := time.NewTicker(100 * time.Microsecond) // the library drops what it has no room for
				defer pace.Stop()
				for p := session(); p.posted.Load() < bytes && p == session(); <-pace.C {
					p.feedbacks[0].report(time.Now())
				}
			}
			send(postLength + 5000)
			if name == "strict" {
				eventually(t, "the tunnel ends", func() bool { return live.Load() == 1 })
			}
			units := s.Units()
			eventually(t, "pictures", func() bool { return s.Units() > units+25 })
			before := live.Load()
			send(2 * postLength)
			units = s.Units()
			eventually(t, "pictures go on", func() bool { return s.Units() > units+25 })
			if live.Load() != before {
				t.Error("the tunnel ended again")
			}
		})
	}
}

// strictProxy is in front of a camera as a web server that takes the length of a POST
// for what it says, and hangs up after it.
func strictProxy(t *testing.T, camera string) (address string) {
	return before(t, camera, func(client net.Conn, in *bufio.Reader, server net.Conn) {
		var head bytes.Buffer
		length := int64(-1)
		for line := ""; line != "\r\n"; {
			var err error
			if line, err = in.ReadString('\n'); err != nil {
				return
			}
			head.WriteString(line)
			_, _ = fmt.Sscanf(line, "Content-Length: %d", &length)
		}
		if _, err := server.Write(head.Bytes()); err != nil {
			return
		}
		if length >= 0 {
			_, _ = io.CopyN(server, in, length)
			return
		}
		passOn(client, in, server)
	})
}

// before is a server in front of another one, to which it has a connection for each of its own.
func before(t *testing.T, address string, serve func(client net.Conn, in *bufio.Reader, server net.Conn)) string {
	return serveRaw(t, func(client net.Conn) {
		server, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		defer server.Close()
		serve(client, bufio.NewReader(client), server)
	})
}

// passOn copies both ways until one of them ends.
func passOn(client net.Conn, in *bufio.Reader, server net.Conn) {
	var up sync.WaitGroup
	defer up.Wait()
	up.Go(func() { _, _ = io.Copy(server, in); server.Close() })
	_, _ = io.Copy(client, server)
	client.Close()
}
