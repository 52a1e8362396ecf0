package webrtc

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/srtp/v3"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/burst"
)

// BenchmarkFanOut sends one picture of 17.5 kB, as in a stream of 4 Mbit/s, to 100
// viewers: header, encryption and the way into the kernel of 1,500 packets.
func BenchmarkFanOut(b *testing.B) {
	for _, mode := range []burst.Mode{burst.Segment, burst.Batch, burst.Plain} {
		b.Run(mode.String(), func(b *testing.B) { benchmarkFanOut(b, mode) })
	}
}

const benchViewers = 100

func benchmarkFanOut(b *testing.B, mode burst.Mode) {
	stream := camgate.NewRendition("cam", camgate.StreamLimits{})
	defer stream.Close()
	p := newProgram(b, stream, false)
	p.idr, p.p = 17_500, 17_500
	p.next()
	sock, err := newSocket("127.0.0.1:0", mode)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = sock.Close() })
	server := &Server{batches: newBatchPool(sock.Socket)}
	var viewers []*viewer
	var readers []*camgate.Reader
	for range benchViewers {
		v, r := benchViewer(b, server, stream, sock)
		viewers, readers = append(viewers, v), append(readers, r)
	}
	packets := 0
	b.ReportAllocs()
	for b.Loop() {
		p.next()
		for i, v := range viewers {
			u, ok := readers[i].Poll()
			if !ok {
				b.Fatal("nothing to send")
			}
			packets += u.PacketCount()
			v.send(u, 0)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(packets), "ns/packet")
}

func listenUDP(b *testing.B) *net.UDPConn {
	b.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	return conn
}

// benchViewer is a connected viewer that never answers.
func benchViewer(b *testing.B, server *Server, stream *camgate.Stream, s *socket) (*viewer, *camgate.Reader) {
	local, _ := secrets(b, srtp.ProtectionProfileAeadAes128Gcm)
	to := listenUDP(b).LocalAddr().(*net.UDPAddr).AddrPort()
	t := &transport{ports: &ports{udp: s}, local: local}
	t.path.Store(&path{udp: true, remote: netip.AddrPortFrom(to.Addr().Unmap(), to.Port())})
	x := &session{resource: &resource{server: server, stream: stream, transport: t, log: slog.New(slog.DiscardHandler)}}
	x.ctx, x.cancel = context.WithCancelCause(context.Background())
	b.Cleanup(func() { x.end(errDeleted) })
	track := stream.Tracks()[0]
	x.lanes = []*lane{{track: track, payloadType: 102, ssrc: 1, next: 1 << 16}}
	r, err := stream.Subscribe(x.ctx, camgate.SubscribeOptions{})
	if err != nil {
		b.Fatal(err)
	}
	for u, ok := r.Poll(); ok; u, ok = r.Poll() { // the cached GOP
		x.lanes[0].newest = u
	}
	x.reader.Store(r)
	// There is nobody to take reports.
	return &viewer{session: x, reportAt: time.Now().Add(time.Hour)}, r
}

// BenchmarkLane makes and encrypts the packets of a picture, as they are and with the
// transport's sequence numbers noted.
func BenchmarkLane(b *testing.B) {
	for _, name := range []string{"plain", "stamped", "repair"} {
		b.Run(name, func(b *testing.B) {
			stream := camgate.NewRendition("cam", camgate.StreamLimits{})
			defer stream.Close()
			p := newProgram(b, stream, false)
			p.idr, p.p = 17_500, 17_500
			p.next()
			reader, err := stream.Subscribe(context.Background(), camgate.SubscribeOptions{})
			if err != nil {
				b.Fatal(err)
			}
			u, _ := reader.Poll()
			local, _ := secrets(b, srtp.ProtectionProfileAeadAes128Gcm)
			l := &lane{track: stream.Tracks()[0], payloadType: 102, ssrc: 1, next: 1 << 16, repairType: 103, repairSSRC: 2, stamps: 3}
			if name != "plain" {
				l.flight = newEstimator(time.Now())
			}
			batch := newBatchPool(nil).get()
			packets := 0
			b.ReportAllocs()
			for b.Loop() {
				batch.reset()
				if l.flight != nil {
					l.flight.leave(time.Now())
				}
				for i := range u.PacketCount() {
					if name == "repair" {
						_, err = l.writeRepair(batch, local, u.Packets(), i, uint16(i), 0)
					} else {
						_, err = l.send(batch, local, u, i, 0)
					}
					if err != nil {
						b.Fatal(err)
					}
					packets++
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(packets), "ns/packet")
		})
	}
}
