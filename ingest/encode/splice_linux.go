package encode

import (
	"errors"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// lend moves pages of b into the pipe without a copy: the child reads them where they
// are, and until it has nobody may write to them. False: this cannot be done here, and
// nothing was moved.
func lend(pipe *os.File, b []byte) (bool, error) {
	conn, err := pipe.SyscallConn()
	if err != nil {
		return false, err
	}
	moved, failure := 0, error(nil)
	err = conn.Write(func(fd uintptr) bool {
		for moved < len(b) {
			vec := unix.Iovec{Base: &b[moved]}
			vec.SetLen(len(b) - moved)
			n, _, errno := syscall.Syscall6(unix.SYS_VMSPLICE, fd, uintptr(unsafe.Pointer(&vec)), 1, unix.SPLICE_F_NONBLOCK, 0, 0)
			switch errno {
			case 0:
				moved += int(n)
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

// unread returns how many bytes of what was written the child has not read yet.
func unread(pipe *os.File) (n int, err error) {
	conn, err := pipe.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failure error
	err = conn.Control(func(fd uintptr) { n, failure = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	if err == nil {
		err = failure
	}
	return n, err
}
