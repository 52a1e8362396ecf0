// Package v4l2 speaks to Linux's video devices (Video4Linux, version 2): cameras that
// give pictures, and devices that make pictures into others (memory to memory), as
// hardware encoders are. Buffers are mapped into memory, single- and multi-planar.
//
// It is written against the kernel's uAPI (linux/videodev2.h) as of Linux 5.6, from
// which on times in it have 64 bits on all machines. Names are those of the kernel's
// documentation, without V4L2_ in front.
//
// A Device is for use by one goroutine, but for Interrupt and the controls.
package v4l2

import (
	"bytes"
	"fmt"
	"sync"
	"syscall"
	"unsafe"
)

// FourCC names a pixel format by four characters.
type FourCC uint32

// The formats that are known by name here; devices have many more.
const (
	H264  FourCC = 'H' | '2'<<8 | '6'<<16 | '4'<<24
	HEVC  FourCC = 'H' | 'E'<<8 | 'V'<<16 | 'C'<<24
	MJPEG FourCC = 'M' | 'J'<<8 | 'P'<<16 | 'G'<<24
	JPEG  FourCC = 'J' | 'P'<<8 | 'E'<<16 | 'G'<<24

	YUYV FourCC = 'Y' | 'U'<<8 | 'Y'<<16 | 'V'<<24
	UYVY FourCC = 'U' | 'Y'<<8 | 'V'<<16 | 'Y'<<24
	YVYU FourCC = 'Y' | 'V'<<8 | 'Y'<<16 | 'U'<<24
	NV12 FourCC = 'N' | 'V'<<8 | '1'<<16 | '2'<<24
	NV21 FourCC = 'N' | 'V'<<8 | '2'<<16 | '1'<<24
	NM12 FourCC = 'N' | 'M'<<8 | '1'<<16 | '2'<<24 // NV12, each plane in memory of its own
	YU12 FourCC = 'Y' | 'U'<<8 | '1'<<16 | '2'<<24
	YM12 FourCC = 'Y' | 'M'<<8 | '1'<<16 | '2'<<24 // YU12, each plane in memory of its own
	P422 FourCC = '4' | '2'<<8 | '2'<<16 | 'P'<<24
	GREY FourCC = 'G' | 'R'<<8 | 'E'<<16 | 'Y'<<24
	RGB3 FourCC = 'R' | 'G'<<8 | 'B'<<16 | '3'<<24
	BGR3 FourCC = 'B' | 'G'<<8 | 'R'<<16 | '3'<<24
)

// String returns the characters, without spaces at the end.
func (f FourCC) String() string {
	c := []byte{byte(f), byte(f >> 8), byte(f >> 16), byte(f >> 24 & 0x7f)}
	for i, b := range c {
		if b < ' ' || b > '~' {
			c[i] = '?'
		}
	}
	return string(bytes.TrimRight(c, " "))
}

// ParseFourCC reads the characters that String writes.
func ParseFourCC(s string) (FourCC, bool) {
	if s == "" || len(s) > 4 {
		return 0, false
	}
	c := [4]byte{' ', ' ', ' ', ' '}
	copy(c[:], s)
	return FourCC(c[0]) | FourCC(c[1])<<8 | FourCC(c[2])<<16 | FourCC(c[3])<<24, true
}

// BufType is a side of a device: where pictures come out (capture) or go in (output).
type BufType uint32

// The sides there are for pictures.
const (
	Capture       BufType = 1
	Output        BufType = 2
	CaptureMPlane BufType = 9
	OutputMPlane  BufType = 10
)

// MultiPlanar tells whether buffers have planes in memory of their own.
func (t BufType) MultiPlanar() bool { return t == CaptureMPlane || t == OutputMPlane }

// Caps is what a device can do.
type Caps uint32

// The capabilities that matter here.
const (
	CapCapture       Caps = 0x00000001
	CapOutput        Caps = 0x00000002
	CapCaptureMPlane Caps = 0x00001000
	CapOutputMPlane  Caps = 0x00002000
	CapM2MMPlane     Caps = 0x00004000
	CapM2M           Caps = 0x00008000
	CapMeta          Caps = 0x00800000
	CapStreaming     Caps = 0x04000000
	capDevice        Caps = 0x80000000
)

// Capability is what a device says of itself.
type Capability struct {
	Driver, Card, Bus string
	Caps              Caps // of this node, not of the whole device
}

// Camera returns the side at which the device gives pictures of its own; false: it
// is no camera.
func (c Capability) Camera() (BufType, bool) {
	switch {
	case c.Caps&CapStreaming == 0 || c.Caps&(CapM2M|CapM2MMPlane) != 0:
		return 0, false
	case c.Caps&CapCapture != 0:
		return Capture, true
	case c.Caps&CapCaptureMPlane != 0:
		return CaptureMPlane, true
	}
	return 0, false
}

