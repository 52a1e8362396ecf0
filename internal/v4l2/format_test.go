package v4l2

import (
	"errors"
	"syscall"
	"testing"
)

func TestFormat(t *testing.T) {
	d := newDevice(t, &kernel{formats: []FourCC{MJPEG, YUYV}, errors: map[uintptr]error{vidiocEnumSizes: syscall.ENOTTY, vidiocEnumRates: syscall.EIO}})
	formats, err := d.Formats(Capture)
	if err != nil || len(formats) != 2 || formats[1].Pixels.String() != "YUYV" {
		t.Error(formats, err)
	}
	if sizes, err := d.FrameSizes(MJPEG); err != nil || sizes != nil {
		t.Error(sizes, err)
	}
	if _, err := d.FrameIntervals(MJPEG, 1, 1); !errors.Is(err, syscall.EIO) {
		t.Error(err)
	}
	f, err := d.SetFormat(Capture, Format{Pixels: YUYV, Width: 1000, Height: 480})
	if err != nil || f.Width != 640 || f.Height != 480 || f.Planes[0] != (PlaneFormat{1280, 1280 * 480}) {
		t.Error(f, err)
	}
}

func TestNearest(t *testing.T) {
	s := FrameSize{48, 1920, 16, 32, 1080, 2}
	for want, got := range map[[2]int][2]int{
		{1280, 720}: {1280, 720}, {1, 1}: {48, 32}, {5000, 5000}: {1920, 1080}, {1287, 721}: {1280, 722}, {1289, 100}: {1296, 100},
	} {
		if w, h := s.Nearest(want[0], want[1]); [2]int{w, h} != got {
			t.Errorf("%v: %dx%d, want %v", want, w, h, got)
		}
	}
}
