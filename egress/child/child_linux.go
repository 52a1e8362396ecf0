package child

import (
	"os"
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// isolate gives the child a process group of its own, so that what it starts can
// be ended with it, and ties its life to ours.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// begin starts the child on a leash: the death signal is for it alone, and not for what it
// starts, so the system is to kill its whole group when we end, however that comes. The
// child has the reading end of a pipe to which nothing is ever written. What the owner of
// that end, the group, is told by a signal of our choice is that nobody has the other end
// any more (fcntl(2), F_SETOWN). untie is called when nothing is left of the group.
func begin(cmd *exec.Cmd) (untie func(), err error) {
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	cmd.ExtraFiles = []*os.File{theirs}
	if err := cmd.Start(); err != nil {
		ours.Close()
		return nil, err
	}
	fd := theirs.Fd()
	_, _ = unix.FcntlInt(fd, unix.F_SETOWN, -cmd.Process.Pid)
	_, _ = unix.FcntlInt(fd, unix.F_SETSIG, int(unix.SIGKILL))
	_, _ = unix.FcntlInt(fd, unix.F_SETFL, unix.O_ASYNC)
	return func() { ours.Close() }, nil
}

// reap waits for the child's end and clears away what is left of its group.
func (p *Process) reap() error {
	awaitExit(p.cmd.Process.Pid)
	p.mu.Lock()
	defer p.mu.Unlock()
	killGroup(p.cmd.Process)
	p.reaped = true
	return p.cmd.Wait()
}

// awaitExit waits until the child has ended, and leaves it a zombie: until it is
// reaped neither its number nor that of its group can be given to another.
func awaitExit(pid int) {
	const pPID, wEXITED, wNOWAIT = 1, 4, 0x01000000 // waitid(2)
	var info [128]byte                              // siginfo_t
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, pPID, uintptr(pid),
			uintptr(unsafe.Pointer(&info)), wEXITED|wNOWAIT, 0, 0)
		if errno != syscall.EINTR {
			return
		}
	}
}

func terminateGroup(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGTERM) }
func killGroup(p *os.Process)      { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }

// setPipeSize is advice: the system rounds up to pages, and may not let us have all of
// it (/proc/sys/fs/pipe-max-size). Then it is half of that, and so on.
func setPipeSize(f *os.File, size int) {
	if size <= 0 {
		return
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) {
		for ; size >= 4096; size /= 2 {
			if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_SETPIPE_SZ, uintptr(size)); errno != syscall.EPERM {
				return
			}
		}
	})
}
