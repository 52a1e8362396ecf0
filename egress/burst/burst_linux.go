//go:build linux && (amd64 || arm64 || arm)

package burst

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// system is what the kernel is shown: one message for each datagram or run of them,
// each with its iovecs, all of it reused from burst to burst.
type system struct {
	messages []message
	iovecs   []unix.Iovec
	control  []byte // one slot of controlSize() for each message
	runs     []int  // datagrams in each message

	to   netip.AddrPort // whose address name is
	name [unix.SizeofSockaddrInet6]byte
	len  uint32 // of name

	// What call is sending.
	pending []message
	sent    int
	errno   unix.Errno
	try     func(fd uintptr) // made once
}

// message is struct mmsghdr of sendmmsg(2).
type message struct {
	header unix.Msghdr
	sent   uint32
}

// controlSize is the room for one UDP_SEGMENT control message.
func controlSize() int { return unix.CmsgSpace(2) }

// sendMany sends the packets by sendmmsg, runs of equal size as one if segment.
func (w *Writer) sendMany(to netip.AddrPort, packets [][]byte, segment bool) error {
	if len(packets) == 0 {
		return nil
	}
	if sys := &w.system; sys.to != to || sys.len == 0 {
		n, err := w.socket.putAddr(&sys.name, to)
		if err != nil {
			return err
		}
		sys.to, sys.len = to, n
	}
	w.build(packets, segment)
	defer w.forget()
	var first error
	sys := &w.system
	for at := 0; at < len(sys.messages); {
		sent, errno := w.call(sys.messages[at:])
		at += sent
		if errno == 0 {
			continue
		}
		err := error(errno)
		if n := sys.runs[at]; n > 1 && w.refused(errno) {
			err = w.sendRun(to, packets, at)
		}
		if err != nil && first == nil {
			first = err
		}
		at++
	}
	return first
}

// refused reports whether errno says that it is the run that does not pass, and
// not the datagrams: the size (an MTU on the way), or a device that cannot do it
// at all, which then is asked no more.
func (w *Writer) refused(errno unix.Errno) bool {
	switch errno {
	case unix.EIO, unix.EOPNOTSUPP, unix.ENOPROTOOPT:
		w.socket.mode.CompareAndSwap(int32(Segment), int32(Batch))
		return true
	case unix.EINVAL, unix.EMSGSIZE:
		return true
	}
	return false
}

// sendRun sends the datagrams of message i one by one.
func (w *Writer) sendRun(to netip.AddrPort, packets [][]byte, i int) error {
	for _, n := range w.system.runs[:i] {
		packets = packets[n:]
	}
	return w.sendEach(to, packets[:w.system.runs[i]])
}

// build describes the packets to the kernel.
func (w *Writer) build(packets [][]byte, segment bool) {
	sys := &w.system
	for _, p := range packets { // all of them first: messages point into iovecs
		iov := unix.Iovec{}
		if len(p) > 0 {
			iov.Base = &p[0]
			iov.SetLen(len(p))
		}
		sys.iovecs = append(sys.iovecs, iov)
	}
	slotSize := controlSize()
	if need := len(packets) * slotSize; segment && len(sys.control) < need {
		sys.control = make([]byte, need)
	}
	for at := 0; at < len(packets); {
		n := 1
		if segment {
			n = run(packets[at:])
		}
		m := message{header: unix.Msghdr{Name: &sys.name[0], Namelen: sys.len, Iov: &sys.iovecs[at]}}
		m.header.SetIovlen(n)
		if n > 1 {
			slot := sys.control[len(sys.messages)*slotSize:][:slotSize]
			putSegmentSize(slot, uint16(len(packets[at])))
			m.header.Control = &slot[0]
			m.header.SetControllen(slotSize)
		}
		sys.messages = append(sys.messages, m)
		sys.runs = append(sys.runs, n)
		at += n
	}
}

// forget lets go of the packets.
func (w *Writer) forget() {
	sys := &w.system
	clear(sys.iovecs)
	sys.messages, sys.iovecs, sys.runs = sys.messages[:0], sys.iovecs[:0], sys.runs[:0]
}

// putSegmentSize writes the control message that cmsg(3) and udp(7) describe.
func putSegmentSize(b []byte, size uint16) {
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.Level, h.Type = unix.SOL_UDP, unix.UDP_SEGMENT
	h.SetLen(unix.CmsgLen(2))
	binary.NativeEndian.PutUint16(b[unix.CmsgLen(0):], size)
}

// call sends messages until one fails. It waits while the socket's buffer is full.
func (w *Writer) call(messages []message) (sent int, errno unix.Errno) {
	sys := &w.system
	if sys.try == nil {
		sys.try = sys.send
	}
	sys.pending, sys.sent, sys.errno = messages, 0, 0
	err := w.socket.raw.Control(sys.try)
	if sys.pending = nil; err != nil {
		return sys.sent, unix.EBADF // closed
	}
	return sys.sent, sys.errno
}

// send makes the system calls. The runtime is told of those only that may wait: a
// call takes long enough for the runtime to give our processor to another thread,
// which costs more than the call.
func (sys *system) send(fd uintptr) {
	for len(sys.pending) > 0 {
		first, count := uintptr(unsafe.Pointer(&sys.pending[0])), uintptr(len(sys.pending))
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, first, count, unix.MSG_DONTWAIT, 0, 0)
		if errno == unix.EAGAIN {
			n, _, errno = unix.Syscall6(unix.SYS_SENDMMSG, fd, first, count, 0, 0, 0)
		}
		switch sys.errno = errno; errno {
		case 0:
			sys.sent += int(n)
			sys.pending = sys.pending[n:]
		case unix.EINTR:
		default:
			return
		}
	}
}
