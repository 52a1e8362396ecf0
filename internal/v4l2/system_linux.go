//go:build 386 || amd64 || arm || arm64 || loong64 || riscv64

package v4l2

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

type theSystem struct{}

func (theSystem) open(path string) (int, error) {
	for {
		// Not waiting in DQBUF: poll does that, as it can be interrupted.
		fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

func (theSystem) close(fd int) error { return unix.Close(fd) }

func (theSystem) ioctl(fd int, request uintptr, arg unsafe.Pointer) error {
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg))
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return errno
		}
	}
}

func (theSystem) mmap(fd int, offset int64, length int) ([]byte, error) {
	return unix.Mmap(fd, offset, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
}

func (theSystem) munmap(b []byte) error { return unix.Munmap(b) }

type eventfd int

func (theSystem) newWaker() (waker, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	return eventfd(fd), err
}

func (e eventfd) wake()  { _, _ = unix.Write(int(e), []byte{1, 0, 0, 0, 0, 0, 0, 0}) }
func (e eventfd) close() { _ = unix.Close(int(e)) }

func (theSystem) poll(fd int, w waker, events Ready, milliseconds int) (Ready, error) {
	wake, _ := w.(eventfd)
	fds := [2]unix.PollFd{{Fd: int32(fd), Events: int16(events)}, {Fd: int32(wake), Events: unix.POLLIN}}
	for {
		switch _, err := unix.Poll(fds[:], milliseconds); {
		case err == unix.EINTR:
			continue
		case err != nil:
			return 0, err
		case fds[1].Revents != 0:
			return 0, nil
		}
		return Ready(fds[0].Revents), nil
	}
}

// Monotonic returns the time on the clock by which devices stamp their pictures, in
// nanoseconds (CLOCK_MONOTONIC).
func Monotonic() int64 {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) != nil {
		return 0
	}
	return ts.Nano()
}
