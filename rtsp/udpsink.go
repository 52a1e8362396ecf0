package rtsp

import (
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/burst"
)

// udpPorts are the sockets of all UDP sessions of a server. The library reads from
// them, and both write to them.
type udpPorts struct {
	mode      burst.Mode
	rtp, rtcp *burst.Socket
}

// udpBuffers is the size of the socket buffers in bytes.
const udpBuffers = 4 << 20

// listen opens the two ports, RTP first, as the library does.
func (p *udpPorts) listen(network, address string) (net.PacketConn, error) {
	key, port := "rtsp.rtp_address", &p.rtp
	if p.rtp != nil {
		key, port = "rtsp.rtcp_address", &p.rtcp
	}
	s, err := burst.Listen(network, address, p.mode)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	_ = s.SetReadBuffer(udpBuffers) // as much as the system allows
	_ = s.SetWriteBuffer(udpBuffers)
	*port = s
	return s, nil
}

const (
	// udpBurst is how many bytes go to a reader without a pause of udpPause. Players
	// ask for receive buffers of which Linux gives them at least 425,984 B, and a
	// datagram of 1,200 B takes 2,304 B there: that is room for 180 of them.
	udpBurst = 130 * 1200
	udpPause = 2 * time.Millisecond
)

// udpSink sends one datagram for each packet, as they lie in the shared buffers of
// their units, in bursts.
type udpSink struct {
	rtp, rtcp *burst.Writer
	stopped   *atomic.Bool

	packets [][]byte
	runs    []udpRun
	bytes   int
	scratch scratch // corrected copies, which packets points to
}

// udpRun is the packets up to end, after those of the run before it, that go to
// one port.
type udpRun struct {
	by  *burst.Writer
	to  netip.AddrPort
	end int
}

func newUDPSink(p *udpPorts, pool *scratchPool, stopped *atomic.Bool) *udpSink {
	return &udpSink{
		rtp: p.rtp.NewWriter(), rtcp: p.rtcp.NewWriter(), stopped: stopped,
		scratch: scratch{from: pool},
	}
}

func (s *udpSink) add(out *outTrack, u *camgate.Unit, shift uint32) {
	packets, seq := u.Packets(), out.number(u)
	own := seq != u.FirstSeq()
	s.scratch.always = s.scratch.always || own
	for i := range packets.Len() {
		b := packets.RTP(i)
		if own || shift != 0 {
			b = s.scratch.add(b)
			correctRTP(b, seq+uint16(i), shift)
		}
		s.packets = append(s.packets, b)
	}
	s.run(s.rtp, out.rtp)
	s.bytes += len(packets.Wire)
	out.sent(u, len(packets.Wire))
}

func (s *udpSink) report(out *outTrack, compound []byte) {
	s.packets = append(s.packets, compound)
	s.run(s.rtcp, out.rtcp)
	s.bytes += len(compound)
}

func (s *udpSink) run(by *burst.Writer, to netip.AddrPort) {
	if n := len(s.runs); n > 0 && s.runs[n-1].by == by && s.runs[n-1].to == to {
		s.runs[n-1].end = len(s.packets)
		return
	}
	s.runs = append(s.runs, udpRun{by, to, len(s.packets)})
}

func (s *udpSink) pending() int { return s.bytes }

// flush never fails because of a datagram that got lost on this machine already:
// the reader cannot tell that from one lost on the way.
func (s *udpSink) flush() error {
	at, burst := 0, 0
	for _, run := range s.runs {
		for at < run.end {
			end := at
			for ; end < run.end && burst < udpBurst; end++ {
				burst += len(s.packets[end])
			}
			if s.stopped.Load() {
				return errStopped
			}
			_ = run.by.Send(run.to, s.packets[at:end])
			if at = end; burst >= udpBurst {
				burst = 0
				time.Sleep(udpPause)
			}
		}
	}
	clear(s.packets) // they hold on to units
	s.packets, s.runs, s.bytes = s.packets[:0], s.runs[:0], 0
	s.scratch.done()
	return nil
}

// try leaves to flush what needs a pause.
func (s *udpSink) try() (bool, error) {
	if s.bytes > udpBurst {
		return false, nil
	}
	return true, s.flush()
}

func (s *udpSink) parks() bool { return true }
