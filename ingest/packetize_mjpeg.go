package ingest

import (
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

// jpegFrame is what RFC 2435 carries of a baseline JPEG.
type jpegFrame struct {
	typ           byte // 0: 4:2:2, 1: 4:2:0 (RFC 2435 section 4.1)
	width, height int  // pixels, rounded up to blocks of 8
	restart       int  // MCUs between restart markers; 0: none
	tables        [2][]byte
	scan          []byte // entropy-coded data
}

// maxJPEGSide is the largest size of a side that RFC 2435 can name.
const maxJPEGSide = 255 * 8

// parseJPEG finds the parts of a JPEG file (ITU-T T.81 annex B) in place, without
// copying. It reports false when the file is broken or cannot be carried.
func parseJPEG(b []byte) (j jpegFrame, ok bool) {
	if len(b) < 4 || b[0] != 0xff || b[1] != 0xd8 {
		return j, false
	}
	for b = b[2:]; len(b) >= 4; {
		if b[0] != 0xff {
			return j, false
		}
		marker := b[1]
		if marker == 0xff { // fill byte
			b = b[1:]
			continue
		}
		size := int(binary.BigEndian.Uint16(b[2:]))
		if size < 2 || len(b) < 2+size {
			return j, false
		}
		seg := b[4 : 2+size]
		b = b[2+size:]
		switch marker {
		case 0xdb: // DQT
			if !j.addTables(seg) {
				return j, false
			}
		case 0xc0: // SOF0, baseline
			if !j.addFrame(seg) {
				return j, false
			}
		case 0xc1, 0xc2, 0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf:
			return j, false // extended, progressive, lossless, arithmetic
		case 0xdd: // DRI
			if len(seg) != 2 {
				return j, false
			}
			j.restart = int(binary.BigEndian.Uint16(seg))
		case 0xda: // SOS: what follows is the scan
			if n := len(b); n >= 2 && b[n-2] == 0xff && b[n-1] == 0xd9 {
				b = b[:n-2]
			}
			j.scan = b
			return j, j.width > 0 && j.tables[0] != nil && j.tables[1] != nil
		}
	}
	return j, false
}

func (j *jpegFrame) addTables(seg []byte) bool {
	for len(seg) >= 65 {
		if seg[0] > 1 { // 16-bit precision, or more than two tables
			return false
		}
		j.tables[seg[0]] = seg[1:65]
		seg = seg[65:]
	}
	return len(seg) == 0
}

func (j *jpegFrame) addFrame(seg []byte) bool {
	if len(seg) < 15 || seg[0] != 8 || seg[5] != 3 {
		return false
	}
	j.height, j.width = int(binary.BigEndian.Uint16(seg[1:])), int(binary.BigEndian.Uint16(seg[3:]))
	if j.width == 0 || j.height == 0 || j.width > maxJPEGSide || j.height > maxJPEGSide {
		return false
	}
	j.width, j.height = (j.width+7)&^7, (j.height+7)&^7
	// Chroma without subsampling of its own, and with the second table.
	if seg[10] != 0x11 || seg[13] != 0x11 || seg[8] != 0 || seg[11] != 1 || seg[14] != 1 {
		return false
	}
	switch seg[7] {
	case 0x21:
		j.typ = 0
	case 0x22:
		j.typ = 1
	default:
		return false
	}
	return true
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
