package rtsp

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
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
	bursts    sync.Pool // of *udpBurstOf
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
// their units, in bursts. It notes what to send; what a burst takes is lent to it.
type udpSink struct {
	ports   *udpPorts
	stopped *atomic.Bool

	parts   []udpPart
	first   int // of parts that is not out
	at      int // packets of that one that are out
	bytes   int // of parts
	scratch scratch
}

// udpPart is a unit, or a report.
type udpPart struct {
	out    *outTrack
	unit   *camgate.Unit // nil: the report
	report []byte
	seq    uint16 // of the unit's first packet
	shift  uint32 // of its timestamp
}

// udpBurstOf is a burst that is being sent. Each sending goroutine needs one.
type udpBurstOf struct {
	rtp, rtcp *burst.Writer
	packets   [][]byte
	runs      []udpRun
}

// udpRun is the packets up to end, after those of the run before it, that go to
// one port.
type udpRun struct {
	by  *burst.Writer
	to  netip.AddrPort
	end int
}

func newUDPSink(p *udpPorts, pool *scratchPool, stopped *atomic.Bool) *udpSink {
	return &udpSink{ports: p, stopped: stopped, scratch: scratch{from: pool}}
}

func (s *udpSink) add(out *outTrack, u *camgate.Unit, shift uint32) {
	n := len(u.Packets().Wire)
	s.parts = append(s.parts, udpPart{out: out, unit: u, seq: out.number(u), shift: shift})
	s.bytes += n
	out.sent(u, n)
}

func (s *udpSink) report(out *outTrack, compound []byte) {
	s.parts = append(s.parts, udpPart{out: out, report: compound})
	s.bytes += len(compound)
}

func (s *udpSink) pending() int { return s.bytes }

func (s *udpSink) parks() bool { return true }

func (s *udpSink) flush() error {
	for {
		if now, err := s.try(); now != paused || err != nil {
			return err
		}
		time.Sleep(udpPause)
	}
}

// try sends one burst. It never fails because of a datagram that got lost on this
// machine already: the reader cannot tell that from one lost on the way.
func (s *udpSink) try() (progress, error) {
	b := s.ports.borrow()
	defer s.ports.giveBack(b)
	for room := udpBurst; room > 0 && s.first < len(s.parts); {
		room -= s.put(b, &s.parts[s.first], room)
	}
	at := 0
	for _, run := range b.runs {
		if s.stopped.Load() {
			return flushed, errStopped
		}
		_ = run.by.Send(run.to, b.packets[at:run.end])
		at = run.end
	}
	s.scratch.done()
	if s.first < len(s.parts) {
		return paused, nil
	}
	clear(s.parts) // they hold on to units
	s.parts, s.first, s.bytes = s.parts[:0], 0, 0
	return flushed, nil
}

// put adds up to room bytes of a part, and a packet above it, and goes on to the
// next part if that was all.
func (s *udpSink) put(b *udpBurstOf, p *udpPart, room int) (bytes int) {
	if p.unit == nil {
		b.packets = append(b.packets, p.report)
		b.run(b.rtcp, p.out.rtcp)
		s.first++
		return len(p.report)
	}
	packets := p.unit.Packets()
	own := p.seq != p.unit.FirstSeq()
	s.scratch.always = s.scratch.always || own
	for ; s.at < packets.Len() && bytes < room; s.at++ {
		packet := packets.RTP(s.at)
		if own || p.shift != 0 {
			packet = s.scratch.add(packet)
			correctRTP(packet, p.seq+uint16(s.at), p.shift)
		}
		b.packets = append(b.packets, packet)
		bytes += len(packet)
	}
	if b.run(b.rtp, p.out.rtp); s.at == packets.Len() {
		s.first, s.at = s.first+1, 0
	}
	return bytes
}

// run ends a run with the packets that were added last.
func (b *udpBurstOf) run(by *burst.Writer, to netip.AddrPort) {
	if n := len(b.runs); n > 0 && b.runs[n-1].by == by && b.runs[n-1].to == to {
		b.runs[n-1].end = len(b.packets)
		return
	}
	b.runs = append(b.runs, udpRun{by, to, len(b.packets)})
}

func (p *udpPorts) borrow() *udpBurstOf {
	if b, ok := p.bursts.Get().(*udpBurstOf); ok {
		return b
	}
	return &udpBurstOf{rtp: p.rtp.NewWriter(), rtcp: p.rtcp.NewWriter()}
}

func (p *udpPorts) giveBack(b *udpBurstOf) {
	clear(b.packets) // they hold on to units
	b.packets, b.runs = b.packets[:0], b.runs[:0]
	p.bursts.Put(b)
}
