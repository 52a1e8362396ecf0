package rtsp

import (
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/burst"
)

// newSinkToPeer makes a UDP sink and the socket of its reader.
func newSinkToPeer(t testing.TB, mode burst.Mode) (*udpSink, *outTrack, *net.UDPConn) {
	t.Helper()
	peer, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	if err := peer.SetReadBuffer(4 << 20); err != nil {
		t.Fatal(err)
	}
	ports := &udpPorts{mode: mode}
	for range 2 {
		s, err := ports.listen("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
	}
	to := peer.LocalAddr().(*net.UDPAddr).AddrPort()
	return newUDPSink(ports, &scratchPool{}, &atomic.Bool{}), &outTrack{rtp: to, rtcp: to}, peer
}

// keyframe is a unit with a picture of the given size.
func keyframe(t testing.TB, size int) *camgate.Unit {
	t.Helper()
	s := camgate.NewRendition("cam", camgate.StreamLimits{})
	cam := newCamera(t, s, false)
	cam.size = size
	cam.gop(1)
	reader, err := s.Subscribe(t.Context(), camgate.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	u, ok := reader.Poll()
	if !ok {
		t.Fatal("no unit")
	}
	return u
}

// A picture that is more than a burst leaves in several, whole and in order, and
// with the numbers and timestamps of this reader.
func TestUDPSinkPauses(t *testing.T) {
	u := keyframe(t, 3*udpBurst)
	for _, mode := range []burst.Mode{burst.Plain, burst.Batch, burst.Segment} {
		for _, shift := range []uint32{0, 90} {
			sink, out, peer := newSinkToPeer(t, mode)
			out.track = u.Track
			sink.add(out, u, shift)
			sink.report(out, []byte("a report"))
			buf := make([]byte, 2048)
			if err := peer.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			next, bursts := 0, 0
			for state := paused; state == paused; bursts++ {
				var err error
				if state, err = sink.try(); err != nil {
					t.Fatal(err)
				}
				if want := state == paused; want != (sink.pending() > 0) {
					t.Errorf("state %v with %d bytes pending", state, sink.pending())
				}
				for end := min(next+udpBurst/1200, u.PacketCount()); next < end; next++ {
					n, err := peer.Read(buf)
					if err != nil {
						t.Fatalf("%v, packet %d: %v", mode, next, err)
					}
					p := parseRTP(t, buf[:n])
					if p.SequenceNumber != u.FirstSeq()+uint16(next) || p.Timestamp != u.RTPTime()+shift {
						t.Fatalf("%v, packet %d: number %d, timestamp %d", mode, next, p.SequenceNumber, p.Timestamp)
					}
				}
			}
			for ; next < u.PacketCount(); next++ {
				if _, err := peer.Read(buf); err != nil {
					t.Fatalf("%v, packet %d: %v", mode, next, err)
				}
			}
			if n, err := peer.Read(buf); err != nil || string(buf[:n]) != "a report" {
				t.Errorf("%v: %q, %v", mode, buf[:n], err)
			}
			if bursts < 3 {
				t.Errorf("%v: %d bursts", mode, bursts)
			}
		}
	}
}

// The write path of a UDP reader allocates nothing.
func BenchmarkUDPSink(b *testing.B) {
	u := keyframe(b, 17_500)
	sink, out, _ := newSinkToPeer(b, burst.Auto)
	out.track = u.Track
	b.SetBytes(int64(len(u.Packets().Wire)))
	b.ReportAllocs()
	for b.Loop() {
		sink.add(out, u, 0)
		if err := sink.flush(); err != nil {
			b.Fatal(err)
		}
	}
}
