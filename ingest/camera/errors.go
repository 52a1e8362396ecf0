package camera

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/internal/v4l2"
)

// ErrUnplugged says that a device went while it was in use. What wraps it wraps
// camgate.ErrConnectionFailed, too.
var ErrUnplugged = errors.New("the device was unplugged")

var (
	errChanged = errors.New("the device changed what it gives")
	// errSilent: the device streams, and gives nothing.
	errSilent = fmt.Errorf("%w: the device gives no pictures", camgate.ErrTimeout)
)

// Holder is a process that has a device open.
type Holder struct {
	PID     int    `json:"pid"`
	Command string `json:"command"`
	Self    bool   `json:"self,omitempty"` // it is this very process
}

func (h Holder) String() string {
	if h.Self {
		return "this gateway"
	}
	return fmt.Sprintf("%s, pid %d", h.Command, h.PID)
}

// BusyError says who has a device that cannot be had. It wraps
// camgate.ErrConnectionFailed and EBUSY.
type BusyError struct {
	Path    string
	Holders []Holder // empty: nobody knows, as root alone may look
	Err     error
}

func (e *BusyError) Error() string {
	if len(e.Holders) == 0 {
		return fmt.Sprintf("%v: %s is in use by a process of another user", camgate.ErrConnectionFailed, e.Path)
	}
	var who []string
	for _, h := range e.Holders {
		who = append(who, h.String())
	}
	return fmt.Sprintf("%v: %s is held by %s", camgate.ErrConnectionFailed, e.Path, strings.Join(who, ", and "))
}

func (e *BusyError) Unwrap() []error { return []error{camgate.ErrConnectionFailed, e.Err} }

// own are the errors that this package has given their place already.
var own = []error{
	camgate.ErrConnectionFailed, camgate.ErrTimeout, camgate.ErrUnsupportedCodec, camgate.ErrNoVideoTrack,
	camgate.ErrClosed, camgate.ErrTracksChanged, camgate.ErrBadRequest, errChanged,
}

// explain gives an error of the system its place among the errors of camgate, and says
// what it means for a camera.
func (h host) explain(path string, err error) error {
	is := func(target error) bool { return errors.Is(err, target) }
	if err == nil || slices.ContainsFunc(own, is) {
		return err
	}
	hint := ""
	switch {
	case is(syscall.EBUSY):
		return &BusyError{path, h.holders(path), err}
	case v4l2.IsGone(err):
		return fmt.Errorf("%w: %w: %w", camgate.ErrConnectionFailed, ErrUnplugged, err)
	case is(os.ErrPermission):
		hint = `; the user of the gateway has to be in the group "video"`
	case is(syscall.ENOTTY), is(syscall.EINVAL) && strings.Contains(err.Error(), "capabilities"):
		return fmt.Errorf("%w: %s is no video device: %w", camgate.ErrNoVideoTrack, path, err)
	case is(syscall.ENOSPC):
		hint = "; the USB bus has no room for it: take a smaller size, a lower rate or mjpeg, or plug it in at another controller"
	case is(syscall.ENOMEM):
		hint = "; the device has no memory for so large pictures"
	case is(syscall.EPIPE), is(syscall.EPROTO), is(syscall.EIO), is(syscall.EILSEQ):
		hint = "; the device does not answer as it should: look at its cable and power"
	case is(errors.ErrUnsupported):
		return fmt.Errorf("%w: local cameras are for Linux only", camgate.ErrUnsupportedCodec)
	}
	return fmt.Errorf("%w: %w%s", camgate.ErrConnectionFailed, err, hint)
}

// holders finds the processes that have a device open, as far as we may see.
func (h host) holders(device string) (out []Holder) {
	is, err := os.Stat(device)
	if err != nil {
		return nil
	}
	processes, _ := os.ReadDir(h.proc)
	for _, p := range processes {
		pid, err := strconv.Atoi(p.Name())
		if err != nil {
			continue
		}
		self := pid == os.Getpid()
		open := 0
		fds, _ := os.ReadDir(filepath.Join(h.proc, p.Name(), "fd"))
		for _, fd := range fds {
			name := filepath.Join(h.proc, p.Name(), "fd", fd.Name())
			if to, err := os.Readlink(name); err != nil || !strings.HasPrefix(to, h.dev+"/") {
				continue // a socket, or a file on a disk that may be far away
			}
			if info, err := os.Stat(name); err == nil && os.SameFile(is, info) {
				open++
			}
		}
		if self {
			open-- // the one who asks
		}
		if open > 0 {
			out = append(out, Holder{PID: pid, Command: line(filepath.Join(h.proc, p.Name()), "comm"), Self: self})
		}
	}
	return out
}
