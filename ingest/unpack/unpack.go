// Package unpack puts RTP packets together to access units, in the form in which
// ingest.Writer takes them: for all sources that send RTP.
package unpack

import (
	"errors"

	"github.com/pion/rtp"

	"github.com/camgate/camgate"
)

// Depacketizer puts the packets of one track together to access units. It is used by one
// goroutine. All but NALUnits may keep packets and their bytes: nobody may use them again.
type Depacketizer interface {
	// Push takes the next packet and its presentation time in ticks, and hands on
	// what is complete now. An error tells that something had to be left out.
	Push(pkt *rtp.Packet, pts int64, emit Emit) error
	// Reset forgets what is incomplete, since the packets that follow are of
	// another sequence.
	Reset()
}

// Emit takes an access unit. key says that decoding can start at it; it is of
// use for codecs that are passed through only.
type Emit = func(au [][]byte, pts int64, key bool)

// MaxUnit bounds an access unit in bytes: more is no picture, but somebody who wants our
// memory.
const MaxUnit = 8 << 20

// What is wrong with packets.
var (
	ErrTruncated = errors.New("truncated RTP payload")
	ErrTooBig    = errors.New("access unit too big")
)

// For returns the depacketizer of a codec whose access units camgate understands and
// whose payload format needs no more to be known; nil: there is none.
func For(c camgate.Codec, memory *Pool) Depacketizer {
	switch c {
	case camgate.H264:
		return H264(memory)
	case camgate.H265:
		return H265(false, memory)
	case camgate.VP8:
		return &vp8Frames{}
	case camgate.VP9:
		return &vp9Frames{}
	case camgate.AV1:
		return &av1Units{}
	case camgate.Opus, camgate.PCMA, camgate.PCMU:
		return Single{}
	}
	return nil
}

// Single is for formats in which each packet is an access unit.
type Single struct{}

// Push is part of Depacketizer.
func (Single) Push(pkt *rtp.Packet, pts int64, emit Emit) error {
	if len(pkt.Payload) > 0 {
		emit([][]byte{pkt.Payload}, pts, true)
	}
	return nil
}

// Reset is part of Depacketizer.
func (Single) Reset() {}
