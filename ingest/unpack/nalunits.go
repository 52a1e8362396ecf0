package unpack

import (
	"bytes"
	"errors"

	"github.com/pion/rtp"
)

// maxNALUs bounds an access unit in NAL units, see MaxUnit.
const maxNALUs = 2048

var (
	errFragment = errors.New("a fragment of a NAL unit is missing")
	errType     = errors.New("unsupported RTP payload type of a NAL unit")
	errMarkers  = errors.New("a marker bit within a picture")
)

// H264 returns a depacketizer of RFC 6184 in packetization-mode 0 and 1. memory is what
// pictures are put together in; nil: the garbage collector.
func H264(memory *Pool) *NALUnits { return &NALUnits{payload: h264Payload{}, memory: memory} }

// H265 returns a depacketizer of RFC 7798; donl says that there are decoding order
// numbers (sprop-max-don-diff is not 0).
func H265(donl bool, memory *Pool) *NALUnits {
	return &NALUnits{payload: h265Payload{donl: donl}, memory: memory}
}

// NALUnits puts H264 (RFC 6184) and H265 (RFC 7798) access units together. One ends
// at the marker bit, or, with cameras that do not set it and after its loss, when
// the timestamp changes. With cameras that mark each slice only that counts, once it
// is known. A NAL unit of which something is missing is left out; what
// else is there of its access unit stays.
type NALUnits struct {
	payload interface {
		// split takes a payload apart: whole NAL units, or a part of one.
		split(payload []byte, whole func(nalu []byte), part func(p fragment)) error
		// slice reports whether a NAL unit is a slice, and the first of its picture.
		slice(header, data []byte) (is, first bool)
	}

	memory *Pool  // nil: the garbage collector
	buf    []byte // the NAL units, and the part of one
	nalus  []span // of buf
	ts     uint32
	pts    int64
	begun  bool // a packet with timestamp ts was seen

	byTime bool // marker bits do not count
	ended  bool // by a marker bit: a picture with timestamp ts
	broken bool // it was no end: what follows with ts is left out
	later  bool // a slice came that is not the first one
	slices bool // there are slices in buf

	open bool   // buf ends with the beginning of a NAL unit
	part int    // where that begins
	next uint16 // sequence number of the part that is to follow
}

// span is buf[from:to].
type span struct{ from, to int }

// fragment is a part of a NAL unit.
type fragment struct {
	header      []byte // of the NAL unit; with the first part
	data        []byte
	first, last bool
}

// Push is part of Depacketizer.
func (d *NALUnits) Push(pkt *rtp.Packet, pts int64, emit Emit) error {
	if pkt.Timestamp != d.ts {
		if d.begun {
			d.flush(emit)
		}
		d.ended, d.broken = false, false
	}
	if d.broken {
		return nil
	}
	d.later = false
	if !d.begun {
		d.begun, d.ts, d.pts = true, pkt.Timestamp, pts
	}
	var failed error
	err := d.payload.split(pkt.Payload, d.whole, func(p fragment) {
		failed = d.join(p, pkt.SequenceNumber)
	})
	if err == nil {
		err = failed
	}
	if len(d.buf) > MaxUnit || len(d.nalus) > maxNALUs {
		d.Reset()
		return ErrTooBig
	}
	if d.ended && d.later {
		d.Reset()
		d.byTime, d.broken = true, true
		return errMarkers
	}
	if pkt.Marker && !d.byTime {
		d.ended = d.slices
		d.flush(emit)
	}
	return err
}

// Reset is part of Depacketizer.
func (d *NALUnits) Reset() {
	d.memory.put(d.buf)
	d.buf, d.nalus, d.begun, d.open, d.slices = nil, d.nalus[:0], false, false, false
}

// flush hands on what there is, in one piece of memory that is as large as it has
// to be: the stream keeps it.
func (d *NALUnits) flush(emit Emit) {
	d.leaveOut()
	if len(d.nalus) == 0 {
		d.Reset()
		return
	}
	mem, au, pts := bytes.Clone(d.buf), make([][]byte, len(d.nalus)), d.pts
	for i, s := range d.nalus {
		au[i] = mem[s.from:s.to:s.to]
	}
	d.Reset()
	emit(au, pts, false)
}

// leaveOut forgets the beginning of a NAL unit.
func (d *NALUnits) leaveOut() {
	if d.open {
		d.open, d.buf = false, d.buf[:d.part]
	}
}

func (d *NALUnits) whole(nalu []byte) {
	d.leaveOut()
	from := len(d.buf)
	d.append(nalu)
	d.split(from)
}

func (d *NALUnits) append(b []byte) {
	if d.buf == nil {
		d.buf = d.memory.get()
	}
	d.buf = append(d.buf, b...)
}

