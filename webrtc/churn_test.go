package webrtc

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	pion "github.com/pion/webrtc/v4"
)

// The gateway ends at once, whatever viewers and others at its ports do.
func TestRunEnds(t *testing.T) {
	stream := newStream(t)
	p := newProgram(t, stream, true)
	p.p = 20_000
	p.next()
	s, err := New(Options{UDPAddress: "127.0.0.1:0", TCPAddress: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.Handle(w, r, stream, "") }))
	defer web.Close()
	g := &gateway{s, stream, web.URL}
	p.run()
	for _, o := range []clientOptions{{}, {settings: byTCP}} {
		v := g.join(t, o)
		v.wait("pictures", func() bool { return len(v.packets["video"]) > 20 })
	}
	valve := newValve(t, s.ports.tcpAddr) // a viewer that does not take what it gets
	stuck := g.join(t, clientOptions{settings: byTCP, answer: valve.answer(s.ports)})
	stuck.wait("pictures", func() bool { return len(stuck.packets["video"]) > 20 })
	valve.close()
	_, offer := offerOf(t, clientOptions{}) // a viewer that never connects
	g.request(t, "POST", g.url, typeSDP, offer)
	silent, err := net.Dial("tcp4", s.ports.tcpAddr.String()) // who says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	eventually(t, "all are there", func() bool { return s.Sessions() == 4 })
	start := time.Now()
	cancel()
	select {
	case err := <-ended:
		if d := time.Since(start); err != nil || d > time.Second {
			t.Errorf("Run ends with %v after %v", err, d)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("Run does not end")
	}
}

// Sessions of viewers that never connect, or are cut off, end by themselves, and
// leave nothing behind.
func TestExpiry(t *testing.T) {
	stream := newStream(t)
	p := newProgram(t, stream, true)
	p.next()
	g := newGateway(t, stream, func(o *Options) {
		o.ReaderTimeout = 600 * time.Millisecond
		o.connectTimeout = 300 * time.Millisecond
	})
	p.run()
	before := resources()
	t.Run("never connects", func(t *testing.T) {
		_, offer := offerOf(t, clientOptions{})
		for range 5 {
			if r := g.request(t, "POST", g.url, typeSDP, offer); r.code != 201 {
				t.Fatalf("%d %s", r.code, r.body)
			}
		}
		if n := g.Sessions(); n != 5 {
			t.Errorf("%d sessions", n)
		}
		eventually(t, "all are gone", func() bool { return g.Sessions() == 0 })
	})
	t.Run("cut off", func(t *testing.T) {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		mux := pion.NewICEUDPMux(nil, conn)
		v := g.join(t, clientOptions{settings: func(s *pion.SettingEngine) { s.SetICEUDPMux(mux) }})
		v.wait("pictures", func() bool { return len(v.packets["video"]) > 20 })
		conn.Close() // without a word
		eventually(t, "it is gone", func() bool { return g.Sessions() == 0 })
		_ = mux.Close()
	})
	if n := len(stream.Info().Readers); n != 0 {
		t.Errorf("%d readers are left", n)
	}
	settled(t, before)
}

// Many viewers come and go; those who stay lose nothing, and at the end nothing is
// left of the others.
func TestChurn(t *testing.T) {
	stream := newStream(t)
	p := newProgram(t, stream, true)
	for range 40 {
		p.next()
	}
	g := newGateway(t, stream)
	p.run()
	var steady []*client
	for range 10 {
		steady = append(steady, g.join(t, clientOptions{}))
	}
	for _, v := range steady {
		v.wait("pictures", func() bool { return len(v.packets["video"]) > 20 && len(v.packets["audio"]) > 5 })
	}
	before := resources()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 6 {
				t.Run(fmt.Sprint(i, j), func(t *testing.T) {
					v := g.join(t, clientOptions{})
					v.wait("pictures", func() bool { return len(v.packets["video"]) > 5 })
					if j%2 == 0 {
						g.request(t, "DELETE", v.location, "", "")
					}
				})
			}
		})
	}
	wg.Wait()
	eventually(t, "the others have left", func() bool { return g.Sessions() == len(steady) })
	for i, v := range steady {
		v.mu.Lock()
		seen := len(v.packets["video"])
		v.mu.Unlock()
		v.wait("more pictures", func() bool { return len(v.packets["video"]) > seen+20 })
		v.mu.Lock()
		for kind, packets := range v.packets {
			contiguous(t, fmt.Sprintf("%d %s", i, kind), packets)
		}
		v.mu.Unlock()
	}
	settled(t, before)
}

// usage is what must not grow.
type usage struct{ goroutines, files int }

func resources() usage {
	http.DefaultClient.CloseIdleConnections()
	files, _ := os.ReadDir("/proc/self/fd")
	return usage{runtime.NumGoroutine(), len(files)}
}

func settled(t *testing.T, before usage) {
	t.Helper()
	var now usage
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(8 * time.Second)
	for {
		if now = resources(); now.goroutines <= before.goroutines && now.files <= before.files {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			buf := make([]byte, 1<<20)
			t.Errorf("%+v before, %+v after\n%s", before, now, buf[:runtime.Stack(buf, true)])
			return
		}
	}
}

// Two gateways in one process do not know of each other.
func TestTwoGateways(t *testing.T) {
	for range 2 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			stream := newStream(t)
			p := newProgram(t, stream, false)
			p.next()
			g := newGateway(t, stream)
			p.run()
			v := g.join(t, clientOptions{})
			v.wait("pictures", func() bool { return len(v.packets["video"]) > 50 })
		})
	}
}
