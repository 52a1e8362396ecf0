package v4l2

import (
	"errors"
	"slices"
	"syscall"
	"testing"
	"unsafe"
)

// kernel stands in for Linux at the edge of its system calls, and for nothing above
// it. What real drivers do is tested in a virtual machine: make test-camera.
type kernel struct {
	caps     Caps
	formats  []FourCC
	buffers  int // that it gives
	size     int
	planes   int
	queued   []uint32
	errors   map[uintptr]error // of requests
	done     []buffer          // for DQBUF, in their order
	donePl   [maxPlanes]plane
	mapped   int
	closed   []int
	values   map[uint32]int32
	lastBuf  buffer
	lastPl   [maxPlanes]plane
	requests []uintptr
	woken    bool
}

type wakeKernel struct{ k *kernel }

func (w wakeKernel) wake()  { w.k.woken = true }
func (w wakeKernel) close() {}

func (k *kernel) open(path string) (int, error) {
	if path != "/dev/video0" {
		return -1, syscall.ENOENT
	}
	return 7, nil
}
func (k *kernel) close(fd int) error { k.closed = append(k.closed, fd); return nil }
func (k *kernel) mmap(_ int, offset int64, length int) ([]byte, error) {
	k.mapped++
	b := make([]byte, length)
	b[0] = byte(offset >> 12)
	return b, nil
}
func (k *kernel) munmap([]byte) error                        { k.mapped--; return nil }
func (k *kernel) newWaker() (waker, error)                   { return wakeKernel{k}, nil }
func (k *kernel) poll(int, waker, Ready, int) (Ready, error) { return Readable, nil }

func (k *kernel) ioctl(_ int, request uintptr, arg unsafe.Pointer) error {
	k.requests = append(k.requests, request)
	if err := k.errors[request]; err != nil {
		return err
	}
	switch request {
	case vidiocQueryCap:
		c := (*capability)(arg)
		copy(c.driver[:], "fake")
		copy(c.card[:], "A camera \xff")
		c.caps, c.device = CapMeta|capDevice, k.caps
	case vidiocEnumFmt:
		f := (*fmtdesc)(arg)
		if int(f.index) >= len(k.formats) {
			return syscall.EINVAL
		}
		f.pixels = k.formats[f.index]
	case vidiocGFmt:
		f := (*format)(arg)
		if BufType(f.typ).MultiPlanar() {
			(*pixFormatMP)(unsafe.Pointer(&f.raw)).count = uint8(k.planes)
		}
	case vidiocSFmt:
		f := (*format)(arg)
		p := (*pixFormat)(unsafe.Pointer(&f.raw))
		p.width, p.bytesPerLine, p.sizeImage = 640, 1280, 1280*p.height
	case vidiocReqBufs:
		r := (*requestbuffers)(arg)
		r.count = min(r.count, uint32(k.buffers))
	case vidiocQueryBuf:
		b := (*buffer)(arg)
		if k.planes > 1 {
			for i := range k.planes {
				pl := k.planesOf(b)
				pl[i].length, pl[i].m = uint32(k.size), 0x1000*(1+8*machineWord(b.index)+machineWord(i))
			}
			return nil
		}
		b.length, b.m = uint32(k.size), 0x1000*(machineWord(b.index)+1)
	case vidiocQBuf:
		b := (*buffer)(arg)
		k.lastBuf = *b
		if k.planes > 1 {
			k.lastPl = *k.planesOf(b)
		}
		k.queued = append(k.queued, b.index)
	case vidiocDQBuf:
		if len(k.done) == 0 {
			return syscall.EAGAIN
		}
		b := (*buffer)(arg)
		m := b.m
		if k.planes > 1 {
			*k.planesOf(b) = k.donePl
		}
		*b, k.done = k.done[0], k.done[1:]
		b.m = m
	case vidiocQueryExtCtrl:
		return k.query((*queryExtCtrl)(arg))
	case vidiocQueryMenu:
		m := (*querymenu)(arg)
		if m.index == 2 {
			return syscall.EINVAL
		}
		copy(m.name[:], []string{"Auto Mode", "Manual Mode", "", "Aperture Priority Mode"}[m.index])
	case vidiocGExtCtrls, vidiocSExtCtrls:
		x := (*extControls)(arg)
		e := (*extControl)(x.controls)
		if request == vidiocSExtCtrls {
			k.values[e.id] = *(*int32)(unsafe.Pointer(&e.value))
		}
		*(*int32)(unsafe.Pointer(&e.value)) = k.values[e.id]
	case vidiocDQEvent:
		(*event)(arg).typ = uint32(EventEOS)
	}
	return nil
}

func (k *kernel) query(q *queryExtCtrl) error {
	all := []queryExtCtrl{
		{id: 0x980001, typ: uint32(typeClass)},
		{id: 0x980900, typ: uint32(TypeInteger), minimum: -64, maximum: 64, step: 1},
		{id: 0x9a0901, typ: uint32(TypeMenu), maximum: 3},
		{id: 0x9a0902, typ: uint32(TypeInteger), flags: ctrlDisabled},
		{id: 0x9a0903, typ: 7},
	}
	copy(all[1].name[:], "Brightness")
	copy(all[2].name[:], "Auto Exposure, (mode)")
	next := q.id&ctrlNext != 0
	for _, c := range all {
		if next && c.id > q.id&^ctrlNext || c.id == q.id {
			*q = c
			return nil
		}
	}
	return syscall.EINVAL
}

