package encode

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

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
