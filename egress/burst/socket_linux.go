//go:build linux && (amd64 || arm64 || arm)

package burst

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Socket is a UDP socket. It is a net.PacketConn without deadlines: only Close ends
// a read, which takes up a thread while it waits.
type Socket struct {
	file  *os.File
	raw   syscall.RawConn
	local *net.UDPAddr
	ipv6  bool
	mode  atomic.Int32

	reading sync.Mutex
	in      struct { // the read that is under way
		b     []byte
		n     int
		from  [unix.SizeofSockaddrInet6]byte
		errno syscall.Errno
		call  func(fd uintptr)
	}
}

// Listen opens a socket; network and address are as for net.ListenPacket. Auto
// finds out what works by sending to itself; any other mode is taken as it is.
func Listen(network, address string, mode Mode) (*Socket, error) {
	pc, err := net.ListenPacket(network, address)
	if err != nil {
		return nil, err
	}
	defer pc.Close() // ours is a duplicate
	conn, ok := pc.(*net.UDPConn)
	if !ok {
		return nil, fmt.Errorf("burst: %s is not UDP", network)
	}
	file, err := duplicate(conn)
	if err != nil {
		return nil, fmt.Errorf("burst: %w", err)
	}
	raw, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("burst: %w", err)
	}
	s := &Socket{file: file, raw: raw, local: conn.LocalAddr().(*net.UDPAddr)}
	s.ipv6 = s.local.IP.To4() == nil
	s.in.call = s.receive
	if mode == Auto {
		mode = probe()
	}
	s.mode.Store(int32(mode))
	return s, nil
}

// duplicate returns the socket of conn as a file that blocks, which is how os.File
// knows not to hand it to the poller.
func duplicate(conn *net.UDPConn) (*os.File, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd := -1
	if failed := raw.Control(func(original uintptr) {
		if fd, err = unix.FcntlInt(original, unix.F_DUPFD_CLOEXEC, 0); err == nil {
			err = unix.SetNonblock(fd, false)
		}
	}); err == nil {
		err = failed
	}
	if err != nil {
		if fd >= 0 {
			unix.Close(fd)
		}
		return nil, err
	}
	return os.NewFile(uintptr(fd), "udp"), nil
}

// Mode returns how datagrams are sent now. A Segment that a network device refuses
// becomes Batch.
func (s *Socket) Mode() Mode { return Mode(s.mode.Load()) }

// LocalAddr returns the address that the socket is bound to.
func (s *Socket) LocalAddr() net.Addr { return s.local }

// SyscallConn gives access to the descriptor, which blocks: use Control.
func (s *Socket) SyscallConn() (syscall.RawConn, error) { return s.raw, nil }

// Close ends all reads.
func (s *Socket) Close() error {
	// It says that the socket is not connected, and wakes those who read.
	_ = s.raw.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), unix.SHUT_RDWR) })
	return s.file.Close()
}

// ReadFrom implements net.PacketConn.
func (s *Socket) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := s.ReadFromUDPAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// ReadFromUDPAddrPort is as that of net.UDPConn.
func (s *Socket) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	in := &s.in
	in.b = b
	err := s.raw.Control(in.call)
	in.b = nil
	if err == nil && in.errno != 0 {
		err = in.errno
	}
	from := addrOf(&in.from)
	if err == nil && !from.IsValid() { // after Shutdown
		err = net.ErrClosed
	}
	if err != nil {
		return 0, netip.AddrPort{}, &net.OpError{Op: "read", Net: "udp", Source: s.local, Err: err}
	}
	return in.n, from, nil
}

func (s *Socket) receive(fd uintptr) {
	in := &s.in
	var buf unsafe.Pointer
	if len(in.b) > 0 {
		buf = unsafe.Pointer(&in.b[0])
	}
	for {
		clear(in.from[:])
		size := uint32(len(in.from))
		n, _, errno := unix.Syscall6(unix.SYS_RECVFROM, fd, uintptr(buf), uintptr(len(in.b)), 0,
			uintptr(unsafe.Pointer(&in.from[0])), uintptr(unsafe.Pointer(&size)))
		if errno != unix.EINTR {
			in.n, in.errno = int(n), errno
			return
		}
	}
}

