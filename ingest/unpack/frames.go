package unpack

import (
	"errors"

	"github.com/pion/rtp"
)

// A picture is worth nothing to the decoders of these codecs when a part of it is missing.
var (
	errStart      = errors.New("the beginning of a picture is missing")
	errIncomplete = errors.New("a part of a picture is missing")
)

// frames gathers the packets of a picture: up to the marker bit or, after its loss and
// with senders that do not set it, to a change of the timestamp.
type frames struct {
	ts    uint32
	pts   int64
	next  uint16 // sequence number that is to follow
	begun bool   // a packet with timestamp ts was seen
	size  int    // of the payloads
	wrong error  // why there will be no picture
}

// push takes a packet; add takes its payload apart, and finish returns the access unit and
// forgets it.
func (f *frames) push(pkt *rtp.Packet, pts int64, emit Emit, add func([]byte) error, finish func() [][]byte) error {
	var err error
	if f.begun && pkt.Timestamp != f.ts {
		if pkt.SequenceNumber != f.next { // it may be the end that is missing
			f.fail(errIncomplete)
		}
		err = f.flush(emit, finish)
	}
	if len(pkt.Payload) == 0 { // padding
		if f.begun && pkt.SequenceNumber == f.next {
			f.next++
		}
		return err
	}
	switch {
	case !f.begun:
		*f = frames{ts: pkt.Timestamp, pts: pts, begun: true}
	case pkt.SequenceNumber != f.next:
		f.fail(errIncomplete)
	}
	f.next = pkt.SequenceNumber + 1
	if f.size += len(pkt.Payload); f.size > MaxUnit {
		f.fail(ErrTooBig)
	}
	if f.wrong == nil {
		f.fail(add(pkt.Payload))
		if f.wrong != nil {
			finish() // what there is of it
		}
	}
	if pkt.Marker {
		err = errors.Join(err, f.flush(emit, finish))
	}
	return err
}

func (f *frames) fail(err error) {
	if f.wrong == nil {
		f.wrong = err
	}
}

func (f *frames) flush(emit Emit, finish func() [][]byte) error {
	au := finish() // which may find that something is wrong
	wrong, pts := f.wrong, f.pts
	*f = frames{}
	if wrong == nil && len(au) > 0 {
		emit(au, pts, false)
	}
	return wrong
}

// vp8Frames is RFC 7741.
type vp8Frames struct {
	frames
	buf []byte
}

func (d *vp8Frames) Push(pkt *rtp.Packet, pts int64, emit Emit) error {
	return d.push(pkt, pts, emit, d.add, d.finish)
}

func (d *vp8Frames) Reset() { *d = vp8Frames{} }

func (d *vp8Frames) finish() [][]byte {
	frame := d.buf
	if d.buf = nil; len(frame) == 0 {
		return nil
	}
	return [][]byte{frame}
}

func (d *vp8Frames) add(b []byte) error {
	start := b[0]&0x10 != 0 && b[0]&0x07 == 0 // S, PID: the first partition begins
	n := 1
	if b[0]&0x80 != 0 { // X
		if len(b) < 2 {
			return ErrTruncated
		}
		x := b[1]
		n = 2
		if x&0x80 != 0 { // I: a picture ID of one or two octets
			if len(b) > n && b[n]&0x80 != 0 {
				n++
			}
			n++
		}
		if x&0x40 != 0 { // L
			n++
		}
		if x&0x30 != 0 { // T, K
			n++
		}
	}
	switch {
	case len(b) <= n:
		return ErrTruncated
	case len(d.buf) == 0 && !start:
		return errStart
	}
	d.buf = append(d.buf, b[n:]...)
	return nil
}

// vp9Frames is RFC 9628. The frames of spatial layers become a superframe.
type vp9Frames struct {
	frames
	buf   []byte
	sizes []int // of the layers' frames in buf; the last one is open
}

func (d *vp9Frames) Push(pkt *rtp.Packet, pts int64, emit Emit) error {
	return d.push(pkt, pts, emit, d.add, d.finish)
}

func (d *vp9Frames) Reset() { *d = vp9Frames{} }

// maxLayers is how many frames a superframe can have.
const maxLayers = 8

func (d *vp9Frames) add(b []byte) error {
	n, err := vp9Descriptor(b)
	switch {
	case err != nil:
		return err
	case b[0]&0x08 != 0: // B: a frame begins
		if len(d.sizes) == maxLayers {
			return ErrTooBig
		}
		d.sizes = append(d.sizes, 0)
	case len(d.sizes) == 0:
		return errStart
	}
	d.buf = append(d.buf, b[n:]...)
	d.sizes[len(d.sizes)-1] += len(b) - n
	return nil
}

func (d *vp9Frames) finish() [][]byte {
	frame, sizes := d.buf, d.sizes
	d.buf, d.sizes = nil, d.sizes[:0]
	switch len(sizes) {
	case 0:
		return nil
	case 1:
		return [][]byte{frame}
	}
	// The index of a superframe: VP9 Bitstream & Decoding Process Specification, annex B.
	const bytesOfSize = 4
	marker := byte(0xc0 | (bytesOfSize-1)<<3 | len(sizes) - 1)
	frame = append(frame, marker)
	for _, n := range sizes {
		frame = append(frame, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	}
	return [][]byte{append(frame, marker)}
}

// vp9Descriptor returns the length of a payload descriptor (RFC 9628 section 4.2).
func vp9Descriptor(b []byte) (int, error) {
	const i, p, l, f, v = 0x80, 0x40, 0x20, 0x10, 0x02
	flags, n := b[0], 1
	at := func(k int) byte { // zero behind the end: that is looked for below
		if k < len(b) {
			return b[k]
		}
		return 0
	}
	if flags&i != 0 {
		n += 1 + int(at(n)>>7) // of one or two octets
	}
	if flags&l != 0 {
		n++
		if flags&f == 0 {
			n++ // TL0PICIDX
		}
	}
	if flags&f != 0 && flags&p != 0 {
		for k := range 3 { // P_DIFF, and whether another one follows
			more := at(n) & 1
			n++
			if more == 0 {
				break
			}
			if k == 2 {
				return 0, errType
			}
		}
	}
	if flags&v != 0 { // scalability structure
		s := at(n)
		n++
		if s&0x10 != 0 { // Y: sizes of layers
			n += 4 * (int(s>>5) + 1)
		}
		if s&0x08 != 0 { // G: pictures of a group
			pictures := int(at(n))
			n++
			for range pictures {
				if n >= len(b) {
					return 0, ErrTruncated
				}
				n += 1 + int(b[n]>>2&3)
			}
		}
	}
	if n >= len(b) {
		return 0, ErrTruncated
	}
	return n, nil
}
