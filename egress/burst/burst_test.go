package burst

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

func listen(t testing.TB, network, ip string) (*net.UDPConn, netip.AddrPort) {
	t.Helper()
	conn, err := net.ListenUDP(network, &net.UDPAddr{IP: net.ParseIP(ip)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

func open(t testing.TB, network, ip string, mode Mode) *Socket {
	t.Helper()
	s, err := Listen(network, net.JoinHostPort(ip, "0"), mode)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func packetsOf(sizes ...int) [][]byte {
	var out [][]byte
	for i, n := range sizes {
		p := bytes.Repeat([]byte{byte(i)}, n)
		out = append(out, p)
	}
	return out
}

func repeat(size, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = size
	}
	return out
}

func expect(t *testing.T, conn *net.UDPConn, packets [][]byte) {
	t.Helper()
	if err := receive(conn, packets); err != nil {
		t.Fatal(err)
	}
}

func receive(conn *net.UDPConn, packets [][]byte) error {
	if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	buf := make([]byte, 65536)
	for i, want := range packets {
		n, err := conn.Read(buf)
		if err != nil {
			return fmt.Errorf("datagram %d: %w", i, err)
		}
		if !bytes.Equal(buf[:n], want) {
			return fmt.Errorf("datagram %d: %d bytes of %d, want %d of %d", i, n, buf[0], len(want), want[0])
		}
	}
	return nil
}

// Every mode delivers every datagram, whole and in order, on both kinds of socket.
func TestSend(t *testing.T) {
	cases := map[string][]int{
		"one":              {1200},
		"equal":            repeat(1200, 10),
		"last shorter":     append(repeat(1200, 10), 7),
		"last longer":      append(repeat(100, 10), 1200),
		"a frame":          append([]int{40}, append(repeat(1200, 20), 300)...),
		"all different":    {1, 2, 3, 4, 5, 4, 3, 2, 1},
		"over 64 segments": repeat(100, 150),
		"over 64 KiB":      repeat(1200, 60),
		"over the MTU":     repeat(9000, 3), // loopback takes it
	}
	families := []struct{ name, network, from, to string }{
		{"ipv4", "udp4", "127.0.0.1", "127.0.0.1"},
		{"ipv6", "udp6", "::1", "::1"},
		{"ipv4 from a socket of both", "udp", "::", "127.0.0.1"},
	}
	for _, mode := range []Mode{Auto, Plain, Batch, Segment} {
		for _, family := range families {
			w := open(t, family.network, family.from, mode).NewWriter()
			for name, sizes := range cases {
				t.Run(fmt.Sprint(mode, "/", family.name, "/", name), func(t *testing.T) {
					conn, to := listen(t, "udp", family.to)
					if err := conn.SetReadBuffer(1 << 20); err != nil {
						t.Fatal(err)
					}
					packets := packetsOf(sizes...)
					if err := w.Send(to, packets); err != nil {
						t.Fatal(err)
					}
					expect(t, conn, packets)
				})
			}
		}
	}
}

// A socket receives as well, until it is closed.
func TestReceive(t *testing.T) {
	for _, family := range []struct{ network, ip, peer string }{{"udp4", "127.0.0.1", "127.0.0.1"}, {"udp6", "::1", "::1"}, {"udp", "::", "::1"}} {
		s := open(t, family.network, family.ip, Auto)
		conn, from := listen(t, "udp", family.peer)
		to := &net.UDPAddr{IP: net.ParseIP(family.peer), Port: s.LocalAddr().(*net.UDPAddr).Port}
		buf := make([]byte, 100)
		for _, want := range []string{"hello", "", "again"} {
			if _, err := conn.WriteTo([]byte(want), to); err != nil {
				t.Fatal(err)
			}
			n, addr, err := s.ReadFrom(buf)
			if err != nil || string(buf[:n]) != want || addr.(*net.UDPAddr).AddrPort() != from {
				t.Errorf("%s: %q from %v, %v", family.network, buf[:n], addr, err)
			}
			if _, err := s.WriteTo([]byte("back"), addr); err != nil {
				t.Error(err)
			}
			if err := receive(conn, [][]byte{[]byte("back")}); err != nil {
				t.Error(err)
			}
		}
		done := make(chan error)
		go func() {
			_, _, err := s.ReadFrom(buf)
			done <- err
		}()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		select {
		case err := <-done:
			if err == nil {
				t.Error("a read from a closed socket")
			}
		case <-time.After(5 * time.Second):
			t.Fatal("Close does not end a read")
		}
	}
}

// The probe finds the cheapest way on the systems that the project's tests run on.
func TestProbe(t *testing.T) {
	if got := probe(); got != expectedMode {
		t.Errorf("probe() = %v, want %v", got, expectedMode)
	}
}

func TestSendErrors(t *testing.T) {
	for _, mode := range []Mode{Plain, Batch, Segment} {
		t.Run(mode.String(), func(t *testing.T) {
			from := open(t, "udp4", "127.0.0.1", mode)
			w := from.NewWriter()
			conn, to := listen(t, "udp4", "127.0.0.1")
			// One that is too big for any datagram; those around it arrive.
			packets := packetsOf(10, 70000, 20)
			if err := w.Send(to, packets); err == nil {
				t.Error("a datagram of 70,000 bytes was sent")
			}
			expect(t, conn, [][]byte{packets[0], packets[2]})
			if err := w.Send(netip.MustParseAddrPort("[2001:db8::1]:9"), packets[:1]); err == nil {
				t.Error("sent to IPv6 from an IPv4 socket")
			}
			if err := w.Send(to, nil); err != nil {
				t.Error(err)
			}
			from.Close()
			if err := w.Send(to, packets[:1]); err == nil {
				t.Error("sent from a closed socket")
			}
		})
	}
}

// Writers of one socket do not disturb each other, also when its buffer is full.
func TestSendConcurrently(t *testing.T) {
	for _, mode := range []Mode{Plain, Batch, Segment} {
		t.Run(mode.String(), func(t *testing.T) {
			socket := open(t, "udp4", "127.0.0.1", mode)
			if err := socket.SetWriteBuffer(8 << 10); err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for range 4 {
				conn, to := listen(t, "udp4", "127.0.0.1")
				if err := conn.SetReadBuffer(1 << 20); err != nil {
					t.Fatal(err)
				}
				packets := packetsOf(append(repeat(1100, 20), 33)...)
				wg.Go(func() {
					w := socket.NewWriter()
					for range 5 {
						if err := w.Send(to, packets); err != nil {
							t.Error(err)
							return
						}
						if err := receive(conn, packets); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

// run never joins what the kernel would cut apart otherwise.
func TestRun(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		sizes := make([]int, 1+rng.IntN(100))
		for i := range sizes {
			sizes[i] = []int{0, 1, 50, 1200, 1200, 1200}[rng.IntN(6)]
		}
		packets := packetsOf(sizes...)
		n := run(packets)
		if n < 1 || n > len(packets) || n > maxSegments {
			t.Fatalf("run(%v) = %d", sizes, n)
		}
		total := 0
		for i, p := range packets[:n] {
			total += len(p)
			if n > 1 && (len(p) == 0 || i < n-1 && len(p) != len(packets[0]) || len(p) > len(packets[0])) {
				t.Fatalf("run(%v) = %d", sizes, n)
			}
		}
		if n > 1 && total > maxRun {
			t.Fatalf("run(%v) = %d: %d bytes", sizes, n, total)
		}
	}
}

func TestSendAllocates(t *testing.T) {
	_, to := listen(t, "udp4", "127.0.0.1")
	packets := packetsOf(append(repeat(1200, 15), 300)...)
	for _, mode := range []Mode{Batch, Segment} {
		w := open(t, "udp4", "127.0.0.1", mode).NewWriter()
		if n := testing.AllocsPerRun(100, func() {
			if err := w.Send(to, packets); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%v: %v allocations for a burst", mode, n)
		}
	}
}

func BenchmarkSend(b *testing.B) {
	packets := packetsOf(append(repeat(1200, 15), 300)...)
	for _, mode := range []Mode{Plain, Batch, Segment} {
		b.Run(mode.String(), func(b *testing.B) {
			_, to := listen(b, "udp4", "127.0.0.1") // nobody reads: the kernel throws it away
			w := open(b, "udp4", "127.0.0.1", mode).NewWriter()
			b.ReportAllocs()
			for b.Loop() {
				if err := w.Send(to, packets); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
