package rtsp

import (
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/camgate/camgate"
)

// udpPorts are the sockets of all UDP sessions of a server.
type udpPorts struct {
	rtp, rtcp *datagrams
}

// datagrams is a socket that the library reads from and both write to.
type datagrams struct {
	*net.UDPConn
}

// SetWriteDeadline does nothing: the socket is shared, and a deadline that the
// library sets for one datagram would end the writes of others later.
func (d *datagrams) SetWriteDeadline(time.Time) error { return nil }

// udpBuffers is the size of the socket buffers in bytes.
const udpBuffers = 4 << 20

func (p *udpPorts) listen(network, address string) (net.PacketConn, error) {
	key, port := "rtsp.rtp_address", &p.rtp
	if p.rtp != nil {
		key, port = "rtsp.rtcp_address", &p.rtcp
	}
	conn, err := net.ListenPacket(network, address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	d := &datagrams{conn.(*net.UDPConn)}
	_ = d.SetReadBuffer(udpBuffers) // as much as the system allows
	_ = d.SetWriteBuffer(udpBuffers)
	*port = d
	return d, nil
}

// udpSink sends one datagram for each packet.
type udpSink struct {
	ports   *udpPorts
	stopped *atomic.Bool

	queue []datagram
	bytes int
}

type datagram struct {
	conn *datagrams
	to   netip.AddrPort
	b    []byte
}

func newUDPSink(p *udpPorts, stopped *atomic.Bool) *udpSink {
	return &udpSink{ports: p, stopped: stopped}
}

func (s *udpSink) add(out *outTrack, u *camgate.Unit, shift uint32) {
	packets, seq := u.Packets(), out.number(u)
	for i := range packets.Len() {
		b := packets.RTP(i)
		if shift != 0 || seq != u.FirstSeq() {
			b = append([]byte(nil), b...)
			correctRTP(b, seq+uint16(i), shift)
		}
		s.queue = append(s.queue, datagram{s.ports.rtp, out.rtp, b})
	}
	s.bytes += len(packets.Wire)
	out.sent(u, len(packets.Wire))
}

func (s *udpSink) report(out *outTrack, compound []byte) {
	s.queue = append(s.queue, datagram{s.ports.rtcp, out.rtcp, compound})
	s.bytes += len(compound)
}

func (s *udpSink) pending() int { return s.bytes }

func (s *udpSink) flush() error {
	if s.stopped.Load() {
		return errStopped
	}
	for _, d := range s.queue {
		if _, err := d.conn.WriteToUDPAddrPort(d.b, d.to); err != nil {
			return err
		}
	}
	clear(s.queue)
	s.queue, s.bytes = s.queue[:0], 0
	return nil
}
