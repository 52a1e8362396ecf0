package jpegcam

import (
	"bytes"
	"encoding/binary"
)

// walk is a way through a JPEG file (ITU-T T.81 annex B) that may still be growing.
type walk struct {
	at   int
	scan bool // at is in entropy-coded data
}

type walkResult int

const (
	walkOn       walkResult = iota // more is needed
	walkEnd                        // at is behind the end of the file
	walkRestarts                   // at is where another file begins
	walkBroken                     // this is no JPEG
)

// over goes as far as b goes.
func (w *walk) over(b []byte) walkResult {
	for {
		if w.scan {
			i := bytes.IndexByte(b[w.at:], 0xff)
			if i < 0 {
				w.at = len(b)
				return walkOn
			}
			w.at += i
		}
		if w.at+2 > len(b) {
			return walkOn
		}
		if b[w.at] != 0xff {
			return walkBroken
		}
		switch m := b[w.at+1]; {
		case m == 0xff: // fill byte
			w.at++
		case m == 0xd9:
			if w.at += 2; !w.scan {
				return walkBroken // before any picture
			}
			return walkEnd
		case m == 0xd8:
			if w.at+2 >= len(b) {
				return walkOn
			}
			if !w.scan {
				return walkBroken
			}
			return walkRestarts
		case w.scan && m < 0xc0, m == 0x01, m >= 0xd0 && m <= 0xd7: // stuffed, restart marker
			w.at += 2
		default:
			if w.at+4 > len(b) {
				return walkOn
			}
			end := w.at + 2 + int(binary.BigEndian.Uint16(b[w.at+2:]))
			switch {
			case end < w.at+4:
				return walkBroken
			case end > len(b):
				return walkOn
			}
			w.at, w.scan = end, m == 0xda // SOS
		}
	}
}
