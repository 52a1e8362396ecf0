package sound

import (
	"fmt"

	"github.com/camgate/camgate"
)

// encoder makes access units of samples.
type encoder interface {
	rate() int      // samples a second
	clock() int     // of the track's timestamps
	frame() int     // samples of a unit
	delay() int     // samples from what goes in to what a decoder makes of the unit
	bitrate() int   // bits a second
	config() []byte // what a decoder has to know, if anything
	// encode takes a frame's samples of each channel and returns a unit, or none yet.
	encode(samples [][]float32, from int) ([]byte, error)
}

// newEncoder makes the encoder for sound of that rate.
func newEncoder(s Settings, rate int) (encoder, error) {
	switch s.Codec {
	case camgate.Opus:
		return newOpusEncoder(s.Channels, s.Bitrate, rate)
	case camgate.AAC:
		return newAACEncoder(s.Channels, s.Bitrate, rate)
	}
	return nil, fmt.Errorf("%w: sound cannot be made %s", camgate.ErrUnsupportedCodec, s.Codec)
}

// slab is memory that units are cut from, which are kept: one allocation for many.
type slab struct{ free []byte }

const slabBytes = 16 << 10

// room returns an empty slice that has room for n bytes.
func (s *slab) room(n int) []byte {
	if cap(s.free) < n {
		s.free = make([]byte, 0, max(slabBytes, n))
	}
	return s.free[:0:n]
}

// take keeps what was written to room.
func (s *slab) take(unit []byte) []byte {
	if len(unit) == 0 || &unit[0] != &s.free[:1][0] {
		return unit // nothing, or it has outgrown the room
	}
	s.free = s.free[len(unit):len(unit):cap(s.free)]
	return unit[:len(unit):len(unit)]
}
