package mjpeg

import (
	"encoding/binary"
	"io"
	"time"

	"github.com/camgate/camgate"
)

// matroska writes the pictures of one track as a Matroska stream (RFC 9559). The
// decoder gets them in a container rather than as a bare byte stream because then
// it need not wait for the next picture to see where this one ends, and hands
// their timestamps through to the pictures that it makes of them.
type matroska struct {
	w   io.Writer
	buf []byte
}

// Element IDs with their length marker, RFC 9559 section 5.
const (
	idEBML          = 0x1a45dfa3
	idDocType       = 0x4282
	idSegment       = 0x18538067
	idInfo          = 0x1549a966
	idTimestampUnit = 0x2ad7b1
	idTracks        = 0x1654ae6b
	idTrackEntry    = 0xae
	idTrackNumber   = 0xd7
	idTrackUID      = 0x73c5
	idTrackType     = 0x83
	idCodecID       = 0x86
	idVideo         = 0xe0
	idPixelWidth    = 0xb0
	idPixelHeight   = 0xba
	idCluster       = 0x1f43b675
	idTimestamp     = 0xe7
	idSimpleBlock   = 0xa3
)

// sizeBytes is the width of all element sizes that we write (RFC 8794 section 4).
const sizeBytes = 8

// matroskaCodec names the codecs that the decoder is given. Without CodecPrivate
// the NAL units have start codes and bring their parameter sets with them.
func matroskaCodec(c camgate.Codec) string {
	if c == camgate.H265 {
		return "V_MPEGH/ISO/HEVC"
	}
	return "V_MPEG4/ISO/AVC"
}

// header writes what comes before the first picture.
func (m *matroska) header(t *camgate.Track) error {
	p := t.Params()
	b := m.buf[:0]
	b = element(b, idEBML, func(b []byte) []byte { return text(b, idDocType, "matroska") })
	b = id(b, idSegment)
	b = append(b, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff) // of unknown size
	b = element(b, idInfo, func(b []byte) []byte { return number(b, idTimestampUnit, uint64(tick)) })
	b = element(b, idTracks, func(b []byte) []byte {
		return element(b, idTrackEntry, func(b []byte) []byte {
			b = number(b, idTrackNumber, 1)
			b = number(b, idTrackUID, 1)
			b = number(b, idTrackType, 1)
			b = text(b, idCodecID, matroskaCodec(t.Codec))
			return element(b, idVideo, func(b []byte) []byte {
				b = number(b, idPixelWidth, uint64(p.Width))
				return number(b, idPixelHeight, uint64(p.Height))
			})
		})
	})
	m.buf = b
	_, err := m.w.Write(b)
	return err
}

// tick is the unit of the timestamps.
const tick = time.Millisecond

// picture writes an access unit as a cluster of its own. at is its presentation
// time in ticks.
func (m *matroska) picture(u *camgate.Unit, at uint64) error {
	b := element(m.buf[:0], idCluster, func(b []byte) []byte {
		b = number(b, idTimestamp, at)
		return element(b, idSimpleBlock, func(b []byte) []byte {
			flags := byte(0)
			if u.RandomAccess {
				flags = 0x80
			}
			b = append(b, 0x81, 0, 0, flags) // track 1, at the cluster's time
			for _, nalu := range u.AU {
				b = append(b, 0, 0, 0, 1)
				b = append(b, nalu...)
			}
			return b
		})
	})
	m.buf = b
	_, err := m.w.Write(b)
	return err
}

// element appends an element with the content that fill appends.
func element(b []byte, elementID uint32, fill func([]byte) []byte) []byte {
	b = id(b, elementID)
	start := len(b) + sizeBytes
	b = fill(append(b, make([]byte, sizeBytes)...))
	binary.BigEndian.PutUint64(b[start-sizeBytes:], 1<<56|uint64(len(b)-start))
	return b
}

func id(b []byte, v uint32) []byte {
	for shift := 24; shift >= 0; shift -= 8 {
		if v>>shift != 0 {
			b = append(b, byte(v>>shift))
		}
	}
	return b
}

func number(b []byte, elementID uint32, v uint64) []byte {
	return element(b, elementID, func(b []byte) []byte { return binary.BigEndian.AppendUint64(b, v) })
}

func text(b []byte, elementID uint32, s string) []byte {
	return element(b, elementID, func(b []byte) []byte { return append(b, s...) })
}
