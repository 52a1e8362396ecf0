// Package burst sends many datagrams to one peer with few system calls.
//
// A picture is dozens of datagrams. The kernel's work for each of them, and not
// the system call, is what a gateway with many viewers spends its time on: where
// the kernel can (Linux 4.18), a run of datagrams of equal size goes down the
// network stack as one and is cut apart at its end (UDP_SEGMENT). Where it cannot,
// one system call takes many datagrams (sendmmsg), and elsewhere each has its own.
package burst

import (
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
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

// Socket is a UDP socket that bursts are sent from. It may be shared: with other
// Writers, and with whoever else reads from and writes to the connection.
type Socket struct {
	conn *net.UDPConn
	raw  syscall.RawConn
	ipv6 bool
	mode atomic.Int32
}

// NewSocket prepares a connection, which stays the caller's. Auto finds out what
// works by sending to itself; any other mode is taken as it is.
func NewSocket(conn *net.UDPConn, mode Mode) (*Socket, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("burst: %w", err)
	}
	s := &Socket{conn: conn, raw: raw}
	if addr, ok := conn.LocalAddr().(*net.UDPAddr); ok {
		s.ipv6 = addr.IP.To4() == nil
	}
	if mode == Auto {
		mode = probe()
	}
	s.mode.Store(int32(mode))
	return s, nil
}

// Mode returns how datagrams are sent now. A Segment that a network device refuses
// becomes Batch.
func (s *Socket) Mode() Mode { return Mode(s.mode.Load()) }

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
// error is returned.
func (w *Writer) Send(to netip.AddrPort, packets [][]byte) error {
	if mode := w.socket.Mode(); mode != Plain {
		return w.sendMany(to, packets, mode == Segment)
	}
	return w.sendEach(to, packets)
}

func (w *Writer) sendEach(to netip.AddrPort, packets [][]byte) error {
	var first error
	for _, p := range packets {
		if _, err := w.socket.conn.WriteToUDPAddrPort(p, to); err != nil && first == nil {
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
