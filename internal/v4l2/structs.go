package v4l2

// The structures that are the same on all machines. Those that hold a time, a
// pointer or a union with such differ: see layout_*.go. All numbers stand as the
// machine has them (little-endian on all machines that are supported).

type capability struct {
	driver       [16]byte
	card, bus    [32]byte
	version      uint32
	caps, device Caps
	_            [3]uint32
}

type fmtdesc struct {
	index, typ, flags uint32
	description       [32]byte
	pixels            FourCC
	mbus              uint32
	_                 [3]uint32
}

type frmsizeenum struct {
	index  uint32
	pixels FourCC
	typ    uint32
	size   [6]uint32 // discrete: width, height; else min, max, step of width, then of height
	_      [2]uint32
}

type frmivalenum struct {
	index         uint32
	pixels        FourCC
	width, height uint32
	typ           uint32
	interval      [3]Fraction // discrete: the first; else min, max, step
	_             [2]uint32
}

// pixFormat is in the union of a format for the single-planar API.
type pixFormat struct {
	width, height uint32
	pixels        FourCC
	field         uint32
	bytesPerLine  uint32
	sizeImage     uint32
	colorspace    uint32
	priv          uint32
	flags         uint32
	ycbcr         uint32
	quantization  uint32
	transfer      uint32
}

type planePixFormat struct {
	sizeImage, bytesPerLine uint32
	_                       [6]uint16
}

const maxPlanes = 8

// pixFormatMP is the same for the multi-planar API.
type pixFormatMP struct {
	width, height uint32
	pixels        FourCC
	field         uint32
	colorspace    uint32
	planes        [maxPlanes]planePixFormat
	count         uint8
	flags         uint8
	ycbcr         uint8
	quantization  uint8
	transfer      uint8
	_             [7]uint8
}

type streamparm struct {
	typ        uint32
	capability uint32
	mode       uint32
	interval   Fraction
	extended   uint32
	buffers    uint32
	_          [44]uint32
}

type requestbuffers struct {
	count, typ, memory, caps uint32
	flags                    uint8
	_                        [3]uint8
}

type queryExtCtrl struct {
	id, typ           uint32
	name              [32]byte
	minimum, maximum  int64
	step              uint64
	def               int64
	flags             uint32
	size, elems, dims uint32
	_                 [4]uint32
	_                 [32]uint32
}

type querymenu struct {
	id, index uint32
	name      [32]byte // or, of an integer menu, 8 bytes of a number
	_         uint32
}

// extControl is packed: the value stands at an odd multiple of four.
type extControl struct {
	id, size, _ uint32
	value       [8]byte
}

type encoderCmd struct {
	cmd, flags uint32
	_          [8]uint32
}

type eventSubscription struct {
	typ, id, flags uint32
	_              [5]uint32
}

const memoryMMap = 1
