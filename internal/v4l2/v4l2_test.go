package v4l2

import (
	"errors"
	"slices"
	"syscall"
	"testing"
)

func TestOpen(t *testing.T) {
	if _, err := open(&kernel{}, "/dev/video9"); !errors.Is(err, syscall.ENOENT) || err.Error() != "/dev/video9: open: no such file or directory" {
		t.Error(err)
	}
	k := &kernel{errors: map[uintptr]error{vidiocQueryCap: syscall.ENOTTY}}
	if _, err := open(k, "/dev/video0"); !errors.Is(err, syscall.ENOTTY) || !slices.Equal(k.closed, []int{7}) {
		t.Error(err, k.closed)
	}
	k = &kernel{caps: CapCapture | CapStreaming}
	d := newDevice(t, k)
	if c := d.Capability(); c.Card != "A camera ?" || c.Driver != "fake" || c.Caps != CapCapture|CapStreaming {
		t.Errorf("%+v", c)
	}
	d.Interrupt()
	if err := d.Close(); err != nil || !k.woken {
		t.Error(err, k.woken)
	}
	k.woken = false
	if d.Interrupt(); k.woken {
		t.Error("interrupted after Close")
	}
}

func TestSides(t *testing.T) {
	for caps, want := range map[Caps][3]BufType{
		CapCapture | CapStreaming:                      {Capture, 0, 0},
		CapCapture:                                     {},
		CapMeta | CapStreaming:                         {},
		CapOutput | CapStreaming:                       {},
		CapCaptureMPlane | CapStreaming:                {CaptureMPlane, 0, 0},
		CapM2M | CapStreaming:                          {0, Output, Capture},
		CapM2MMPlane | CapStreaming:                    {0, OutputMPlane, CaptureMPlane},
		CapCapture | CapOutput | CapM2M | CapStreaming: {0, Output, Capture},
		CapCaptureMPlane | CapM2MMPlane | CapStreaming: {0, OutputMPlane, CaptureMPlane},
	} {
		c := Capability{Caps: caps}
		camera, _ := c.Camera()
		in, out, _ := c.M2M()
		if got := [3]BufType{camera, in, out}; got != want {
			t.Errorf("%#x: %v, want %v", caps, got, want)
		}
	}
}
