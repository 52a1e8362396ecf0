package rtsp

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// mediaConn is the UDP socket that RTP of one track comes to. It brings packets into
// order before the library sees them: that would hold back 64 packets after each
// loss, which are seconds of sound. To the library all numbers follow on each other;
// sequence gives back the sender's. What take has it does not see at all.
type mediaConn struct {
	*net.UDPConn

	peer atomic.Pointer[netip.Addr] // nobody else is listened to; nil: the media are encrypted, and pass as they are

	// Set before the library reads.
	payloadType uint8
	feedback    *feedback
	take        func(arrival) // nil: all goes to the library

	// Owned by the library's reading goroutine.
	window   window
	passed   uint16 // number of the packet passed on last, for the library
	sequence uint16 // its number for the sender
	from     *net.UDPAddr
	fromPort netip.AddrPort
	accepted netip.AddrPort // from whom the library took a packet last, at seen
	seen     time.Time

	mu       sync.Mutex
	deadline time.Time // the library's
	armed    time.Time // that of the socket
}

// rtpFixed is the length of the header without extensions (RFC 3550 section 5.1).
const rtpFixed = 12

func (c *mediaConn) ReadFrom(b []byte) (int, net.Addr, error) {
	if c.peer.Load() == nil {
		return c.UDPConn.ReadFrom(b)
	}
	for {
		now := time.Now()
		if a, ok := c.window.pop(now); ok {
			if c.taken(a, len(b), now) {
				continue
			}
			return c.pass(b, copy(b, a.data), a.seq), c.from, nil
		}
		if err := c.wait(c.window.deadline()); err != nil {
			return 0, nil, err
		}
		n, from, err := c.ReadFromUDPAddrPort(b)
		if err != nil {
			if os.IsTimeout(err) && !c.ended(time.Now()) {
				continue // it was the window's deadline
			}
			return 0, nil, err
		}
		now = time.Now()
		if from.Addr().Unmap() != *c.peer.Load() || n < rtpFixed || b[0]>>6 != 2 || b[1]&0x7f != c.payloadType {
			continue
		}
		if from != c.fromPort {
			c.from, c.fromPort = net.UDPAddrFromAddrPort(from), from
		}
		a := arrivalOf(b[:n])
		c.feedback.packet(a.ssrc, a.seq, binary.BigEndian.Uint32(b[4:]), now)
		if c.window.push(a, now) && !c.taken(a, len(b), now) {
			return c.pass(b, n, a.seq), c.from, nil
		}
	}
}

// taken hands a packet on past the library, which has to see one now and then, which
// decides whose packets are welcome, and which tells of those that are larger than room.
func (c *mediaConn) taken(a arrival, room int, now time.Time) bool {
	if c.take == nil || c.fromPort != c.accepted || len(a.data) >= room || now.Sub(c.seen) >= libraryEvery {
		return false
	}
	c.take(a)
	return true
}

// passedOn notes that the library has taken the packet passed on last.
func (c *mediaConn) passedOn(now time.Time) { c.accepted, c.seen = c.fromPort, now }

// pass gives a packet the number that the library expects.
func (c *mediaConn) pass(b []byte, n int, seq uint16) int {
	c.sequence = seq
	c.passed++
	if n >= rtpFixed {
		binary.BigEndian.PutUint16(b[2:], c.passed)
	}
	return n
}

// SetReadDeadline is how the library ends its reading.
func (c *mediaConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline, c.armed = t, t
	return c.UDPConn.SetReadDeadline(t)
}

// wait lets the next read end at the window's deadline, or the library's.
func (c *mediaConn) wait(until time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.deadline.IsZero() && (until.IsZero() || c.deadline.Before(until)) {
		until = c.deadline
	}
	if until.Equal(c.armed) {
		return nil
	}
	c.armed = until
	return c.UDPConn.SetReadDeadline(until)
}

func (c *mediaConn) ended(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.deadline.IsZero() && !now.Before(c.deadline)
}

// reportConn is the UDP socket of RTCP. The library reports the reception of what it
// sees, every five seconds; of what really came we report ourselves.
type reportConn struct{ *net.UDPConn }

func (c reportConn) WriteTo(b []byte, addr net.Addr) (int, error) {
	// A report without the description of the source, which all of ours have.
	const receiverReport, words, alone = 201, 7, 60
	if len(b) >= 8 && len(b) < alone && b[1] == receiverReport && binary.BigEndian.Uint16(b[2:]) == words {
		return len(b), nil
	}
	return c.UDPConn.WriteTo(b, addr)
}
