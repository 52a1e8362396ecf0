package webrtc

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// valve is a way to a TCP port that can be shut: the far side then takes nothing
// more, and says nothing.
type valve struct {
	net.Listener
	mu   sync.Mutex
	shut bool
	end  chan struct{}
}

func newValve(t *testing.T, to net.Addr) *valve {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v := &valve{Listener: l, end: make(chan struct{})}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp4", to.String())
			if err != nil {
				t.Error(err)
				near.Close()
				continue
			}
			_ = far.(*net.TCPConn).SetReadBuffer(4096)
			wg.Go(func() { defer far.Close(); _, _ = io.Copy(far, near) })
			wg.Go(func() { defer near.Close(); v.pass(near, far) })
		}
	})
	t.Cleanup(func() {
		close(v.end)
		l.Close()
		wg.Wait()
	})
	return v
}

func (v *valve) pass(to io.Writer, from io.Reader) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		v.mu.Lock()
		shut := v.shut
		v.mu.Unlock()
		if shut {
			<-v.end
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// answer leads a viewer by TCP to the valve.
func (v *valve) answer(p *ports) func(string) string {
	to := func(a net.Addr) string { return fmt.Sprintf("127.0.0.1 %d typ host tcptype", a.(*net.TCPAddr).Port) }
	return func(sdp string) string { return strings.ReplaceAll(sdp, to(p.tcpAddr), to(v.Addr())) }
}

func (v *valve) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.shut = true
}

// ahead is how many bytes the best served reader has got more than the worst.
func ahead(stream *camgate.Stream) uint64 {
	readers := stream.Info().Readers
	least, most := readers[0].Bytes, readers[0].Bytes
	for _, r := range readers {
		least, most = min(least, r.Bytes), max(most, r.Bytes)
	}
	return most - least
}

// stuck is a viewer by TCP who gets pictures until the valve is closed.
func (g *gateway) stuck(t *testing.T) (*client, *valve) {
	t.Helper()
	v := newValve(t, g.ports.tcpAddr)
	c := g.join(t, clientOptions{settings: byTCP, answer: v.answer(g.ports)})
	c.wait("pictures", func() bool { return len(c.packets["video"]) > 100 })
	return c, v
}

// What a stuck viewer reports is heard, and another path to it found, while a write to it
// hangs: nothing is locked meanwhile but the connection.
func TestStuckViewerIsHeard(t *testing.T) {
	stream := newStream(t)
	p := newProgram(t, stream, false)
	p.p = 15_000
	p.next()
	g := newGateway(t, stream, func(o *Options) { o.ReaderTimeout = 20 * time.Second })
	p.run()
	stuck, valve := g.stuck(t)
	valve.close()
	x := g.only(t)
	before, since := uint64(0), time.Now()
	eventually(t, "it is stuck", func() bool {
		if now := stream.Info().Readers[0].Bytes; now != before {
			before, since = now, time.Now()
		}
		return time.Since(since) > 10*frameTime
	})
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		x.estimated(1e6)
		x.follow()
	}()
	select {
	case <-heard:
	case <-time.After(5 * time.Second): // a quarter of what the write may take
		t.Error("what the viewer says waits for a write")
	}
	if got := stream.Info().Readers[0].Bytes; got != before {
		t.Errorf("it was not stuck: %d bytes more", got-before)
	}
	g.request(t, "DELETE", stuck.location, "", "")
	<-heard
}

// A viewer that does not take what is sent harms nobody, can be sent away at once,
// and goes by itself after a while.
func TestStuckViewer(t *testing.T) {
	for _, how := range []string{"DELETE", "timeout"} {
		t.Run(how, func(t *testing.T) {
			stream := newStream(t)
			p := newProgram(t, stream, false)
			p.p = 15_000 // what the kernel takes is soon full
			p.next()
			g := newGateway(t, stream, func(o *Options) {
				o.ReaderTimeout = map[string]time.Duration{"DELETE": 20 * time.Second, "timeout": 3 * time.Second}[how]
			})
			p.run()
			stuck, valve := g.stuck(t)
			other := g.join(t, clientOptions{})
			other.wait("pictures", func() bool { return len(other.packets["video"]) > 100 })
			valve.close()
			if how == "DELETE" {
				eventually(t, "it is stuck", func() bool { return ahead(stream) > 500_000 })
				start := time.Now()
				if r := g.request(t, "DELETE", stuck.location, "", ""); r.code != http.StatusOK {
					t.Errorf("%d %s", r.code, r.body)
				}
				if d := time.Since(start); d > 2*time.Second {
					t.Errorf("DELETE takes %v", d)
				}
			}
			eventually(t, "it is gone", func() bool { return g.Sessions() == 1 })
			other.mu.Lock()
			contiguous(t, "video", other.packets["video"])
			other.mu.Unlock()
		})
	}
}