// WriteTo implements net.PacketConn.
func (s *Socket) WriteTo(b []byte, to net.Addr) (int, error) {
	addr, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, &net.OpError{Op: "write", Net: "udp", Source: s.local, Addr: to, Err: syscall.EINVAL}
	}
	return s.WriteToUDPAddrPort(b, addr.AddrPort())
}

// WriteToUDPAddrPort is as that of net.UDPConn.
func (s *Socket) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	var name [unix.SizeofSockaddrInet6]byte
	size, err := s.putAddr(&name, to)
	if err != nil {
		return 0, &net.OpError{Op: "write", Net: "udp", Source: s.local, Err: err}
	}
	var buf unsafe.Pointer
	if len(b) > 0 {
		buf = unsafe.Pointer(&b[0])
	}
	var errno syscall.Errno
	if err := s.raw.Control(func(fd uintptr) {
		for {
			_, _, errno = unix.Syscall6(unix.SYS_SENDTO, fd, uintptr(buf), uintptr(len(b)), 0,
				uintptr(unsafe.Pointer(&name[0])), uintptr(size))
			if errno != unix.EINTR {
				return
			}
		}
	}); err != nil {
		return 0, err
	}
	if errno != 0 {
		return 0, &net.OpError{Op: "write", Net: "udp", Source: s.local, Addr: net.UDPAddrFromAddrPort(to), Err: errno}
	}
	return len(b), nil
}

// SetReadBuffer asks for a receive buffer of so many bytes; the system may give less.
func (s *Socket) SetReadBuffer(bytes int) error { return s.setOption(unix.SO_RCVBUF, bytes) }

// SetWriteBuffer asks for a send buffer of so many bytes; the system may give less.
func (s *Socket) SetWriteBuffer(bytes int) error { return s.setOption(unix.SO_SNDBUF, bytes) }

func (s *Socket) setOption(option, value int) error {
	var err error
	if failed := s.raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, option, value)
	}); failed != nil {
		return failed
	}
	return err
}

// SetDeadline does nothing: the socket is shared, and a deadline that is meant for
// one would hit all.
func (s *Socket) SetDeadline(time.Time) error { return nil }

// SetReadDeadline see SetDeadline.
func (s *Socket) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline see SetDeadline.
func (s *Socket) SetWriteDeadline(time.Time) error { return nil }

// putAddr writes an address in the form of the socket's family.
func (s *Socket) putAddr(name *[unix.SizeofSockaddrInet6]byte, to netip.AddrPort) (uint32, error) {
	addr := to.Addr()
	if !s.ipv6 {
		if addr = addr.Unmap(); !addr.Is4() {
			return 0, unix.EAFNOSUPPORT
		}
		sa := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		*sa = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: addr.As4()}
		putPort(&sa.Port, to.Port())
		return unix.SizeofSockaddrInet4, nil
	}
	sa := (*unix.RawSockaddrInet6)(unsafe.Pointer(name))
	*sa = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: addr.As16(), Scope_id: scope(addr.Zone())}
	putPort(&sa.Port, to.Port())
	return unix.SizeofSockaddrInet6, nil
}

// addrOf reads an address; it is invalid when there is none.
func addrOf(name *[unix.SizeofSockaddrInet6]byte) netip.AddrPort {
	switch (*unix.RawSockaddr)(unsafe.Pointer(name)).Family {
	case unix.AF_INET:
		sa := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), port(&sa.Port))
	case unix.AF_INET6:
		sa := (*unix.RawSockaddrInet6)(unsafe.Pointer(name))
		addr := netip.AddrFrom16(sa.Addr)
		if sa.Scope_id != 0 {
			addr = addr.WithZone(zone(sa.Scope_id))
		}
		return netip.AddrPortFrom(addr, port(&sa.Port))
	}
	return netip.AddrPort{}
}

// Ports are in network order.
func putPort(p *uint16, port uint16) {
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(p))[:], port)
}

func port(p *uint16) uint16 { return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(p))[:]) }

func scope(zone string) uint32 {
	if zone == "" {
		return 0
	}
	if i, err := net.InterfaceByName(zone); err == nil {
		return uint32(i.Index)
	}
	n, err := strconv.ParseUint(zone, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

func zone(scope uint32) string {
	if i, err := net.InterfaceByIndex(int(scope)); err == nil {
		return i.Name
	}
	return strconv.FormatUint(uint64(scope), 10)
}
