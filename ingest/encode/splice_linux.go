package encode

import (
	"errors"
	"io"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The runtime is not told of the system calls here, which do not block. If it were,
// each that follows a moment of rest would wake the runtime's monitor, a thread that
// then looks every 20 us whether somebody hangs: with 30 pictures a second that was
// the most of what they cost us.

// lend moves pages of head and b into the pipe without a copy: the child reads them
// where they are, and until it has nobody may write to them. False: this cannot be done
// here, and nothing was moved.
func lend(pipe *os.File, head, b []byte) (bool, error) {
	conn, err := pipe.SyscallConn()
	if err != nil {
		return false, err
	}
	moved, failure := 0, error(nil)
	err = conn.Write(func(fd uintptr) bool {
		for moved < len(head)+len(b) {
			var vec [2]unix.Iovec
			n := 0
			if moved < len(head) {
				vec[n].Base = &head[moved]
				vec[n].SetLen(len(head) - moved)
				n++
			}
			at := max(0, moved-len(head))
			vec[n].Base = &b[at]
			vec[n].SetLen(len(b) - at)
			got, _, errno := syscall.RawSyscall6(unix.SYS_VMSPLICE, fd, uintptr(unsafe.Pointer(&vec)), uintptr(n+1), unix.SPLICE_F_NONBLOCK, 0, 0)
			switch errno {
			case 0:
				moved += int(got)
			case unix.EINTR:
			case unix.EAGAIN:
				return false
			default:
				failure = errno
				return true
			}
		}
		return true
	})
	if err == nil {
		err = failure
	}
	if moved == 0 && (errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL)) {
		return false, nil
	}
	return true, err
}

// send writes all of b.
func send(pipe *os.File, b []byte) (n int, err error) {
	conn, err := pipe.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failure error
	err = conn.Write(func(fd uintptr) bool {
		for n < len(b) {
			got, _, errno := syscall.RawSyscall(unix.SYS_WRITE, fd, uintptr(unsafe.Pointer(&b[n])), uintptr(len(b)-n))
			switch errno {
			case 0:
				n += int(got)
			case unix.EINTR:
			case unix.EAGAIN:
				return false
			default:
				failure = os.NewSyscallError("write", errno)
				return true
			}
		}
		return true
	})
	if err == nil {
		err = failure
	}
	return n, err
}

// unread returns how many bytes of what was written the child has not read yet.
func unread(pipe *os.File) (n int, err error) {
	conn, err := pipe.SyscallConn()
	if err != nil {
		return 0, err
	}
	var left int32
	var errno syscall.Errno
	err = conn.Control(func(fd uintptr) {
		_, _, errno = syscall.RawSyscall(unix.SYS_IOCTL, fd, unix.TIOCINQ, uintptr(unsafe.Pointer(&left)))
	})
	if err == nil && errno != 0 {
		err = errno
	}
	return int(left), err
}

// quiet reads from a pipe.
type quiet struct {
	conn  syscall.RawConn
	call  func(fd uintptr) bool
	b     []byte
	n     int
	errno syscall.Errno
}

// reader returns what reads from a child.
func reader(pipe *os.File) io.Reader {
	conn, err := pipe.SyscallConn()
	if err != nil {
		return pipe
	}
	q := &quiet{conn: conn}
	q.call = q.read
	return q
}

// Read implements io.Reader.
func (q *quiet) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	q.b = b
	err := q.conn.Read(q.call)
	q.b = nil
	switch {
	case err != nil:
		return 0, err
	case q.errno != 0:
		return 0, os.NewSyscallError("read", q.errno)
	case q.n == 0:
		return 0, io.EOF
	}
	return q.n, nil
}

// read returns false when it has to be called again, once there is something.
func (q *quiet) read(fd uintptr) bool {
	for {
		n, _, errno := syscall.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&q.b[0])), uintptr(len(q.b)))
		if errno == unix.EINTR {
			continue
		}
		if q.errno = errno; errno == 0 {
			q.n = int(n)
		}
		return errno != unix.EAGAIN
	}
}
