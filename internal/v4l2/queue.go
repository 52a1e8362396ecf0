package v4l2

import (
	"errors"
	"syscall"
	"unsafe"
)

// ErrAgain says that no buffer is there yet: Wait, and ask again.
var ErrAgain = errors.New("no buffer is there")

// ErrLast says that the last buffer of a device that was told to end is gone.
var ErrLast = errors.New("no more buffers come")

// Queue is the buffers of one side of a device, mapped into memory.
type Queue struct {
	dev    *Device
	typ    BufType
	planes int        // of each buffer
	maps   [][][]byte // by buffer and plane
	on     bool

	// What is handed to the kernel. They lie in the Queue, not on a stack, as it gets
	// their address as a number.
	buf buffer
	pl  [maxPlanes]plane
}

// NewQueue asks for buffers, at least min of them, and maps them. It fails with EBUSY
// where somebody else has the device.
func (d *Device) NewQueue(t BufType, count, least int) (*Queue, error) {
	q := &Queue{dev: d, typ: t, planes: 1}
	if t.MultiPlanar() {
		f, err := d.Format(t)
		if err != nil {
			return nil, err
		}
		q.planes = len(f.Planes)
	}
	r := requestbuffers{count: uint32(count), typ: uint32(t), memory: memoryMMap}
	if err := d.do("ask for buffers", vidiocReqBufs, unsafe.Pointer(&r)); err != nil {
		return nil, err
	}
	for i := range r.count {
		if err := q.mapBuffer(i); err != nil {
			_ = q.Close()
			return nil, err
		}
	}
	if len(q.maps) < least {
		_ = q.Close()
		return nil, &opError{"ask for buffers", d.path, syscall.ENOMEM}
	}
	return q, nil
}

// Probe tells whether the buffers of a side can be had: it fails with EBUSY where
// somebody else has them.
func (d *Device) Probe(t BufType) error {
	r := requestbuffers{typ: uint32(t), memory: memoryMMap}
	return d.do("ask for buffers", vidiocReqBufs, unsafe.Pointer(&r))
}

func (q *Queue) mapBuffer(index uint32) error {
	b := q.prepare(index)
	if err := q.dev.do("query a buffer", vidiocQueryBuf, unsafe.Pointer(b)); err != nil {
		return err
	}
	var maps [][]byte
	for i := range q.planes {
		offset, length := int64(b.m), b.length
		if q.typ.MultiPlanar() {
			offset, length = int64(q.pl[i].m), q.pl[i].length
		}
		m, err := q.dev.sys.mmap(q.dev.fd, offset, int(length))
		if err != nil {
			for _, m := range maps {
				_ = q.dev.sys.munmap(m)
			}
			return &opError{"map a buffer", q.dev.path, err}
		}
		maps = append(maps, m)
	}
	q.maps = append(q.maps, maps)
	return nil
}

// prepare fills in the structure of a buffer, with nothing in it.
func (q *Queue) prepare(index uint32) *buffer {
	q.buf = buffer{index: index, typ: uint32(q.typ), memory: memoryMMap}
	if q.typ.MultiPlanar() {
		q.pl = [maxPlanes]plane{}
		q.buf.length = uint32(q.planes)
		q.buf.setPlanes(&q.pl)
	}
	return &q.buf
}

// Len returns the number of buffers.
func (q *Queue) Len() int { return len(q.maps) }

// Memory returns the planes of a buffer in full length; for the output side, to be
// written to while the device does not have it.
func (q *Queue) Memory(index int) [][]byte { return q.maps[index] }

// Enqueue hands an empty buffer of the capture side to the device.
func (q *Queue) Enqueue(index int) error {
	return q.dev.do("queue a buffer", vidiocQBuf, unsafe.Pointer(q.prepare(uint32(index))))
}

// EnqueueFilled hands a buffer of the output side to the device: used is how many bytes
// there are in each plane. The device stamps what it makes of it with the same time,
// in microseconds.
func (q *Queue) EnqueueFilled(index int, micros int64, used ...int) error {
	b := q.prepare(uint32(index))
	b.sec, b.usec = micros/1e6, micros%1e6
	b.field = uint32(FieldNone)
	for i, n := range used {
		if q.typ.MultiPlanar() {
			q.pl[i].used, q.pl[i].length = uint32(n), uint32(len(q.maps[index][i]))
		} else {
			b.used, b.length = uint32(n), uint32(len(q.maps[index][i]))
		}
	}
	return q.dev.do("queue a buffer", vidiocQBuf, unsafe.Pointer(b))
}

