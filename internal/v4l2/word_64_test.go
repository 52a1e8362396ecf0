//go:build !386 && !arm

package v4l2

import "unsafe"

type machineWord = uint64

func (*kernel) planesOf(b *buffer) *[maxPlanes]plane {
	return *(**[maxPlanes]plane)(unsafe.Pointer(&b.m))
}
