package pipe

import (
	"bytes"
	"fmt"
	"time"

	"github.com/camgate/camgate"
)

// startCode begins a NAL unit in a byte stream (ISO/IEC 14496-10 and 23008-2, annex B);
// a zero before it belongs to it.
var startCode = []byte{0, 0, 1}

// maxNALUs bounds the NAL units of an access unit: a flood of tiny ones would take
// much more memory than their bytes.
const maxNALUs = 2048

// place is what a NAL unit says of where access units begin.
type place int

const (
	placeInside place = iota // anywhere
	placeBefore              // in front of a picture: after one, the next access unit begins
	placeFirst               // first slice of a picture
	placeSlice               // another slice of it
	placeEnd                 // behind the last picture
)

// h26x splits a byte stream of H264 or H265. All positions count from window.from,
// where the access unit begins that is being read.
type h26x struct {
	*window
	codec camgate.Codec

	scan    int // where to look for the next start code
	open    bool
	begin   int      // of the NAL unit that is open
	judged  bool     // its place is known
	nalus   []naluAt // those before it
	picture bool     // there is a slice among them, or it is one
	at      time.Time
	garbage int

	// flushed says that the last access unit was taken for complete as nothing more
	// came. hasty counts how often more of it did.
	flushed bool
	hasty   int
	damaged bool
}

type naluAt struct{ begin, end int }

func (h *h26x) next() (unit, error) {
	for {
		b := h.bytes()
		if h.open && !h.judged {
			u, known := h.judge(b)
			if u.au != nil {
				return u, nil
			}
			if !known {
				return unit{}, nil
			}
			continue
		}
		i := bytes.Index(b[h.scan:], startCode)
		if i < 0 {
			h.scan = max(h.scan, len(b)-len(startCode)+1)
			return unit{}, h.bound()
		}
		at := h.scan + i
		if h.open {
			h.close(b, at)
		} else {
			h.note(b[:at])
			h.skip(at)
			h.garbage, h.at, at = 0, h.now, 0
		}
		h.open, h.judged = true, false
		h.begin = at + len(startCode)
		h.scan = h.begin
		if len(h.nalus) > maxNALUs {
			return unit{}, fmt.Errorf("%w: %s picture of more than %d NAL units", camgate.ErrUnsupportedCodec, h.codec, maxNALUs)
		}
	}
}

// bound ends what grows beyond all measure; there is no start code in the rest.
func (h *h26x) bound() error {
	if h.open {
		if len(h.bytes()) > maxUnit {
			return errTooLarge(h.codec)
		}
		return nil
	}
	h.note(h.bytes()[:h.scan])
	h.garbage += h.scan
	h.skip(h.scan)
	h.scan = 0
	if h.garbage > maxGarbage {
		return errGarbage(string(h.codec))
	}
	return nil
}

// note looks at what stands between access units: nothing but zeros should.
func (h *h26x) note(b []byte) {
	if len(bytes.Trim(b, "\x00")) > 0 {
		h.wasHasty()
		h.damaged = true
	}
}

func (h *h26x) wasHasty() {
	if h.flushed {
		h.flushed = false
		h.hasty++
	}
}

// close ends the NAL unit that is open, at the start code behind it.
func (h *h26x) close(b []byte, end int) {
	for end > h.begin && b[end-1] == 0 { // trailing_zero_8bits, zero_byte
		end--
	}
	if end > h.begin {
		h.nalus = append(h.nalus, naluAt{h.begin, end})
	}
	h.open = false
}

// judge finds the place of the NAL unit that is open. When an access unit begins with
// it, it returns the one before. known is false while its first bytes are missing.
func (h *h26x) judge(b []byte) (u unit, known bool) {
	where, known := placeOf(h.codec, b[h.begin:])
	if !known {
		// It may be a short one: then a start code follows.
		if i := bytes.Index(b[h.scan:], startCode); i < 0 {
			return unit{}, false
		}
		where = placeInside
	}
	if h.picture && (where == placeBefore || where == placeFirst) {
		start := h.begin - len(startCode)
		u = h.take(b)
		h.skip(start)
		h.begin -= start
		h.scan -= start
		h.at = h.now
	}
	h.judged = true
	switch {
	case where == placeSlice && !h.picture:
		h.wasHasty() // of a picture that was taken for complete
		h.damaged = true
		h.picture = true
	case where == placeFirst, where == placeSlice:
		h.picture = true
	case where == placeEnd && h.picture:
		h.nalus = append(h.nalus, naluAt{h.begin, h.begin + headerSize(h.codec)})
		end := h.begin + headerSize(h.codec)
		u = h.take(b)
		h.rest(end)
	}
	h.flushed = h.flushed && !h.picture
	return u, true
}

// take makes a unit of the NAL units that are there, as bytes of their own.
func (h *h26x) take(b []byte) unit {
	size := 0
	for _, n := range h.nalus {
		size += n.end - n.begin
	}
	data, au := make([]byte, 0, size), make([][]byte, len(h.nalus))
	for i, n := range h.nalus {
		from := len(data)
		data = append(data, b[n.begin:n.end]...)
		au[i] = data[from:len(data):len(data)]
	}
	u := unit{au: au, at: h.at, damaged: h.damaged}
	h.nalus, h.picture, h.damaged = h.nalus[:0], false, false
	return u
}

// rest goes on behind an access unit, where no NAL unit is open.
func (h *h26x) rest(end int) {
	h.skip(end)
	h.open, h.scan = false, 0
}

func (h *h26x) pending() bool { return h.open && h.judged && h.picture }

// flush takes what is there for a whole access unit. Zeros at its end, which no NAL
// unit has, may be the beginning of the next start code.
func (h *h26x) flush() unit {
	b := h.bytes()
	end := len(b)
	h.close(b, end)
	if n := len(h.nalus); n > 0 {
		end = h.nalus[n-1].end
	}
	u := h.take(b)
	h.rest(end)
	h.flushed = true
	return u
}

// headerSize is the length of a NAL unit's header.
func headerSize(c camgate.Codec) int {
	if c == camgate.H264 {
		return 1
	}
	return 2
}

// placeOf reads the beginning of a NAL unit: ISO/IEC 14496-10, 7.4.1.2.3 and
// 7.4.1.2.4; ISO/IEC 23008-2, 7.4.2.4.4.
func placeOf(c camgate.Codec, b []byte) (where place, known bool) {
	header := headerSize(c)
	if len(b) < header {
		return placeInside, false
	}
	where = placeH264(b[0] & 0x1f)
	if c == camgate.H265 {
		where = placeH265(b[0] >> 1 & 0x3f)
		if layer := b[0]&1<<5 | b[1]>>3; layer > 0 && where != placeEnd {
			return placeInside, true
		}
	}
	if where != placeSlice {
		return where, true
	}
	if len(b) == header {
		return placeInside, false
	}
	if b[header]&0x80 != 0 { // first_mb_in_slice is 0; first_slice_segment_in_pic_flag
		return placeFirst, true
	}
	return placeSlice, true
}

func placeH264(kind byte) place {
	switch {
	case kind == 1, kind == 2, kind == 5:
		return placeSlice
	case kind >= 6 && kind <= 9, kind >= 14 && kind <= 18:
		return placeBefore
	case kind == 10, kind == 11:
		return placeEnd
	}
	return placeInside
}

func placeH265(kind byte) place {
	switch {
	case kind < 32:
		return placeSlice
	case kind <= 35, kind == 39, kind >= 41 && kind <= 44, kind >= 48 && kind <= 55:
		return placeBefore
	case kind == 36, kind == 37:
		return placeEnd
	}
	return placeInside
}
