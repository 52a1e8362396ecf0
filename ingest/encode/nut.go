package encode

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// nut reads the one stream of a NUT file as ffmpeg writes it. Of the containers that
// ffmpeg has, this is the one that takes every codec, keeps timestamps, and gives
// each access unit when it is there: Matroska and MP4 hold it until the next one,
// and in MPEG-TS its end is not to be seen before that.
//
// The format is described in "NUT Open Container Format" (ffmpeg.org/~michael/nut.txt):
// packets with an 8-byte start code that say how long they are, and between them
// frames whose headers are one byte and what the table in the main header says.
type nut struct {
	r       *bufio.Reader
	codes   [256]frameCode
	elided  [][]byte // what frames begin with and is left out
	num     uint64   // time base: num/den seconds are one tick of pts
	den     uint64
	shift   uint   // timestamps below 1<<shift are the lower bits of one
	last    int64  // pts
	extra   []byte // what a decoder has to know before the first picture
	pending uint64 // frames before the headers are an error: bit 0 main, bit 1 stream
}

// packet is an access unit.
type packet struct {
	pts  int64 // in ticks, see nut.rescale
	key  bool
	data []byte
}

type frameCode struct {
	flags    uint64
	ptsDelta int64
	mul, lsb uint64 // size = lsb + mul * what follows
	reserved uint64
	header   uint64 // of elided
}

// Start codes: 'N', a letter, and six bytes of noise.
const (
	nutMain      = 0x4e4d7a561f5f04ad
	nutStream    = 0x4e5311405bf2f9db
	nutSyncpoint = 0x4e4be4adeeca4569
	nutID        = "nut/multimedia container\x00"
)

// Flags of frames.
const (
	nutKey       = 1
	nutCodedPTS  = 8
	nutStreamID  = 16
	nutSizeMSB   = 32
	nutChecksum  = 64
	nutReserved  = 128
	nutSideData  = 256
	nutHeaderIdx = 1024
	nutMatchTime = 2048
	nutCoded     = 4096
	nutInvalid   = 8192
)

const (
	maxNutHeader = 1 << 20
	maxUnit      = 32 << 20 // bytes of an access unit
)

// errNotNUT says that the child writes something that we do not understand.
var errNotNUT = errors.New("not a NUT stream")

func newNUT(r io.Reader) *nut { return &nut{r: bufio.NewReaderSize(r, 64<<10)} }

// rescale converts a timestamp to ticks, rounded to the nearest.
func (n *nut) rescale(pts int64, perSecond int64) int64 {
	return int64(math.RoundToEven(float64(pts) * float64(n.num) * float64(perSecond) / float64(n.den)))
}

// next returns the next access unit, or io.EOF.
func (n *nut) next() (packet, error) {
	if n.pending == 0 && n.den == 0 {
		var b [len(nutID)]byte
		if _, err := io.ReadFull(n.r, b[:]); err != nil {
			return packet{}, err // io.EOF: not one picture
		}
		if string(b[:]) != nutID {
			return packet{}, fmt.Errorf("%w: it begins with %q", errNotNUT, b[:8])
		}
		n.pending = 3
	}
	for {
		code, err := n.r.ReadByte()
		if err != nil {
			return packet{}, err
		}
		if code == 'N' {
			if err := n.r.UnreadByte(); err != nil {
				return packet{}, err
			}
			err = n.skipOrLearn()
		} else {
			if n.pending != 0 {
				return packet{}, fmt.Errorf("%w: a frame before the headers", errNotNUT)
			}
			var p packet
			if p, err = n.frame(n.codes[code]); err == nil && len(p.data) > 0 {
				return p, nil
			}
		}
		if err != nil {
			return packet{}, unexpected(err)
		}
	}
}

