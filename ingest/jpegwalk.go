package ingest

import (
	"bytes"
	"encoding/binary"
)

// JPEGWalk is a way through a JPEG file (ITU-T T.81 annex B) that may still be growing:
// it finds the end of one without a length.
type JPEGWalk struct {
	at   int  // how far it went
	scan bool // at is in entropy-coded data
}

// JPEGStep is where a walk has come to.
type JPEGStep int

// The places to come to.
const (
	JPEGOn       JPEGStep = iota // more is needed
	JPEGEnd                      // at is behind the end of the file
	JPEGRestarts                 // at is where another file begins
	JPEGBroken                   // this is no JPEG
)

// NewJPEGWalk begins a walk over a file, behind its SOI, which the caller has found.
func NewJPEGWalk() JPEGWalk { return JPEGWalk{at: 2} }

// At returns how many bytes were walked over.
func (w *JPEGWalk) At() int { return w.at }

// InScan reports whether it stands in the picture itself, behind the headers.
func (w *JPEGWalk) InScan() bool { return w.scan }

// Over goes as far as b goes, which is the file from its beginning on.
func (w *JPEGWalk) Over(b []byte) JPEGStep {
	for {
		if w.scan {
			i := bytes.IndexByte(b[w.at:], 0xff)
			if i < 0 {
				w.at = len(b)
				return JPEGOn
			}
			w.at += i
		}
		if w.at+2 > len(b) {
			return JPEGOn
		}
		if b[w.at] != 0xff {
			return JPEGBroken
		}
		switch m := b[w.at+1]; {
		case m == 0xff: // fill byte
			w.at++
		case m == 0xd9:
			if w.at += 2; !w.scan {
				return JPEGBroken // before any picture
			}
			return JPEGEnd
		case m == 0xd8:
			if w.at+2 >= len(b) {
				return JPEGOn
			}
			if !w.scan {
				return JPEGBroken
			}
			return JPEGRestarts
		case w.scan && m < 0xc0, m == 0x01, m >= 0xd0 && m <= 0xd7: // stuffed, restart marker
			w.at += 2
		default:
			if w.at+4 > len(b) {
				return JPEGOn
			}
			end := w.at + 2 + int(binary.BigEndian.Uint16(b[w.at+2:]))
			switch {
			case end < w.at+4:
				return JPEGBroken
			case end > len(b):
				return JPEGOn
			}
			w.at, w.scan = end, m == 0xda // SOS
		}
	}
}
