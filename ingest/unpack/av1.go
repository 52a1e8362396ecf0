package unpack

import "github.com/pion/rtp"

// av1Units is the RTP payload format for AV1 (AOMedia, version 1.0): a temporal unit is its
// OBUs without size fields, temporal delimiters and padding.
type av1Units struct {
	frames
	buf  []byte
	obus []span
	open bool // the last one goes on in the next packet
}

// maxOBUs bounds a temporal unit in OBUs.
const maxOBUs = 1024

// Types of OBUs that do not go on (AV1 Bitstream & Decoding Process Specification,
// section 6.2.2).
const (
	obuDelimiter = 2
	obuTileList  = 8
	obuPadding   = 15
)

func (d *av1Units) Push(pkt *rtp.Packet, pts int64, emit Emit) error {
	return d.push(pkt, pts, emit, d.add, d.finish)
}

func (d *av1Units) Reset() { *d = av1Units{} }

// add takes the elements out of a payload (section 4.4: aggregation header).
func (d *av1Units) add(b []byte) error {
	z, y, w := b[0]&0x80 != 0, b[0]&0x40 != 0, int(b[0]>>4&3)
	if z != d.open {
		return errStart // of an OBU, or its end
	}
	b = b[1:]
	for i := 0; len(b) > 0; i++ {
		size := len(b)
		if w == 0 || i < w-1 {
			n, rest, ok := leb128(b)
			if !ok || n > len(rest) {
				return ErrTruncated
			}
			size, b = n, rest
		}
		if len(d.obus) == maxOBUs {
			return ErrTooBig
		}
		if i > 0 || !z {
			d.obus = append(d.obus, span{len(d.buf), len(d.buf)})
		}
		d.buf = append(d.buf, b[:size]...)
		d.obus[len(d.obus)-1].to = len(d.buf)
		b = b[size:]
	}
	if d.open = y; len(d.obus) == 0 {
		return ErrTruncated
	}
	return nil
}

func (d *av1Units) finish() (tu [][]byte) {
	if d.open {
		d.fail(errIncomplete)
	}
	for _, s := range d.obus {
		if obu := plainOBU(d.buf[s.from:s.to:s.to]); obu != nil {
			tu = append(tu, obu)
		}
	}
	d.buf, d.obus, d.open = nil, d.obus[:0], false
	return tu
}

// plainOBU returns an OBU without a size field; nil: it is not wanted.
func plainOBU(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	switch b[0] >> 3 & 0x0f {
	case obuDelimiter, obuTileList, obuPadding:
		return nil
	}
	if b[0]&0x02 == 0 {
		return b
	}
	header := 1 + int(b[0]>>2&1) // and its extension
	if len(b) < header {
		return nil
	}
	size, rest, ok := leb128(b[header:])
	if !ok || size > len(rest) {
		return nil
	}
	// The header moves up to what follows the size.
	start := len(b) - len(rest) - header
	copy(b[start:], b[:header])
	b[start] &^= 0x02
	return b[start : start+header+size]
}

// leb128 reads a number (section 4.10.5 of the specification); it has 32 bits.
func leb128(b []byte) (n int, rest []byte, ok bool) {
	var v uint64
	for i := range min(len(b), 8) {
		v |= uint64(b[i]&0x7f) << (7 * i)
		if b[i]&0x80 == 0 {
			return int(v), b[i+1:], v < 1<<31
		}
	}
	return 0, nil, false
}
