package rtsp

import (
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// file writes to a socket without waiting, and without the deadline that the
// library has set for something else. Neither that nor Read tells the runtime of its
// system calls. The socket does not block, so there is nothing to tell; and one that
// is told of wakes the runtime's monitor, which then looks around each 20 us for as
// long as a picture is under way: that costs as much as a tenth of sending it.
type file struct {
	raw    syscall.RawConn
	iovecs []unix.Iovec
	n      int
	errno  syscall.Errno
	call   func(fd uintptr)

	in struct { // the Read that is under way
		b     []byte
		n     int
		errno syscall.Errno
		call  func(fd uintptr) (done bool)
	}
}

// newFile returns nil when the connection is not one of the system.
func newFile(c net.Conn) *file {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	f := &file{raw: raw}
	f.call, f.in.call = f.writev, f.read
	return f
}

// maxIovecs is what the system takes at once (UIO_MAXIOV).
const maxIovecs = 1024

// write returns how many bytes the socket has taken; none is no error.
func (f *file) write(bufs [][]byte) (int, error) {
	for _, b := range bufs[:min(len(bufs), maxIovecs)] {
		if len(b) > 0 {
			iov := unix.Iovec{Base: &b[0]}
			iov.SetLen(len(b))
			f.iovecs = append(f.iovecs, iov)
		}
	}
	if len(f.iovecs) == 0 {
		return 0, nil
	}
	err := f.raw.Control(f.call)
	clear(f.iovecs) // they hold on to units
	f.iovecs = f.iovecs[:0]
	switch {
	case err != nil:
		return 0, err
	case f.errno == syscall.EAGAIN:
		return 0, nil
	case f.errno != 0:
		return 0, f.errno
	}
	return f.n, nil
}

// Read is as that of net.Conn, with its deadline.
func (f *file) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	in := &f.in
	in.b = b
	err := f.raw.Read(in.call)
	in.b = nil
	switch {
	case err != nil:
		return 0, err
	case in.errno != 0:
		return 0, os.NewSyscallError("read", in.errno)
	case in.n == 0:
		return 0, io.EOF
	}
	return in.n, nil
}

func (f *file) read(fd uintptr) bool {
	in := &f.in
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(&in.b[0])), uintptr(len(in.b)))
		if errno != syscall.EINTR {
			in.n, in.errno = int(n), errno
			return errno != syscall.EAGAIN
		}
	}
}

func (f *file) writev(fd uintptr) {
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITEV, fd, uintptr(unsafe.Pointer(&f.iovecs[0])), uintptr(len(f.iovecs)))
		if errno != syscall.EINTR {
			f.n, f.errno = int(n), errno
			return
		}
	}
}
