package encode

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/internal/v4l2"
)

// direct is a V4L2 memory-to-memory encoder without anything in between: one copy into
// its memory, keyframes when asked, and another bit rate at any time.
type direct struct {
	dev       *v4l2.Device
	in, out   *v4l2.Queue
	from, to  []rows // of the picture, in the pictures that come and in the device's memory
	free      []int  // buffers of in
	in1, out1 v4l2.BufType

	mu      sync.Mutex // of what others may ask for while it runs
	closed  bool
	bitrate *v4l2.Control
	force   *v4l2.Control
}

// rows is a plane, or a part of one.
type rows struct{ at, bytes, stride, count int }

// fourCC names a layout of pixels as V4L2 does.
func fourCC(pixels string) (v4l2.FourCC, bool) {
	f, found := map[string]v4l2.FourCC{
		"yuyv422": v4l2.YUYV, "uyvy422": v4l2.UYVY, "nv12": v4l2.NV12, "yuv420p": v4l2.YU12,
		"gray": v4l2.GREY, "rgb24": v4l2.RGB3, "bgr24": v4l2.BGR3,
	}[pixels]
	return f, found
}

// planes lays out a picture.
func planes(pixels string, width, height, stride, lines int) []rows {
	switch pixels {
	case "nv12":
		return []rows{{0, width, stride, height}, {stride * lines, width, stride, height / 2}}
	case "yuv420p":
		half := rows{stride * lines, width / 2, stride / 2, height / 2}
		other := half
		other.at += stride / 2 * (lines / 2)
		return []rows{{0, width, stride, height}, half, other}
	case "gray":
		return []rows{{0, width, stride, height}}
	case "rgb24", "bgr24":
		return []rows{{0, 3 * width, stride, height}}
	}
	return []rows{{0, 2 * width, stride, height}}
}

// directNodes lists the devices that make H264 of pictures.
func directNodes() (list []variant) {
	nodes, _ := filepath.Glob("/dev/video*")
	for _, node := range nodes {
		dev, err := v4l2.Open(node)
		if err != nil {
			continue
		}
		if _, out, ok := dev.Capability().M2M(); ok {
			if formats, err := dev.Formats(out); err == nil && slices.ContainsFunc(formats, func(f v4l2.FormatInfo) bool { return f.Pixels == v4l2.H264 }) {
				list = append(list, variant{name: node})
			}
		}
		_ = dev.Close()
	}
	return list
}

// takes reports whether pictures can go in as they are.
func (k *kind) takes(f Format, s Settings) bool {
	if !k.direct {
		return true
	}
	_, known := fourCC(f.Pixels)
	return known && f.Codec == camgate.Raw && f.Fields == "" && f.Width == s.Width && f.Height == s.Height
}

// open sets the device up and starts it.
func (d *direct) open(node string, f Format, s Settings) (err error) {
	if d.dev, err = v4l2.Open(node); err != nil {
		return err
	}
	var ok bool
	if d.in1, d.out1, ok = d.dev.Capability().M2M(); !ok {
		return fmt.Errorf("%s makes nothing of pictures", node)
	}
	coded, err := d.dev.SetFormat(d.out1, v4l2.Format{
		Pixels: v4l2.H264, Width: s.Width, Height: s.Height, Planes: []v4l2.PlaneFormat{{Size: max(512<<10, s.Width*s.Height)}},
	})
	if err != nil {
		return err
	}
	pixels, _ := fourCC(f.Pixels)
	raw, err := d.dev.SetFormat(d.in1, v4l2.Format{Pixels: pixels, Width: s.Width, Height: s.Height, Planes: []v4l2.PlaneFormat{{}}})
	switch {
	case err != nil:
		return err
	case coded.Pixels != v4l2.H264 || raw.Pixels != pixels || raw.Width < s.Width || raw.Height < s.Height || len(raw.Planes) != 1:
		return fmt.Errorf("%s takes %s %dx%d, not %s %dx%d", node, raw.Pixels, raw.Width, raw.Height, pixels, s.Width, s.Height)
	}
	l, err := f.layout()
	if err != nil {
		return err
	}
	d.from = planes(f.Pixels, f.Width, f.Height, l.stride, f.Height)
	d.to = planes(f.Pixels, f.Width, f.Height, raw.Planes[0].Stride, raw.Height)
	d.controls(f, s)
	if d.in, err = d.dev.NewQueue(d.in1, 4, 1); err != nil {
		return err
	}
	if d.out, err = d.dev.NewQueue(d.out1, 4, 1); err != nil {
		return err
	}
	for i := range d.in.Len() {
		d.free = append(d.free, i)
	}
	for i := range d.out.Len() {
		if err := d.out.Enqueue(i); err != nil {
			return err
		}
	}
	if err := d.in.Start(); err != nil {
		return err
	}
	return d.out.Start()
}

