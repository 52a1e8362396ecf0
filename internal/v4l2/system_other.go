//go:build !linux || !(386 || amd64 || arm || arm64 || loong64 || riscv64)

package v4l2

import (
	"errors"
	"unsafe"
)

// There are no such devices.
type theSystem struct{}

func (theSystem) open(string) (int, error)                   { return -1, errors.ErrUnsupported }
func (theSystem) close(int) error                            { return errors.ErrUnsupported }
func (theSystem) ioctl(int, uintptr, unsafe.Pointer) error   { return errors.ErrUnsupported }
func (theSystem) mmap(int, int64, int) ([]byte, error)       { return nil, errors.ErrUnsupported }
func (theSystem) munmap([]byte) error                        { return errors.ErrUnsupported }
func (theSystem) newWaker() (waker, error)                   { return nil, errors.ErrUnsupported }
func (theSystem) poll(int, waker, Ready, int) (Ready, error) { return 0, errors.ErrUnsupported }

// Monotonic returns 0: it is not known.
func Monotonic() int64 { return 0 }
