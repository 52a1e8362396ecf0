//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package trust

import (
	"errors"
	"os"
	"syscall"
	"time"
)

const (
	lockPatience = 5 * time.Second // who has it writes a small file
	lockPause    = 20 * time.Millisecond
)

// lock waits until no other program writes to the folder. A file system that has no
// locks (EBADF: none of folders, as NFS) is no reason to remember nothing.
func lock(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for began := time.Now(); ; time.Sleep(lockPause) {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil, errors.Is(err, errors.ErrUnsupported), errors.Is(err, syscall.ENOLCK), errors.Is(err, syscall.EBADF):
			return func() { _ = f.Close() }, nil // which unlocks it
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR), time.Since(began) > lockPatience:
			_ = f.Close()
			return nil, &os.PathError{Op: "lock", Path: dir, Err: err}
		}
	}
}