// frame reads what follows a frame code.
func (n *nut) frame(c frameCode) (packet, error) {
	f := fields{r: n.r}
	flags, size, header := c.flags, c.lsb, c.header
	if flags&nutCoded != 0 {
		flags ^= f.v()
	}
	if flags&(nutInvalid|nutSideData) != 0 {
		return packet{}, fmt.Errorf("%w: frame flags %#x", errNotNUT, flags)
	}
	if flags&nutStreamID != 0 && f.v() != 0 {
		return packet{}, fmt.Errorf("%w: a second stream", errNotNUT)
	}
	pts := n.last + c.ptsDelta
	if flags&nutCodedPTS != 0 {
		pts = n.full(f.v())
	}
	if flags&nutSizeMSB != 0 {
		size += c.mul * min(f.v(), maxUnit)
	}
	if flags&nutMatchTime != 0 {
		f.v()
	}
	if flags&nutHeaderIdx != 0 {
		header = f.v()
	}
	reserved := c.reserved
	if flags&nutReserved != 0 {
		reserved = f.v()
	}
	for ; reserved > 0 && f.err == nil; reserved-- {
		f.v()
	}
	if flags&nutChecksum != 0 {
		f.skip(4)
	}
	if size > 4096 {
		header = 0
	}
	switch {
	case f.err != nil:
		return packet{}, f.err
	case header >= uint64(len(n.elided)), size < uint64(len(n.elided[header])), size > maxUnit:
		return packet{}, fmt.Errorf("%w: a frame of %d bytes", errNotNUT, size)
	}
	n.last = pts
	data := make([]byte, size)
	rest := data[copy(data, n.elided[header]):]
	if _, err := io.ReadFull(n.r, rest); err != nil {
		return packet{}, err
	}
	return packet{pts: pts, key: flags&nutKey != 0, data: data}, nil
}

// full makes a timestamp of what is coded: its lower bits, or all and some more.
func (n *nut) full(coded uint64) int64 {
	if coded >= 1<<n.shift {
		return int64(coded - 1<<n.shift)
	}
	mask := int64(1)<<n.shift - 1
	delta := n.last - mask/2
	return (int64(coded)-delta)&mask + delta
}

