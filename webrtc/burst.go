package webrtc

import (
	"net/netip"
	"sync"
)

const (
	// burstBytes bounds a burst so that each of its runs fits into one datagram's
	// worth of UDP_SEGMENT: 65,507 B for IPv4.
	burstBytes = 65_000
	// burstPackets is also the largest number of segments that all kernels with
	// UDP_SEGMENT take.
	burstPackets = 64
	// packetRoom is the most that one packet needs: RTP header, payload, SRTP tag.
	packetRoom = 1500
)

// burst is the packets of a frame on their way to one viewer, encrypted, one
// behind the other. It is filled and sent by one goroutine.
type burst struct {
	buf  []byte
	ends []int
	sys  burstSys
}

// burstPool lends bursts: only viewers that are sending just now need one.
type burstPool struct{ pool sync.Pool }

func newBurstPool() *burstPool {
	return &burstPool{sync.Pool{New: func() any {
		b := &burst{buf: make([]byte, 0, burstBytes), ends: make([]int, 0, burstPackets)}
		b.sys.init()
		return b
	}}}
}

func (p *burstPool) get() *burst { return p.pool.Get().(*burst) }

func (p *burstPool) put(b *burst) {
	b.reset()
	p.pool.Put(b)
}

func (b *burst) reset() { b.buf, b.ends = b.buf[:0], b.ends[:0] }

// full reports whether there is no room for another packet.
func (b *burst) full() bool {
	return len(b.ends) == burstPackets || len(b.buf)+packetRoom > burstBytes
}

func (b *burst) empty() bool { return len(b.ends) == 0 }

// room is where the next packet is to be made; commit appends its first n bytes.
func (b *burst) room() []byte {
	return b.buf[len(b.buf) : len(b.buf)+packetRoom : len(b.buf)+packetRoom]
}

func (b *burst) commit(n int) {
	b.buf = b.buf[:len(b.buf)+n]
	b.ends = append(b.ends, len(b.buf))
}

func (b *burst) len() int { return len(b.ends) }

func (b *burst) start(i int) int {
	if i == 0 {
		return 0
	}
	return b.ends[i-1]
}

func (b *burst) packet(i int) []byte { return b.buf[b.start(i):b.ends[i]] }

// run returns the end of the longest run of packets from i on that can leave as
// segments of one size: all are equal, but the last may be shorter.
func (b *burst) run(i int) (end, size int) {
	size = b.ends[i] - b.start(i)
	for end = i + 1; end < len(b.ends); end++ {
		n := b.ends[end] - b.ends[end-1]
		if n > size {
			return end, size
		}
		if n < size {
			return end + 1, size
		}
	}
	return end, size
}

// sendMode is how datagrams are handed to the kernel.
type sendMode int32

const (
	sendPlain    sendMode = iota // one system call for each
	sendMany                     // one for all: sendmmsg
	sendSegments                 // and one trip through the kernel for each run: UDP_SEGMENT
)

func (m sendMode) String() string { return [...]string{"plain", "sendmmsg", "gso"}[m] }

// sendEach sends one datagram after the other.
func (s *socket) sendEach(b *burst, from int, to netip.AddrPort) error {
	var err error
	for i := from; i < b.len(); i++ {
		if _, e := s.UDPConn.WriteToUDPAddrPort(b.packet(i), to); e != nil {
			err = e
		}
	}
	return err
}
