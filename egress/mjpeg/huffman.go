package mjpeg

import (
	"encoding/binary"

	"github.com/camgate/camgate/ingest"
)

// standardTables is never written to.
var standardTables = ingest.HuffmanSegment()

// huffmanGap returns where the standard Huffman tables have to be put into a JPEG
// that has none, as those of many USB cameras: a decoder of Motion JPEG has them
// (ITU-T T.81 annex K.3), one of JPEG files wants to be told. It returns -1 for a
// file that has tables, and for what is no JPEG.
func huffmanGap(b []byte) int {
	if len(b) < 4 || b[0] != 0xff || b[1] != 0xd8 {
		return -1
	}
	for at := 2; at+4 <= len(b) && b[at] == 0xff; {
		size := 2 + int(binary.BigEndian.Uint16(b[at+2:]))
		switch marker := b[at+1]; {
		case marker == 0xff: // fill byte
			at++
			continue
		case marker == 0xc4: // DHT
			return -1
		case marker == 0xda: // SOS: tables come before it
			return at
		case marker == 0x01 || marker >= 0xd0 && marker <= 0xd9: // no segment belongs here
			return -1
		case size < 4 || at+size > len(b):
			return -1
		}
		at += size
	}
	return -1
}

// pieces returns a JPEG as the pieces that make a complete file, and their size.
func pieces(jpeg []byte) (list [3][]byte, size int) {
	gap := huffmanGap(jpeg)
	if gap < 0 {
		return [3][]byte{jpeg}, len(jpeg)
	}
	return [3][]byte{jpeg[:gap], standardTables, jpeg[gap:]}, len(jpeg) + len(standardTables)
}
