package webrtc

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mmsghdr is struct mmsghdr of sendmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
}

// burstSys is what the kernel wants to know of a burst. It is part of the burst
// so that sending allocates nothing.
type burstSys struct {
	msgs    [burstPackets]mmsghdr
	iovs    [burstPackets]unix.Iovec
	control [burstPackets][controlSpace / 8]uint64
	last    [burstPackets]int // index of the packet after message i
	name4   unix.RawSockaddrInet4
	name6   unix.RawSockaddrInet6

	// The arguments and results of the calls below, which take functions of fixed
	// form.
	count, sent int
	errno       unix.Errno
	try         func(fd uintptr)
	wait        func(fd uintptr) bool
}

// controlSpace holds one control message with a 16-bit integer, aligned.
const controlSpace = 24

func (y *burstSys) init() {
	y.try = func(fd uintptr) { y.send(fd) }
	y.wait = func(fd uintptr) bool {
		y.send(fd)
		return y.errno != unix.EAGAIN
	}
}

func (y *burstSys) send(fd uintptr) {
	for {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&y.msgs[y.sent])),
			uintptr(y.count-y.sent), unix.MSG_DONTWAIT, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if y.errno = errno; errno == 0 {
			y.sent += int(n)
		}
		return
	}
}

// probe finds out what the kernel can do: UDP_SEGMENT came with Linux 4.18.
func (s *socket) probe() sendMode {
	mode := sendMany
	_ = s.raw.Control(func(fd uintptr) {
		if unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, 0) == nil {
			mode = sendSegments
		}
	})
	return mode
}

// sendBurst sends all packets of a burst to one address. A datagram that the
// kernel refuses is lost, as any may be; the error is the last reason.
func (s *socket) sendBurst(b *burst, to netip.AddrPort) error {
	mode := sendMode(s.mode.Load())
	if mode == sendPlain || to.Addr().Zone() != "" {
		return s.sendEach(b, 0, to)
	}
	y := &b.sys
	name, nameLen := y.address(s.dual, to)
	y.count = 0
	for i := 0; i < b.len(); y.count++ {
		i = y.message(b, i, mode == sendSegments)
		y.msgs[y.count].hdr.Name, y.msgs[y.count].hdr.Namelen = name, nameLen
	}
	err := s.sendMessages(b, to)
	runtime.KeepAlive(b)
	return err
}

// address puts the destination into the form that the kernel takes for the socket.
func (y *burstSys) address(dual bool, to netip.AddrPort) (*byte, uint32) {
	var port uint16
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&port))[:], to.Port())
	addr := to.Addr()
	if !dual && addr.Unmap().Is4() {
		y.name4 = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: port, Addr: addr.Unmap().As4()}
		return (*byte)(unsafe.Pointer(&y.name4)), unix.SizeofSockaddrInet4
	}
	y.name6 = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: port, Addr: addr.As16()}
	return (*byte)(unsafe.Pointer(&y.name6)), unix.SizeofSockaddrInet6
}

// message makes the message that begins with packet i, and returns the packet
// after it.
func (y *burstSys) message(b *burst, i int, segments bool) int {
	end, size := i+1, 0
	if segments {
		end, size = b.run(i)
	}
	m, iov := &y.msgs[y.count].hdr, &y.iovs[y.count]
	*m = unix.Msghdr{Iov: iov}
	m.SetIovlen(1)
	iov.Base = &b.buf[b.start(i)]
	iov.SetLen(b.ends[end-1] - b.start(i))
	if end-i > 1 {
		c := &y.control[y.count]
		h := (*unix.Cmsghdr)(unsafe.Pointer(c))
		h.Level, h.Type = unix.SOL_UDP, unix.UDP_SEGMENT
		h.SetLen(unix.CmsgLen(2))
		*(*uint16)(unsafe.Add(unsafe.Pointer(c), unix.CmsgLen(0))) = uint16(size)
		m.Control = (*byte)(unsafe.Pointer(c))
		m.SetControllen(unix.CmsgSpace(2))
	}
	y.last[y.count] = end
	return end
}

// sendMessages hands the messages to the kernel until all are sent or refused.
func (s *socket) sendMessages(b *burst, to netip.AddrPort) error {
	y := &b.sys
	var err error
	for y.sent = 0; y.sent < y.count; {
		// Control takes no lock, so the viewers do not wait for each other here.
		if e := s.raw.Control(y.try); e != nil {
			return e
		}
		if y.errno == unix.EAGAIN {
			if e := s.raw.Write(y.wait); e != nil {
				return e
			}
		}
		switch y.errno {
		case 0:
		case unix.EIO, unix.EOPNOTSUPP, unix.ENOPROTOOPT, unix.EINVAL, unix.EMSGSIZE, unix.ENOSYS:
			return s.stepDown(b, to, y.errno)
		default:
			err = y.errno
			y.sent++
		}
	}
	return err
}

// stepDown sends what the kernel did not take in another way. A device without
// checksum offload refuses segments with EIO whatever they are; EINVAL and
// EMSGSIZE concern this destination (its path has a small MTU).
func (s *socket) stepDown(b *burst, to netip.AddrPort, errno unix.Errno) error {
	switch errno {
	case unix.EIO, unix.EOPNOTSUPP, unix.ENOPROTOOPT:
		s.mode.CompareAndSwap(int32(sendSegments), int32(sendMany))
	case unix.ENOSYS:
		s.mode.Store(int32(sendPlain))
	}
	from := 0
	if b.sys.sent > 0 {
		from = b.sys.last[b.sys.sent-1]
	}
	return s.sendEach(b, from, to)
}
