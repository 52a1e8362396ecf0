package camgate

import "bytes"

// Kind is the sort of media that a track carries.
type Kind string

// The kinds of media.
const (
	Video Kind = "video"
	Audio Kind = "audio"
	Data  Kind = "data"
)

// Codec names a coding format. The names are those of the RTP payload formats
// (IANA "RTP Payload Format Media Types") where users know them, else the common
// ones: AAC rather than mpeg4-generic.
type Codec string

// The codecs whose access units camgate understands: it packetises them itself,
// so each can be read by every output that supports the codec.
const (
	H264  Codec = "H264"
	H265  Codec = "H265"
	VP8   Codec = "VP8"
	VP9   Codec = "VP9"
	AV1   Codec = "AV1"
	MJPEG Codec = "MJPEG"
	AAC   Codec = "AAC"
	Opus  Codec = "Opus"
	PCMA  Codec = "PCMA"
	PCMU  Codec = "PCMU"
)

// Raw is pictures that are not compressed, as a local camera gives them to an encoder.
// They have no form in RTP and never leave the gateway: no output takes them. Params
// say how they lie in memory.
const Raw Codec = "Raw"

// The codecs that pass from RTP to RTP as they came. Any other name found in an
// SDP is a Codec too and passes in the same way.
const (
	G722 Codec = "G722"
	LPCM Codec = "LPCM"
	AC3  Codec = "AC3"
	KLV  Codec = "KLV"
)

// Understood reports whether Units of the codec carry whole access units (true)
// or RTP payloads that only RTP outputs can use (false).
func (c Codec) Understood() bool {
	switch c {
	case H264, H265, VP8, VP9, AV1, MJPEG, Raw, AAC, Opus, PCMA, PCMU:
		return true
	}
	return false
}

// Decodable reports whether pictures in the codec can be decoded here, by ffmpeg, and so
// be made anew in another one.
func (c Codec) Decodable() bool {
	switch c {
	case H264, H265, VP8, VP9, AV1, MJPEG:
		return true
	}
	return false
}

// Params is what a decoder has to know before the first access unit. A Params
// value is immutable: a change of parameters is a new value.
type Params struct {
	VPS []byte // H265 video parameter set NAL unit (without start code)
	SPS []byte // H264, H265 sequence parameter set NAL unit
	PPS []byte // H264, H265 picture parameter set NAL unit

	// Config is, of AAC, the AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1), of AV1 the
	// sequence header OBU (without a size field).
	Config []byte

	Width, Height int     // pixels; 0 when not known
	FPS           float64 // pictures per second as declared; 0 when not known
	Profile       string  // "High 4.1", "AAC-LC"; empty when not known

	// NoRTP is why RTP cannot carry the pictures as they are, which other outputs can;
	// empty: it can (MJPEG, RFC 2435).
	NoRTP string

	// Raw: how the pixels lie, by ffmpeg's name (yuyv422, nv12, yuv420p, gray, rgb24 ...),
	// and the bytes from one line of the first plane to the next. Planes follow each
	// other; the lines of those with half the columns are half as long.
	Pixels string
	Stride int
	// Fields says which half of the pictures was taken first, where they were taken by
	// halves: "tff" that of the top line, "bff" the other one; empty: they were not.
	Fields string
}

// differ reports whether next says something else than p. What it does not say,
// because the source names it only later, within the stream, is no difference.
func (p *Params) differ(next *Params) bool {
	changed := func(a, b []byte) bool { return len(b) > 0 && !bytes.Equal(a, b) }
	return changed(p.VPS, next.VPS) || changed(p.SPS, next.SPS) || changed(p.PPS, next.PPS) ||
		changed(p.Config, next.Config) ||
		next.Width != 0 && next.Width != p.Width || next.Height != 0 && next.Height != p.Height ||
		next.FPS != 0 && next.FPS != p.FPS || next.Profile != "" && next.Profile != p.Profile ||
		next.Pixels != "" && next.Pixels != p.Pixels || next.Stride != 0 && next.Stride != p.Stride ||
		next.Pixels != "" && next.Fields != p.Fields
}