// M2M returns the sides of a device that makes pictures into others; false: it is none.
func (c Capability) M2M() (in, out BufType, ok bool) {
	switch {
	case c.Caps&CapStreaming == 0:
		return 0, 0, false
	case c.Caps&CapM2MMPlane != 0, c.Caps&CapCaptureMPlane != 0 && c.Caps&CapOutputMPlane != 0:
		return OutputMPlane, CaptureMPlane, true
	case c.Caps&CapM2M != 0:
		return Output, Capture, true
	}
	return 0, 0, false
}

// opError is what a request to a device failed with. It wraps the system's error.
type opError struct {
	Op   string
	Path string
	Err  error
}

func (e *opError) Error() string { return fmt.Sprintf("%s: %s: %v", e.Path, e.Op, e.Err) }
func (e *opError) Unwrap() error { return e.Err }

// system is what the package needs of the operating system. Tests have their own:
// that is the only edge at which something stands in for the kernel.
type system interface {
	open(path string) (fd int, err error)
	close(fd int) error
	ioctl(fd int, request uintptr, arg unsafe.Pointer) error
	mmap(fd int, offset int64, length int) ([]byte, error)
	munmap(b []byte) error
	// newWaker makes what ends a poll of another goroutine.
	newWaker() (waker, error)
	// poll waits until one of events is there, the waker is used, or the time is over;
	// a negative one never is.
	poll(fd int, w waker, events Ready, milliseconds int) (Ready, error)
}

type waker interface {
	wake()
	close()
}

// Device is an open video device.
type Device struct {
	path string
	sys  system
	fd   int
	cap  Capability

	mu     sync.Mutex
	closed bool
	wake   waker
}

// Open opens a device.
func Open(path string) (*Device, error) { return open(theSystem{}, path) }

func open(sys system, path string) (*Device, error) {
	fd, err := sys.open(path)
	if err != nil {
		return nil, &opError{"open", path, err}
	}
	d := &Device{path: path, sys: sys, fd: fd}
	if d.wake, err = sys.newWaker(); err != nil {
		_ = sys.close(fd)
		return nil, &opError{"open", path, err}
	}
	var c capability
	if err := d.do("query capabilities", vidiocQueryCap, unsafe.Pointer(&c)); err != nil {
		_ = d.Close()
		return nil, err
	}
	d.cap = Capability{Driver: text(c.driver[:]), Card: text(c.card[:]), Bus: text(c.bus[:]), Caps: c.caps}
	if c.caps&capDevice != 0 {
		d.cap.Caps = c.device
	}
	return d, nil
}

// Close gives the device back. Queues are to be closed before.
func (d *Device) Close() error {
	d.mu.Lock()
	d.closed = true
	d.wake.close()
	d.mu.Unlock()
	return d.sys.close(d.fd)
}

// Path returns what the device was opened by.
func (d *Device) Path() string { return d.path }

// FD returns the file descriptor.
func (d *Device) FD() int { return d.fd }

// Capability returns what the device says of itself.
func (d *Device) Capability() Capability { return d.cap }

// do makes a request.
func (d *Device) do(op string, request uintptr, arg unsafe.Pointer) error {
	if err := d.sys.ioctl(d.fd, request, arg); err != nil {
		return &opError{op, d.path, err}
	}
	return nil
}

// try makes one whose error says only that there is no such thing, or no more.
func (d *Device) try(request uintptr, arg unsafe.Pointer) error {
	return d.sys.ioctl(d.fd, request, arg)
}

// Ready is what can be done with a device without waiting, as poll(2) has it.
type Ready int16

// The events there are.
const (
	Readable Ready = 0x1 // a buffer of the capture side is there
	Event    Ready = 0x2
	Writable Ready = 0x4 // a buffer of the output side is free again
	Failed   Ready = 0x8 // the next Dequeue tells why
	Hangup   Ready = 0x10
)

// Wait blocks until one of events is there (or Failed, or Hangup, which always count),
// until Interrupt, or for so many milliseconds, if that is not negative. Nothing of all
// in the answer: the time is over, or it was interrupted.
func (d *Device) Wait(events Ready, milliseconds int) (Ready, error) {
	r, err := d.sys.poll(d.fd, d.wake, events, milliseconds)
	if err != nil {
		return 0, &opError{"wait", d.path, err}
	}
	return r, nil
}

// Interrupt ends the Wait of another goroutine, and all that follow. It does nothing
// after Close.
func (d *Device) Interrupt() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.wake.wake()
	}
}

func text(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(bytes.ToValidUTF8(bytes.TrimSpace(b), []byte("?")))
}

// ends tells whether an error means the end of a list: EINVAL, or ENOTTY and ENODATA
// of drivers that have no such list.
func ends(err error) bool {
	return err == syscall.EINVAL || err == syscall.ENOTTY || err == syscall.ENODATA //nolint:errorlint // straight from the system
}
