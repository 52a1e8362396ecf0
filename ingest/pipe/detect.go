package pipe

import (
	"bytes"
	"fmt"

	"github.com/camgate/camgate"
)

// Format is what comes through a pipe.
type Format string

// The formats there are.
const (
	Auto   Format = "" // found out by the first bytes
	H264   Format = "h264"
	H265   Format = "h265"
	MJPEG  Format = "mjpeg"
	MPEGTS Format = "mpegts"
)

const (
	tsPacket = 188 // bytes of a packet (ISO/IEC 13818-1, 2.4.3.2)
	tsSync   = 0x47
	tsProof  = 3 // packets in a row that are no accident
	// maxDetect is how much is looked at to find out the format.
	maxDetect = 1 << 20
)

// detect finds out the format of what begins with b, and where in b it begins; Auto
// when that cannot be told yet.
func detect(b []byte) (f Format, at int) {
	for i := range b {
		rest := b[i:]
		switch {
		case rest[0] == tsSync:
			if packets, whole := inRow(rest); packets >= tsProof {
				return MPEGTS, i
			} else if !whole {
				return Auto, 0 // it may still become one
			}
		case bytes.HasPrefix(rest, []byte(soi)):
			return MJPEG, i
		case bytes.HasPrefix(rest, startCode):
			if f := ofNALU(rest[len(startCode):]); f != Auto {
				return f, max(i-1, 0)
			}
		}
	}
	return Auto, 0
}

// inRow counts the packets that follow each other; whole: there are no more because
// something else follows, and not because b ends.
func inRow(b []byte) (packets int, whole bool) {
	for at := 0; at < len(b); at += tsPacket {
		if b[at] != tsSync {
			return packets, true
		}
		packets++
	}
	return packets, false
}

// ofNALU tells H264 and H265 apart by the first bytes of a NAL unit: by those that
// stand in front of a keyframe, as a header of one kind that is also a valid one of the
// other would be of a NAL unit that nobody sends there.
func ofNALU(b []byte) Format {
	if len(b) < 2 {
		return Auto
	}
	switch b[0] {
	case 0x40, 0x42, 0x44, 0x46: // VPS, SPS, PPS, delimiter; layer 0
		if b[1] == 1 {
			return H265
		}
	case 0x27, 0x47, 0x67: // SPS with any nal_ref_idc but 0
		return H264
	case 0x09: // delimiter, whose rest is three bits, one, and zeros
		if b[1]&0x1f == 0x10 {
			return H264
		}
	}
	return Auto
}

func errUnknown(b []byte) error {
	b = b[:min(len(b), 16)]
	return fmt.Errorf("%w: neither H264, H265, MJPEG nor MPEG-TS; it begins with %q", camgate.ErrUnsupportedCodec, b)
}
