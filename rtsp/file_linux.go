package rtsp

import (
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// file writes to a socket without waiting, and without the deadline that the
// library has set for something else. The runtime is not told of the system call, see
// socketBuf.
type file struct {
	raw    syscall.RawConn
	iovecs []unix.Iovec
	n      int
	errno  syscall.Errno
	call   func(fd uintptr)
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
	f.call = f.writev
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

func (f *file) writev(fd uintptr) {
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITEV, fd, uintptr(unsafe.Pointer(&f.iovecs[0])), uintptr(len(f.iovecs)))
		if errno != syscall.EINTR {
			f.n, f.errno = int(n), errno
			return
		}
	}
}
