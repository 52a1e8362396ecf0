// Package burst is UDP sockets for those who send pictures to many.
//
// A picture is dozens of datagrams. The kernel's work for each of them, and not
// the system call, is what a gateway with many viewers spends its time on: where
// the kernel can (Linux 4.18), a run of datagrams of equal size goes down the
// network stack as one and is cut apart at its end (UDP_SEGMENT). Where it cannot,
// one system call takes many datagrams (sendmmsg), and elsewhere each has its own.
//
// On Linux the sockets are not known to Go's network poller: it would be woken for
// each datagram that has left, since the socket can take the next one then.
package burst

import (
	"fmt"
	"net/netip"
)

// Mode is how datagrams are sent.
type Mode int32

// The modes, from the one that works everywhere to the cheapest one.
const (
	Auto    Mode = iota // the cheapest one that works here
	Plain               // one system call for each datagram
	Batch               // one system call for many: sendmmsg(2)
	Segment             // runs of equal size as one: UDP_SEGMENT, udp(7)
)

func (m Mode) String() string {
	switch m {
	case Auto:
		return "auto"
	case Plain:
		return "plain"
	case Batch:
		return "sendmmsg"
	case Segment:
		return "gso"
	}
	return fmt.Sprintf("mode %d", int32(m))
}

// Writer sends bursts from a Socket. It holds scratch memory and is used by one
// goroutine at a time; each sending goroutine has its own.
type Writer struct {
	socket *Socket
	system system
}

// NewWriter makes a writer.
func (s *Socket) NewWriter() *Writer { return &Writer{socket: s} }

// Send sends the packets, each as one datagram, in their order. It does not keep
// them. A datagram that cannot be sent does not stop those after it; the first
// error is returned. When the socket's buffer is full it waits.
func (w *Writer) Send(to netip.AddrPort, packets [][]byte) error {
	if mode := w.socket.Mode(); mode != Plain {
		return w.sendMany(to, packets, mode == Segment)
	}
	return w.sendEach(to, packets)
}

func (w *Writer) sendEach(to netip.AddrPort, packets [][]byte) error {
	var first error
	for _, p := range packets {
		if _, err := w.socket.WriteToUDPAddrPort(p, to); err != nil && first == nil {
			first = err
		}
	}
	return first
}

const (
	// maxSegments is the most that all kernels with UDP_SEGMENT take at once.
	maxSegments = 64
	// maxRun bounds the bytes of a run: with headers it has to fit into one IP packet.
	maxRun = 65000
)

// run returns how many of the packets, from the first on, may go as one: they have
// the same size, but for the last one, which may be shorter.
func run(packets [][]byte) int {
	size, total := len(packets[0]), 0
	if size == 0 {
		return 1
	}
	for n, p := range packets {
		total += len(p)
		switch {
		case n == maxSegments, total > maxRun, len(p) > size, len(p) == 0:
			return max(n, 1)
		case len(p) < size:
			return n + 1
		}
	}
	return len(packets)
}