// skipOrLearn reads a packet that begins with a start code.
func (n *nut) skipOrLearn() error {
	f := fields{r: n.r}
	start := f.u(8)
	size := f.v()
	if size > 4096 {
		f.skip(4)
	}
	if f.err != nil {
		return f.err
	}
	if size < 4 || size > maxNutHeader {
		return fmt.Errorf("%w: a header of %d bytes", errNotNUT, size)
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(n.r, b); err != nil {
		return err
	}
	in := fields{b: b[:size-4]} // without the checksum
	var err error
	switch start {
	case nutMain:
		err = n.main(&in)
	case nutStream:
		err = n.stream(&in)
	case nutSyncpoint:
		if n.pending&1 == 0 {
			n.last = int64(in.v()) // one time base, so there is nothing to convert
		}
	}
	if err == nil {
		err = in.err
	}
	return err
}

// stream reads the header of a stream.
func (n *nut) stream(f *fields) error {
	if f.v() != 0 || n.pending&1 != 0 {
		return fmt.Errorf("%w: a second stream", errNotNUT)
	}
	f.v()          // class
	f.skip(f.v())  // codec tag
	base := f.v()  // time base
	shift := f.v() // bits of timestamps
	f.v()          // how far timestamps may be from each other
	f.v()          // how many pictures the decoder holds back
	f.v()          // flags
	n.extra = f.bytes(f.v())
	n.pending &^= 2 // the rest is known
	if base != 0 || shift > 62 {
		return fmt.Errorf("%w: time base %d, %d bits", errNotNUT, base, shift)
	}
	n.shift = uint(shift)
	return nil
}

// main reads the main header.
func (n *nut) main(f *fields) error {
	if version := f.v(); version != 3 {
		return fmt.Errorf("%w: version %d", errNotNUT, version)
	}
	streams := f.v()
	f.v() // farthest distance of syncpoints
	bases := f.v()
	n.num, n.den = f.v(), f.v()
	if streams != 1 || bases != 1 || n.num == 0 || n.den == 0 {
		return fmt.Errorf("%w: %d streams, %d time bases", errNotNUT, streams, bases)
	}
	if err := n.table(f); err != nil {
		return err
	}
	n.elided = [][]byte{nil}
	room := uint64(1024)
	for count := f.v(); count > 0 && f.err == nil; count-- {
		size := f.v()
		if size == 0 || size > room || len(n.elided) > 127 {
			return fmt.Errorf("%w: headers to leave out", errNotNUT)
		}
		room -= size
		n.elided = append(n.elided, f.bytes(size))
	}
	n.pending &^= 1
	return f.err
}

// table reads what the frame codes mean.
func (n *nut) table(f *fields) error {
	var c frameCode
	c.mul = 1
	for i := 0; i < 256; {
		c.flags = f.v()
		given := f.v()
		field := func(at uint64, read func() uint64, otherwise uint64) uint64 {
			if given > at {
				return read()
			}
			return otherwise
		}
		c.ptsDelta = int64(field(0, func() uint64 { return uint64(f.s()) }, uint64(c.ptsDelta)))
		c.mul = field(1, f.v, c.mul)
		field(2, f.v, 0) // stream: there is one
		c.lsb = field(3, f.v, 0)
		c.reserved = field(4, f.v, 0)
		count := field(5, f.v, c.mul-c.lsb)
		field(6, f.v, 0) // match time
		c.header = field(7, f.v, c.header)
		for ; given > 8 && f.err == nil; given-- {
			f.v()
		}
		switch {
		case f.err != nil:
			return f.err
		case count == 0 || count > 256 || c.mul > maxUnit || c.lsb > maxUnit:
			return fmt.Errorf("%w: frame codes", errNotNUT)
		}
		for ; count > 0; count-- {
			if i == 'N' {
				n.codes[i].flags = nutInvalid
				i++
			}
			if i > 255 {
				return fmt.Errorf("%w: too many frame codes", errNotNUT)
			}
			n.codes[i] = c
			i++
			c.lsb++
		}
	}
	return nil
}

// fields reads the numbers of a header, from bytes or as they come. The first error
// stays, and zeros follow.
type fields struct {
	b   []byte
	r   *bufio.Reader // if b is not what is read
	err error
}

func (f *fields) byte() byte {
	if f.err != nil {
		return 0
	}
	var c byte
	if f.r != nil {
		c, f.err = f.r.ReadByte()
		return c
	}
	if len(f.b) == 0 {
		f.err = fmt.Errorf("%w: a header is too short", errNotNUT)
		return 0
	}
	c, f.b = f.b[0], f.b[1:]
	return c
}

// v reads a number of 7 bits a byte.
func (f *fields) v() (v uint64) {
	for range 10 {
		c := f.byte()
		if v = v<<7 | uint64(c&0x7f); c < 0x80 || f.err != nil {
			return v
		}
	}
	f.err = fmt.Errorf("%w: a number without an end", errNotNUT)
	return 0
}

// s reads a number with a sign.
func (f *fields) s() int64 {
	v := f.v() + 1
	if v&1 != 0 {
		return -int64(v >> 1)
	}
	return int64(v >> 1)
}

// u reads a number of n bytes.
func (f *fields) u(n int) uint64 {
	var b [8]byte
	for i := 8 - n; i < 8; i++ {
		b[i] = f.byte()
	}
	return binary.BigEndian.Uint64(b[:])
}

func (f *fields) skip(n uint64) {
	for ; n > 0 && f.err == nil; n-- {
		f.byte()
	}
}

func (f *fields) bytes(n uint64) []byte {
	b := make([]byte, 0, min(n, uint64(len(f.b))))
	for ; n > 0 && f.err == nil; n-- {
		b = append(b, f.byte())
	}
	return b
}

// unexpected is for an end in the middle of something.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
