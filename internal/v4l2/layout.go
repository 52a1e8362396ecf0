package v4l2

import "unsafe"

// Structures that are not the same on all machines: words of the machine (unsigned long,
// pointers) are of its size, and C aligns 64-bit numbers as it is used to there.

// gapWord is how many 32-bit words C leaves free before a word of the machine that follows
// an odd number of them.
const gapWord = unsafe.Sizeof(uintptr(0))/4 - 1

type format struct {
	typ uint32
	_   [gapWord]uint32 // the union has pointers in it
	raw [200]byte
}

type buffer struct {
	index, typ, used, flags, field uint32
	_                              [gap64]uint32
	sec, usec                      int64
	_                              [16]byte // timecode
	sequence, memory               uint32
	m                              uintptr // union: offset, or pointer to planes
	length                         uint32
	_, _                           uint32
}

func (b *buffer) setPlanes(p *[maxPlanes]plane) { b.m = uintptr(unsafe.Pointer(p)) }

type plane struct {
	used, length uint32
	m            uintptr
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
	_                 [gap64]uint32 // the union has 64-bit numbers in it
	data              [64]byte
	pending, sequence uint32
	sec, nsec         int64
	id                uint32
	_                 [8 + gap64]uint32
}

type input struct {
	index        uint32
	name         [32]byte
	typ, audio   uint32
	tuner        uint32
	std          uint64
	status, caps uint32
	_            [3 + gap64]uint32
}
