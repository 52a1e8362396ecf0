package camera

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/camgate/camgate"
)

func TestHolders(t *testing.T) {
	path := filepath.Join(t.TempDir(), "video0")
	open := func() *os.File {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	h := host{filepath.Dir(path), "", "/proc"}
	open() // who asks has it open, too
	if got := h.holders(path); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	open()
	got := h.holders(path)
	if len(got) != 1 || !got[0].Self || got[0].PID != os.Getpid() || got[0].Command == "" {
		t.Errorf("%+v", got)
	}
	err := h.explain(path, syscall.EBUSY)
	var busy *BusyError
	if !errors.As(err, &busy) || !errors.Is(err, syscall.EBUSY) || !errors.Is(err, camgate.ErrConnectionFailed) || !strings.HasSuffix(err.Error(), "is held by this gateway") {
		t.Error(err)
	}
	if s := (Holder{PID: 33, Command: "ffmpeg"}).String(); s != "ffmpeg, pid 33" {
		t.Error(s)
	}
}

func TestExplain(t *testing.T) {
	h := thisHost()
	for errno, want := range map[error]string{
		syscall.ENODEV: "unplugged", syscall.EACCES: `group "video"`, syscall.ENOSPC: "USB bus", syscall.EIO: "cable",
		syscall.ENOTTY: "no video device",
	} {
		err := h.explain("/dev/video0", errno)
		if !strings.Contains(err.Error(), want) || !errors.Is(err, errno) {
			t.Errorf("%v: %v", errno, err)
		}
	}
	if err := h.explain("", errChanged); err != errChanged {
		t.Error(err)
	}
	if h.explain("", nil) != nil {
		t.Error("an error out of nothing")
	}
}
