//go:build !386 && !arm

package v4l2

import "unsafe"

type format struct {
	typ uint32
	_   uint32 // the union has pointers in it
	raw [200]byte
}

type buffer struct {
	index, typ, used, flags, field uint32
	_                              uint32
	sec, usec                      int64
	_                              [16]byte // timecode
	sequence, memory               uint32
	m                              uint64 // union: offset, or pointer to planes
	length                         uint32
	_, _, _                        uint32
}

func (b *buffer) setPlanes(p *[maxPlanes]plane) { b.m = uint64(uintptr(unsafe.Pointer(p))) }

type plane struct {
	used, length uint32
	m            uint64
	dataOffset   uint32
	_            [11]uint32
}

type extControls struct {
	which, count, errorIndex uint32
	requestFD                int32
	_                        uint32
	controls                 unsafe.Pointer
}

type event struct {
	typ               uint32
	_                 uint32 // the union has 64-bit numbers in it
	data              [64]byte
	pending, sequence uint32
	sec, nsec         int64
	id                uint32
	_                 [8]uint32
	_                 uint32
}

type input struct {
	index        uint32
	name         [32]byte
	typ, audio   uint32
	tuner        uint32
	std          uint64
	status, caps uint32
	_            [3]uint32
	_            uint32
}