// controls sets what the device has of what is wanted: drivers differ.
func (d *direct) controls(f Format, s Settings) {
	rate := s.rate(f)
	_, _ = d.dev.SetInterval(d.in1, v4l2.Fraction{Numerator: 1000, Denominator: uint32(math.Round(rate * 1000))})
	gop := int64(max(1, math.Round(s.GOP.Seconds()*rate)))
	const constrainedBaseline = 1
	for _, set := range []struct {
		id    uint32
		value int64
	}{
		{v4l2.CtrlBitrate, int64(s.Bitrate)}, {v4l2.CtrlGOPSize, gop}, {v4l2.CtrlH264IPeriod, gop}, {v4l2.CtrlBFrames, 0},
		{v4l2.CtrlRepeatHeaders, 1}, {v4l2.CtrlH264Profile, constrainedBaseline},
	} {
		if c, found := d.dev.FindControl(set.id); found {
			_ = d.dev.SetControl(&c, min(max(set.value, c.Min), c.Max))
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if c, found := d.dev.FindControl(v4l2.CtrlBitrate); found {
		d.bitrate = &c
	}
	if c, found := d.dev.FindControl(v4l2.CtrlForceKeyframe); found {
		d.force = &c
	}
}

func (d *direct) close() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	for _, q := range []*v4l2.Queue{d.in, d.out} {
		if q != nil {
			_ = q.Close()
		}
	}
	if d.dev != nil {
		_ = d.dev.Close()
	}
}

// setBitrate changes the bit rate while it runs.
func (d *direct) setBitrate(bits int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.closed && d.bitrate != nil && d.dev.SetControl(d.bitrate, min(max(int64(bits), d.bitrate.Min), d.bitrate.Max)) == nil
}

// give copies a picture into a free buffer of the device.
func (d *direct) give(au [][]byte, at int64) error {
	picture := slices.Concat(au...)
	if len(au) == 1 {
		picture = au[0]
	}
	index := d.free[len(d.free)-1]
	memory := d.in.Memory(index)[0]
	end := 0
	for i, from := range d.from {
		to := d.to[i]
		for y := range from.count {
			copy(memory[min(to.at+y*to.stride, len(memory)):], picture[from.at+y*from.stride:][:from.bytes])
		}
		end = to.at + to.count*to.stride
	}
	if end > len(memory) {
		return fmt.Errorf("a buffer has %d bytes, a picture %d", len(memory), end)
	}
	d.free = d.free[:len(d.free)-1]
	if at&1 != 0 && d.force != nil {
		_ = d.dev.SetControl(d.force, 1)
	}
	return d.in.EnqueueFilled(index, at*int64(tick/time.Microsecond), end)
}

// collect takes what the device has done.
func (d *direct) collect(made func(data []byte, at int64) error) error {
	for {
		b, err := d.in.Dequeue()
		if errors.Is(err, v4l2.ErrAgain) {
			break
		}
		if err != nil {
			return err
		}
		d.free = append(d.free, b.Index)
	}
	for {
		b, err := d.out.Dequeue()
		switch {
		case errors.Is(err, v4l2.ErrAgain):
			return nil
		case err != nil:
			return err
		case b.Broken:
			return errors.New("the device says that a picture is broken")
		}
		data := slices.Clone(d.out.Data(&b, 0))
		if err := d.out.Enqueue(b.Index); err != nil {
			return err
		}
		if err := made(data, b.Micros/int64(tick/time.Microsecond)); err != nil {
			return err
		}
	}
}
