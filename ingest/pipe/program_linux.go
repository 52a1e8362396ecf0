package pipe

import (
	"os"

	"golang.org/x/sys/unix"
)

// setCapacity is advice: the system has a limit of its own.
func setCapacity(f *os.File) {
	conn, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) {
		_, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, Capacity)
	})
}
