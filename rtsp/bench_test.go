package rtsp

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// The write path of a TCP reader allocates nothing.
func BenchmarkTCPSink(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer peer.Close()
	go func() { _, _ = io.Copy(io.Discard, peer) }()
	raw, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	s := camgate.NewRendition("cam", camgate.StreamLimits{})
	cam := newCamera(b, s, false)
	cam.size = 17_500
	cam.gop(2)
	reader, err := s.Subscribe(b.Context(), camgate.SubscribeOptions{})
	if err != nil {
		b.Fatal(err)
	}
	u, _ := reader.Poll()
	for _, shift := range []uint32{0, 4} {
		b.Run(map[uint32]string{0: "shared", 4: "corrected"}[shift], func(b *testing.B) {
			p := &playback{}
			sink := &tcpSink{conn: &conn{Conn: raw, raw: raw}, timeout: 10 * time.Second, stopped: &p.stopped, scratch: scratch{from: &scratchPool{}}}
			out := &outTrack{track: cam.tracks[0], channel: byte(shift)}
			b.SetBytes(int64(len(u.Packets().Wire)))
			b.ReportAllocs()
			for b.Loop() {
				sink.add(out, u, shift)
				if err := sink.flush(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
