package v4l2

import (
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

func (w wakeKernel) wake() { w.k.woken = true }

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

func (k *kernel) munmap([]byte) error { k.mapped--; return nil }

func (k *kernel) newWaker() (waker, error) { return wakeKernel{k}, nil }

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
				pl[i].length, pl[i].m = uint32(k.size), 0x1000*(1+8*uintptr(b.index)+uintptr(i))
			}
			return nil
		}
		b.length, b.m = uint32(k.size), 0x1000*(uintptr(b.index)+1)
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

func (*kernel) planesOf(b *buffer) *[maxPlanes]plane {
	return *(**[maxPlanes]plane)(unsafe.Pointer(&b.m))
}