func newDevice(t *testing.T, k *kernel) *Device {
	t.Helper()
	d, err := open(k, "/dev/video0")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

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

func TestQueue(t *testing.T) {
	k := &kernel{buffers: 3, size: 100, planes: 1}
	d := newDevice(t, k)
	q, err := d.NewQueue(Capture, 4, 2)
	if err != nil || q.Len() != 3 || k.mapped != 3 || q.Memory(2)[0][0] != 3 {
		t.Fatal(err, k.mapped)
	}
	if _, err := q.Dequeue(); !errors.Is(err, ErrAgain) {
		t.Error(err)
	}
	k.done = []buffer{
		{index: 1, used: 40, sequence: 9, sec: 3, usec: 5, flags: flagMonotonic | flagKey},
		{index: 2, used: 4000, flags: flagError}, // more than there is
		{index: 3},
	}
	b, err := q.Dequeue()
	if err != nil || b.Index != 1 || b.Sequence != 9 || b.Micros != 3000005 || !b.Monotonic || !b.Key || len(q.Data(&b, 0)) != 40 {
		t.Errorf("%+v, %v", b, err)
	}
	if b, err = q.Dequeue(); err != nil || !b.Broken || len(q.Data(&b, 0)) != 100 {
		t.Errorf("%+v, %v", b, err)
	}
	if _, err := q.Dequeue(); !errors.Is(err, syscall.ERANGE) {
		t.Error(err)
	}
	for errno, want := range map[syscall.Errno]error{syscall.EPIPE: ErrLast, syscall.ENODEV: syscall.ENODEV, syscall.EIO: syscall.EIO} {
		k.errors = map[uintptr]error{vidiocDQBuf: errno}
		if _, err := q.Dequeue(); !errors.Is(err, want) || IsGone(err) != (errno == syscall.ENODEV) {
			t.Error(err)
		}
	}
	if err := q.Start(); err != nil {
		t.Fatal(err)
	}
	k.errors = map[uintptr]error{vidiocStreamOff: syscall.ENODEV, vidiocReqBufs: syscall.ENODEV}
	if err := q.Close(); err != nil || k.mapped != 0 {
		t.Error(err, k.mapped)
	}
	k.errors, k.buffers = nil, 1
	if _, err := d.NewQueue(Capture, 4, 2); !errors.Is(err, syscall.ENOMEM) || k.mapped != 0 {
		t.Error(err, k.mapped)
	}
}

func TestQueuePlanes(t *testing.T) {
	k := &kernel{buffers: 2, size: 100, planes: 2}
	d := newDevice(t, k)
	q, err := d.NewQueue(CaptureMPlane, 2, 2)
	if err != nil || q.Planes() != 2 || k.mapped != 4 || q.Memory(1)[1][0] != 10 {
		t.Fatal(err, k.mapped)
	}
	k.done = []buffer{{index: 1, sequence: 1}}
	k.donePl[0] = plane{used: 50, dataOffset: 8}
	k.donePl[1] = plane{used: 20, dataOffset: 30} // nonsense
	b, err := q.Dequeue()
	if err != nil || len(q.Data(&b, 0)) != 42 || len(q.Data(&b, 1)) != 0 {
		t.Errorf("%+v, %v", b, err)
	}
	if err := q.EnqueueFilled(1, 1_500_000, 60, 30); err != nil {
		t.Fatal(err)
	}
	if l := k.lastBuf; l.sec != 1 || l.usec != 500000 || l.length != 2 || k.lastPl[0].used != 60 || k.lastPl[1].used != 30 {
		t.Errorf("%+v %+v", k.lastBuf, k.lastPl[:2])
	}
}

func TestControls(t *testing.T) {
	k := &kernel{values: map[uint32]int32{0x980900: -5, 0x9a0901: 3}}
	d := newDevice(t, k)
	all, err := d.Controls()
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	if c := all[0]; c.Key() != "brightness" || c.Value != -5 || c.Min != -64 || c.Max != 64 {
		t.Errorf("%+v", c)
	}
	if c := all[1]; c.Key() != "auto_exposure_mode" || len(c.Menu) != 3 || c.Menu[2] != (MenuItem{3, "Aperture Priority Mode"}) || c.Value != 3 {
		t.Errorf("%+v", c)
	}
	if err := d.SetControl(&all[0], 12); err != nil || k.values[0x980900] != 12 {
		t.Error(err, k.values)
	}
	if _, ok := d.FindControl(CtrlForceKeyframe); ok {
		t.Error("a control that is not there was found")
	}
	if e, err := d.NextEvent(); err != nil || e.Type != EventEOS {
		t.Error(e, err)
	}
}