// Buffer is one that the device gave back.
type Buffer struct {
	Index    int
	Sequence uint32 // counts pictures, also those that were dropped
	Micros   int64  // of the time stamp
	// Monotonic: the time is that of Monotonic. Else it is that of what was put in, or
	// nobody knows of what.
	Monotonic bool
	Start     bool // the time is that of the begin of exposure, not of the end of the picture
	Key       bool // a keyframe, where the device tells
	Broken    bool // the device says that something of it is missing
	Last      bool
	used      [maxPlanes]span
}

type span struct{ from, to uint32 }

const (
	flagKey       = 0x8
	flagError     = 0x40
	flagTimeMask  = 0xe000
	flagMonotonic = 0x2000
	flagSourceSOE = 0x10000
	flagLast      = 0x100000
)

// Dequeue takes a buffer from the device. Its bytes are read by Data until it is
// queued again. It fails with ErrAgain when none is there, with ErrLast, with EIO for
// one that is broken (the buffer may be lost), and with ENODEV when the device is gone.
func (q *Queue) Dequeue() (Buffer, error) {
	b := q.prepare(0)
	switch err := q.dev.try(vidiocDQBuf, unsafe.Pointer(b)); {
	case err == syscall.EAGAIN: //nolint:errorlint // straight from the system
		return Buffer{}, ErrAgain
	case err == syscall.EPIPE: //nolint:errorlint // straight from the system
		return Buffer{}, ErrLast
	case err != nil:
		return Buffer{}, &opError{"take a buffer", q.dev.path, err}
	}
	if int(b.index) >= len(q.maps) {
		return Buffer{}, &opError{"take a buffer", q.dev.path, syscall.ERANGE}
	}
	out := Buffer{
		Index: int(b.index), Sequence: b.sequence, Micros: b.sec*1e6 + b.usec,
		Monotonic: b.flags&flagTimeMask == flagMonotonic, Start: b.flags&flagSourceSOE != 0,
		Key: b.flags&flagKey != 0, Broken: b.flags&flagError != 0, Last: b.flags&flagLast != 0,
	}
	for i := range q.planes {
		s, most := span{0, b.used}, uint32(len(q.maps[b.index][i]))
		if q.typ.MultiPlanar() {
			s = span{q.pl[i].dataOffset, q.pl[i].used} // data_offset counts as used
		}
		s.to = min(s.to, most)
		s.from = min(s.from, s.to)
		out.used[i] = s
	}
	return out, nil
}

// Planes returns how many planes each buffer has.
func (q *Queue) Planes() int { return q.planes }

// Data returns what is in a plane of a buffer that Dequeue gave.
func (q *Queue) Data(b *Buffer, plane int) []byte {
	s := b.used[plane]
	return q.maps[b.Index][plane][s.from:s.to]
}

// Start begins to stream.
func (q *Queue) Start() error {
	t := int32(q.typ)
	err := q.dev.do("start the stream", vidiocStreamOn, unsafe.Pointer(&t))
	q.on = err == nil
	return err
}

// Stop ends that. The device gives up all buffers.
func (q *Queue) Stop() error {
	t := int32(q.typ)
	q.on = false
	return q.dev.do("stop the stream", vidiocStreamOff, unsafe.Pointer(&t))
}

// Close stops the stream and gives the buffers back. An error of a device that is gone
// is none.
func (q *Queue) Close() error {
	var errs []error
	if q.on {
		errs = append(errs, q.Stop())
	}
	for _, maps := range q.maps {
		for _, m := range maps {
			errs = append(errs, q.dev.sys.munmap(m))
		}
	}
	q.maps = nil
	errs = append(errs, q.dev.Probe(q.typ)) // asking for none gives all back
	err := errors.Join(errs...)
	if IsGone(err) {
		return nil
	}
	return err
}

// IsGone tells whether an error means that the device is not there any more.
func IsGone(err error) bool {
	return errors.Is(err, syscall.ENODEV) || errors.Is(err, syscall.ENXIO)
}
