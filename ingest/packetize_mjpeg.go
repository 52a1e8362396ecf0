package ingest

import (
	"bytes"
	"encoding/binary"

	"github.com/camgate/camgate"
)

// packetizeMJPEG makes RTP payloads as in RFC 2435, with the quantization tables in
// the first packet (Q = 255). A JPEG that the format cannot carry makes no packets.
type packetizeMJPEG struct{}

func (packetizeMJPEG) Packetize(w *camgate.PacketWriter, au [][]byte) {
	const mainHeader, restartHeader, tableHeader = 8, 4, 4
	for _, file := range au {
		j, ok := parseJPEG(file)
		if !ok {
			continue
		}
		typ, head := j.typ, mainHeader
		if j.restart != 0 {
			typ, head = typ|0x40, head+restartHeader
		}
		data, offset := j.scan, 0
		for first := true; first || len(data) > 0; first = false {
			room := camgate.MaxPayload - head
			if first {
				room -= tableHeader + len(j.tables[0]) + len(j.tables[1])
			}
			n := min(room, len(data))
			w.Packet(n == len(data))
			w.Bytes(0, byte(offset>>16), byte(offset>>8), byte(offset), typ, 255, byte(j.width/8), byte(j.height/8))
			if j.restart != 0 {
				w.Bytes(byte(j.restart>>8), byte(j.restart), 0xff, 0xff)
			}
			if first {
				size := len(j.tables[0]) + len(j.tables[1])
				w.Bytes(0, 0, byte(size>>8), byte(size))
				w.Payload(j.tables[0])
				w.Payload(j.tables[1])
			}
			w.Payload(data[:n])
			data, offset = data[n:], offset+n
		}
	}
}

// packetizeNothing is for what never leaves the gateway.
type packetizeNothing struct{}

func (packetizeNothing) Packetize(*camgate.PacketWriter, [][]byte) {}

// jpegFrame is what RFC 2435 carries of a baseline JPEG.
type jpegFrame struct {
	typ           byte // 0: 4:2:2, 1: 4:2:0 (RFC 2435 section 4.1)
	width, height int  // pixels, rounded up to blocks of 8
	restart       int  // MCUs between restart markers; 0: none
	tables        [2][]byte
	scan          []byte // entropy-coded data

	components [3]byte // identifiers
	quant      [2]byte // which tables of the file luminance and chrominance use
}

// maxJPEGSide is the largest size of a side that RFC 2435 can name.
const maxJPEGSide = 255 * 8

// parseJPEG finds the parts of a JPEG file (ITU-T T.81 annex B) in place, without
// copying. It reports false when the file is broken or cannot be carried.
func parseJPEG(b []byte) (j jpegFrame, ok bool) {
	j, rest, why := readJPEG(b)
	if why != "" {
		return j, false
	}
	j.scan, ok = scanOf(rest)
	return j, ok
}

// Why RTP cannot carry a JPEG file.
const (
	brokenJPEG   = "they are broken"
	noBaseline   = "they are not baseline JPEG, but extended, lossless or arithmetic"
	progressive  = "they are progressive JPEG"
	ownHuffman   = "they have Huffman tables of their own (optimised ones)"
	ownQuant     = "they have quantization tables of 16 bit, or more than two"
	tooManyBits  = "they have more than 8 bit"
	noColours    = "they are grey, or have another number of components than three"
	otherColours = "their colours are neither in 4:2:0 nor in 4:2:2"
	otherScans   = "their components are not in one scan, in their order"
	tooLarge     = "they have more than 2,040 pixels a side"
)

// readJPEG finds what comes before the entropy-coded data, with which rest begins; why
// is not empty when the file cannot be carried.
func readJPEG(b []byte) (j jpegFrame, rest []byte, why string) {
	if len(b) < 4 || b[0] != 0xff || b[1] != 0xd8 {
		return j, nil, brokenJPEG
	}
	var quant [2][]byte // tables of the file
	for b = b[2:]; len(b) >= 4; {
		if b[0] != 0xff {
			return j, nil, brokenJPEG
		}
		marker := b[1]
		if marker == 0xff { // fill byte
			b = b[1:]
			continue
		}
		size := int(binary.BigEndian.Uint16(b[2:]))
		if size < 2 || len(b) < 2+size {
			return j, nil, brokenJPEG
		}
		seg := b[4 : 2+size]
		b = b[2+size:]
		if marker == 0xda { // SOS: what follows is the scan
			j.tables = [2][]byte{quant[j.quant[0]], quant[j.quant[1]]}
			switch {
			case j.width == 0 || j.tables[0] == nil || j.tables[1] == nil:
				why = brokenJPEG
			case !j.isOrder(seg):
				why = otherScans
			}
			return j, b, why
		}
		if why = j.addSegment(marker, seg, &quant); why != "" {
			return j, nil, why
		}
	}
	return j, nil, brokenJPEG
}