// split notes the NAL units in buf from an index on. Inside of one there is no start
// code (ISO/IEC 14496-10 section 7.4.1): some devices send several that way, with
// start codes between.
func (d *NALUnits) split(from int) {
	for from < len(d.buf) {
		to, next := len(d.buf), len(d.buf)
		if i := bytes.Index(d.buf[from:], []byte{0, 0, 1}); i >= 0 {
			to, next = from+i, from+i+3
			to = from + len(bytes.TrimRight(d.buf[from:to], "\x00")) // a start code may have more zeros
		}
		if to > from {
			d.look(d.buf[from:from+1], d.buf[from+1:to])
			d.nalus = append(d.nalus, span{from, to})
		}
		from = next
	}
}

// look notes what a NAL unit says about its picture.
func (d *NALUnits) look(header, data []byte) {
	is, first := d.payload.slice(header, data)
	d.slices = d.slices || is
	d.later = d.later || is && !first
}

func (d *NALUnits) join(p fragment, seq uint16) error {
	switch {
	case p.first:
		d.leaveOut()
		d.open, d.part = true, len(d.buf)
		d.append(p.header)
		d.look(p.header, p.data)
	case !d.open || seq != d.next:
		d.leaveOut()
		return errFragment
	}
	d.next = seq + 1
	if len(d.buf)+len(p.data) > MaxUnit {
		d.leaveOut()
		return ErrTooBig
	}
	d.append(p.data)
	if p.last {
		d.open = false
		d.split(d.part)
	}
	return nil
}

// h264Payload is RFC 6184 in the modes that cameras use (0 and 1).
type h264Payload struct{}

func (h264Payload) split(b []byte, whole func([]byte), part func(fragment)) error {
	const stapA, fuA = 24, 28
	if len(b) == 0 {
		return ErrTruncated
	}
	switch typ := b[0] & 0x1f; typ {
	case stapA:
		return aggregate(b[1:], whole)
	case fuA:
		if len(b) < 3 {
			return ErrTruncated
		}
		p := fragment{data: b[2:], first: b[1]&0x80 != 0, last: b[1]&0x40 != 0}
		if p.first {
			p.header = []byte{b[0]&0xe0 | b[1]&0x1f}
		}
		part(p)
	case 0, 25, 26, 27, 29, 30, 31: // interleaved modes, and what is not defined
		return errType
	default:
		whole(b)
	}
	return nil
}

// slice reads first_mb_in_slice, which is 0 where its first bit is 1 (ISO/IEC
// 14496-10 sections 7.3.3 and 9.1).
func (h264Payload) slice(header, data []byte) (is, first bool) {
	typ := header[0] & 0x1f
	return (typ == 1 || typ == 5) && len(data) > 0, len(data) > 0 && data[0]&0x80 != 0
}

// h265Payload is RFC 7798 in transmission order; donl: with decoding order numbers,
// which are skipped.
type h265Payload struct{ donl bool }

func (h h265Payload) split(b []byte, whole func([]byte), part func(fragment)) error {
	const ap, fu, paci = 48, 49, 50
	if len(b) < 3 {
		return ErrTruncated
	}
	switch typ := b[0] >> 1 & 0x3f; {
	case typ == ap:
		if h.donl {
			return errType
		}
		return aggregate(b[2:], whole)
	case typ == fu:
		p := fragment{data: b[3:], first: b[2]&0x80 != 0, last: b[2]&0x40 != 0}
		if p.first {
			p.header = []byte{b[0]&0x81 | b[2]&0x3f<<1, b[1]}
		}
		if h.donl && p.first {
			if len(p.data) < 2 {
				return ErrTruncated
			}
			p.data = p.data[2:]
		}
		part(p)
	case typ >= paci:
		return errType
	case h.donl:
		if len(b) < 4 {
			return ErrTruncated
		}
		whole(append([]byte{b[0], b[1]}, b[4:]...))
	default:
		whole(b)
	}
	return nil
}

// slice reads first_slice_segment_in_pic_flag (ISO/IEC 23008-2 section 7.3.6.1),
// behind the second octet of the header, which comes with either part.
func (h265Payload) slice(header, data []byte) (is, first bool) {
	skip := 2 - len(header)
	return header[0]>>1&0x3f < 32 && len(data) > skip, len(data) > skip && data[skip]&0x80 != 0
}

// aggregate takes an aggregation packet apart; zeros at its end are padding.
func aggregate(b []byte, whole func([]byte)) error {
	for len(b) > 2 {
		size := int(b[0])<<8 | int(b[1])
		b = b[2:]
		if size == 0 {
			if len(bytes.TrimLeft(b, "\x00")) == 0 {
				return nil
			}
			return ErrTruncated
		}
		if size > len(b) {
			return ErrTruncated
		}
		whole(b[:size:size])
		b = b[size:]
	}
	return nil
}
