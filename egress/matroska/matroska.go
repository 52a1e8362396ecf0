// Package matroska writes the pictures or the sound of one track as a Matroska stream (RFC 9559),
// for child processes that decode them. They get them in a container rather than as
// a bare byte stream because then they need not wait for the next picture to see
// where this one ends, and hand their timestamps through to what they make of them.
package matroska

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/camgate/camgate"
)

// Format describes the pictures or the sound. Everything but the codec, the size of raw
// pictures, and what sound is, may be left out.
type Format struct {
	Codec         camgate.Codec // H264, H265, VP8, VP9, AV1, MJPEG, Raw; or an ID of Matroska's, for sound
	Width, Height int
	Pixels        string        // of raw pictures: by ffmpeg's name, see fourCC
	FPS           float64       // as declared; 0 when not known
	Tick          time.Duration // unit of the timestamps; 0: a millisecond

	// Rate makes it sound: samples a second, of so many channels. Private is what its
	// decoder has to know before (CodecPrivate).
	Rate, Channels int
	Private        []byte
}

// Writer writes pictures to a stream.
type Writer struct {
	w     io.Writer
	codec camgate.Codec
	buf   []byte
}

// Element IDs with their length marker, RFC 9559 section 5.
const (
	idEBML            = 0x1a45dfa3
	idDocType         = 0x4282
	idSegment         = 0x18538067
	idInfo            = 0x1549a966
	idTimestampUnit   = 0x2ad7b1
	idTracks          = 0x1654ae6b
	idTrackEntry      = 0xae
	idTrackNumber     = 0xd7
	idTrackUID        = 0x73c5
	idTrackType       = 0x83
	idDefaultDuration = 0x23e383
	idCodecID         = 0x86
	idVideo           = 0xe0
	idPixelWidth      = 0xb0
	idPixelHeight     = 0xba
	idColourSpace     = 0x2eb524
	idCodecPrivate    = 0x63a2
	idAudio           = 0xe1
	idFrequency       = 0xb5
	idChannels        = 0x9f
	idCluster         = 0x1f43b675
	idTimestamp       = 0xe7
	idSimpleBlock     = 0xa3
)

// sizeBytes is the width of all element sizes that we write (RFC 8794 section 4).
const sizeBytes = 8

// codecID names the codecs. Without CodecPrivate the NAL units of H264 and H265 have
// start codes and bring their parameter sets with them.
func (f Format) codecID() string {
	switch f.Codec {
	case camgate.AAC:
		return "A_AAC"
	case camgate.AC3:
		return "A_AC3"
	case camgate.H264:
		return "V_MPEG4/ISO/AVC"
	case camgate.H265:
		return "V_MPEGH/ISO/HEVC"
	case camgate.VP8:
		return "V_VP8"
	case camgate.VP9:
		return "V_VP9"
	case camgate.AV1:
		return "V_AV1"
	case camgate.MJPEG:
		return "V_MJPEG"
	}
	if f.Rate > 0 {
		return string(f.Codec)
	}
	return "V_UNCOMPRESSED"
}

// fourCC returns how a layout of raw pictures is called in ColourSpace (RFC 9559
// section 5.1.4.1.28.14), by the name that ffmpeg has for it.
func fourCC(pixels string) string {
	switch pixels {
	case "yuyv422":
		return "YUY2"
	case "uyvy422":
		return "UYVY"
	case "yvyu422":
		return "YVYU"
	case "nv12":
		return "NV12"
	case "nv21":
		return "NV21"
	case "yuv422p":
		return "Y42B"
	case "yuv420p":
		return "I420"
	case "gray":
		return "Y800"
	case "rgb24":
		return "RGB\x18"
	case "bgr24":
		return "BGR\x18"
	}
	return ""
}