// addSegment notes a segment in front of the scan.
func (j *jpegFrame) addSegment(marker byte, seg []byte, quant *[2][]byte) (why string) {
	switch marker {
	case 0xdb: // DQT
		if !addTables(quant, seg) {
			return ownQuant
		}
	case 0xc4: // DHT
		if !standardHuffman(seg) {
			return ownHuffman
		}
	case 0xc0: // SOF0, baseline
		if j.width != 0 {
			return brokenJPEG
		}
		return j.addFrame(seg)
	case 0xc2, 0xc6, 0xca, 0xce:
		return progressive
	case 0xc1, 0xc3, 0xc5, 0xc7, 0xc9, 0xcb, 0xcd, 0xcf:
		return noBaseline
	case 0xdd: // DRI
		if len(seg) != 2 {
			return brokenJPEG
		}
		j.restart = int(binary.BigEndian.Uint16(seg))
	}
	return ""
}

func addTables(quant *[2][]byte, seg []byte) bool {
	for len(seg) >= 65 {
		if seg[0] > 1 { // 16-bit precision, or more than two tables
			return false
		}
		quant[seg[0]] = seg[1:65]
		seg = seg[65:]
	}
	return len(seg) == 0
}

func (j *jpegFrame) addFrame(seg []byte) (why string) {
	switch {
	case len(seg) < 6:
		return brokenJPEG
	case seg[0] != 8:
		return tooManyBits
	case seg[5] != 3:
		return noColours
	case len(seg) != 15:
		return brokenJPEG
	}
	j.height, j.width = int(binary.BigEndian.Uint16(seg[1:])), int(binary.BigEndian.Uint16(seg[3:]))
	switch {
	case j.width == 0 || j.height == 0:
		return brokenJPEG
	case j.width > maxJPEGSide || j.height > maxJPEGSide:
		return tooLarge
	}
	j.width, j.height = (j.width+7)&^7, (j.height+7)&^7
	// Chroma without subsampling of its own, and with one table for both.
	if seg[10] != 0x11 || seg[13] != 0x11 || seg[8] > 1 || seg[11] > 1 || seg[14] != seg[11] {
		return otherColours
	}
	j.components, j.quant = [3]byte{seg[6], seg[9], seg[12]}, [2]byte{seg[8], seg[11]}
	switch seg[7] {
	case 0x21:
		j.typ = 0
	case 0x22:
		j.typ = 1
	default:
		return otherColours
	}
	return ""
}

// isOrder reports whether the scan that seg describes is of all components, in
// their order, with the Huffman tables that the receiver assigns to them.
func (j *jpegFrame) isOrder(seg []byte) bool {
	c := j.components
	return bytes.Equal(seg, []byte{3, c[0], 0x00, c[1], 0x11, c[2], 0x11, 0, 63, 0})
}

// scanOf returns the entropy-coded data that b begins with. It reports false when
// there is none, or something else than the end of the image behind it.
func scanOf(b []byte) (scan []byte, ok bool) {
	for i := 0; ; {
		n := bytes.IndexByte(b[i:], 0xff)
		if n < 0 || i+n+1 == len(b) { // cut off: a decoder makes the best of it
			return b, len(b) > 0
		}
		i += n
		switch m := b[i+1]; {
		case m == 0, m >= 0xd0 && m <= 0xd7: // a stuffed byte, a restart marker
			i += 2
		case m == 0xff: // fill byte
			i++
		default:
			return b[:i], i > 0 && m == 0xd9
		}
	}
}

// jpegSize reads the size in pixels from a JPEG of any kind.
func jpegSize(b []byte) (width, height int, ok bool) {
	if len(b) < 4 || b[0] != 0xff || b[1] != 0xd8 {
		return 0, 0, false
	}
	for b = b[2:]; len(b) >= 9 && b[0] == 0xff; {
		marker, size := b[1], int(binary.BigEndian.Uint16(b[2:]))
		switch {
		case marker == 0xff:
			b = b[1:]
			continue
		case marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc:
			return int(binary.BigEndian.Uint16(b[7:])), int(binary.BigEndian.Uint16(b[5:])), true
		case size < 2 || len(b) < 2+size:
			return 0, 0, false
		}
		b = b[2+size:]
	}
	return 0, 0, false
}
