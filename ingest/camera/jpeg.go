package camera

import (
	"bytes"
	"encoding/binary"

	"github.com/camgate/camgate/ingest"
)

// jpegs makes files of the pictures of a Motion JPEG camera, which leaves out the
// Huffman tables that all decoders of Motion JPEG know, and fills the buffer up.
type jpegs struct {
	huffman []byte // DHT segment
	endless int    // pictures in a row that only lack their end
	ends    bool   // one came with its end
}

// A camera that never writes the end of its pictures is taken at its word after so
// many of them.
const tellsNoEnd = 8

func newJPEGs() *jpegs { return &jpegs{huffman: ingest.HuffmanSegment()} }

// take copies a picture into a file of its own; nil: it is broken.
func (j *jpegs) take(b []byte) []byte {
	p := parseJPEG(b)
	switch {
	case p.scan == 0:
		return nil
	case p.end == 0:
		// Cut off, and in Motion JPEG that shows as a grey half: unless the camera always
		// sends it so.
		if j.endless++; j.ends || j.endless < tellsNoEnd {
			return nil
		}
		p.end = len(bytes.TrimRight(b, "\x00"))
		if p.end <= p.scan {
			return nil
		}
	default:
		j.ends, j.endless = true, 0
	}
	size := p.end
	if !p.tables {
		size += len(j.huffman)
	}
	out := make([]byte, 0, size+2)
	out = append(out, b[:p.header]...)
	if !p.tables {
		out = append(out, j.huffman...)
	}
	out = append(out, b[p.header:p.end]...)
	if j.endless > 0 {
		out = append(out, 0xff, 0xd9)
	}
	return out
}

// jpegParts is where the parts of a JPEG file are (ITU-T T.81 annex B).
type jpegParts struct {
	header int  // the first scan's header begins
	scan   int  // the first scan's data begin; 0: this is no JPEG, or none with a picture
	end    int  // of the file, behind its last marker; 0: it is cut off
	tables bool // it has Huffman tables
}

func parseJPEG(b []byte) (p jpegParts) {
	if len(b) < 4 || b[0] != 0xff || b[1] != 0xd8 {
		return p
	}
	frame := false
	for at := 2; at+1 < len(b); {
		if p.scan > 0 && b[at] != 0xff { // entropy-coded data
			n := bytes.IndexByte(b[at:], 0xff)
			if n < 0 {
				return p
			}
			at += n
			continue
		}
		m := b[at+1]
		switch {
		case b[at] != 0xff, m == 0xd8, m == 0x00 && p.scan == 0:
			return jpegParts{} // two pictures in one, or none
		case m == 0xff: // fill byte
			at++
			continue
		case m == 0x00, m >= 0xd0 && m <= 0xd7: // stuffed byte, restart marker
			at += 2
			continue
		case m == 0xd9:
			if p.scan == 0 || at <= p.scan {
				return jpegParts{}
			}
			p.end = at + 2
			return p
		}
		if at+4 > len(b) {
			return p
		}
		next := at + 2 + int(binary.BigEndian.Uint16(b[at+2:]))
		if next < at+4 || next > len(b) {
			return jpegParts{}
		}
		switch {
		case m == 0xc4:
			p.tables = p.tables || p.scan == 0
		case m == 0xda:
			if !frame {
				return jpegParts{}
			}
			if p.scan == 0 {
				p.header, p.scan = at, next
			}
		case m >= 0xc0 && m <= 0xcf && m != 0xc8 && m != 0xcc:
			frame = true
		}
		at = next
	}
	return p
}