// NewWriter writes what comes before the first picture.
func NewWriter(w io.Writer, f Format) (*Writer, error) {
	m := &Writer{w: w, codec: f.Codec}
	codec, space := f.codecID(), ""
	if f.Codec == camgate.Raw {
		if space = fourCC(f.Pixels); space == "" {
			return nil, fmt.Errorf("%w: raw pictures of the form %q", camgate.ErrUnsupportedCodec, f.Pixels)
		}
	}
	if f.Tick == 0 {
		f.Tick = time.Millisecond
	}
	b := element(nil, idEBML, func(b []byte) []byte { return text(b, idDocType, "matroska") })
	b = id(b, idSegment)
	b = append(b, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff) // of unknown size
	b = element(b, idInfo, func(b []byte) []byte { return number(b, idTimestampUnit, uint64(f.Tick)) })
	b = element(b, idTracks, func(b []byte) []byte {
		return element(b, idTrackEntry, func(b []byte) []byte {
			b = number(b, idTrackNumber, 1)
			b = number(b, idTrackUID, 1)
			if f.Rate > 0 {
				return f.sound(b)
			}
			b = number(b, idTrackType, 1)
			if f.FPS > 0 {
				b = number(b, idDefaultDuration, uint64(float64(time.Second)/f.FPS+0.5))
			}
			b = text(b, idCodecID, codec)
			return element(b, idVideo, func(b []byte) []byte {
				b = number(b, idPixelWidth, uint64(f.Width))
				b = number(b, idPixelHeight, uint64(f.Height))
				if space != "" {
					b = text(b, idColourSpace, space)
				}
				return b
			})
		})
	})
	m.buf = b
	_, err := m.w.Write(b)
	return m, err
}

// sound appends what is said of a track of sound.
func (f Format) sound(b []byte) []byte {
	b = number(b, idTrackType, 2)
	b = text(b, idCodecID, f.codecID())
	if len(f.Private) > 0 {
		b = text(b, idCodecPrivate, string(f.Private))
	}
	return element(b, idAudio, func(b []byte) []byte {
		b = number(b, idFrequency, 0)
		binary.BigEndian.PutUint64(b[len(b)-8:], math.Float64bits(float64(f.Rate)))
		return number(b, idChannels, uint64(f.Channels))
	})
}

// Picture writes an access unit as a cluster of its own: the NAL units of H264 and
// H265 without start codes, the OBUs of AV1 without size fields, for the others the
// pieces of one picture or sound. at is its presentation time in ticks.
func (m *Writer) Picture(au [][]byte, key bool, at uint64) error {
	if m.codec == camgate.AV1 {
		au = SizedOBUs(au)
	}
	nal := m.codec == camgate.H264 || m.codec == camgate.H265
	size := 0
	for _, piece := range au {
		if size += len(piece); nal {
			size += 4
		}
	}
	flags := byte(0)
	if key {
		flags = 0x80
	}
	const before = 1 + sizeBytes + 8 + 1 + sizeBytes + 4 // of the payload, in the cluster
	b := length(id(m.buf[:0], idCluster), before+size)
	b = number(b, idTimestamp, at)
	b = length(id(b, idSimpleBlock), 4+size)
	b = append(b, 0x81, 0, 0, flags) // track 1, at the cluster's time
	if !nal && size > 64<<10 {
		return m.large(b, au)
	}
	for _, piece := range au {
		if nal {
			b = append(b, 0, 0, 0, 1)
		}
		b = append(b, piece...)
	}
	m.buf = b
	_, err := m.w.Write(b)
	return err
}

// SizedOBUs returns OBUs with size fields, as they lie in files (AV1 Bitstream & Decoding
// Process Specification, section 5.3): in pieces, that of an OBU in front of its payload.
func SizedOBUs(tu [][]byte) [][]byte {
	out := make([][]byte, 0, 2*len(tu))
	for _, obu := range tu {
		header := 1
		if len(obu) > 1 {
			header += int(obu[0] >> 2 & 1) // its extension
		}
		if len(obu) < header || obu[0]&0x02 != 0 {
			out = append(out, obu)
			continue
		}
		head := append(make([]byte, 0, header+8), obu[:header]...)
		head[0] |= 0x02
		n := len(obu) - header
		for ; n >= 0x80; n >>= 7 {
			head = append(head, byte(n)|0x80)
		}
		out = append(out, append(head, byte(n)), obu[header:])
	}
	return out
}

// large writes what is not worth a copy.
func (m *Writer) large(head []byte, au [][]byte) error {
	m.buf = head
	if _, err := m.w.Write(head); err != nil {
		return err
	}
	for _, piece := range au {
		if _, err := m.w.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

// element appends an element with the content that fill appends.
func element(b []byte, elementID uint32, fill func([]byte) []byte) []byte {
	b = id(b, elementID)
	start := len(b) + sizeBytes
	b = fill(append(b, make([]byte, sizeBytes)...))
	binary.BigEndian.PutUint64(b[start-sizeBytes:], 1<<56|uint64(len(b)-start))
	return b
}

func length(b []byte, n int) []byte { return binary.BigEndian.AppendUint64(b, 1<<56|uint64(n)) }

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
