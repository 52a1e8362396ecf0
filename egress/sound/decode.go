package sound

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/camgate/camgate"
)

// decoder makes samples of a codec.
type decoder interface {
	// decode appends the samples of a piece of an access unit.
	decode(to *planes, piece []byte) error
	rate() int // samples a second
	channels() int
}

// newDecoder makes the decoder of a track, if camgate has one.
func newDecoder(t *camgate.Track) (decoder, error) {
	switch t.Codec {
	case camgate.PCMA:
		return newG711(t, alaw())
	case camgate.PCMU:
		return newG711(t, ulaw())
	case camgate.AAC:
		return newAAC(t.Params().Config)
	case camgate.LPCM:
		return newLPCM(t)
	case camgate.G722:
		return newG722(), nil
	}
	return nil, unable(t)
}

func unable(t *camgate.Track) error {
	return fmt.Errorf("%w: %s cannot be made another codec", camgate.ErrUnsupportedCodec, t.Codec)
}

// inProcess is what all decoders of our own have in common.
type inProcess struct{ hz, n int }

func (d inProcess) rate() int     { return d.hz }
func (d inProcess) channels() int { return d.n }

// uncompressed checks the rate and channels of samples that lie in the open.
func uncompressed(t *camgate.Track) (inProcess, error) {
	if t.ClockRate < 4000 || t.ClockRate > 192000 || t.Channels < 0 || t.Channels > 8 {
		return inProcess{}, fmt.Errorf("%w: %s of %d Hz and %d channels", camgate.ErrUnsupportedCodec, t.Codec, t.ClockRate, t.Channels)
	}
	return inProcess{t.ClockRate, max(1, t.Channels)}, nil
}

// g711 decodes PCMA and PCMU (ITU-T G.711).
type g711 struct {
	inProcess
	table *[256]float32
}

func newG711(t *camgate.Track, table *[256]float32) (decoder, error) {
	p, err := uncompressed(t)
	return g711{p, table}, err
}

func (d g711) decode(to *planes, piece []byte) error {
	if len(piece)%d.n != 0 {
		return errCorrupt
	}
	for i, b := range piece {
		c := i % d.n
		to.of[c] = append(to.of[c], d.table[b])
	}
	return nil
}

// alaw are the values of ITU-T G.711, table 1a.
func alaw() *[256]float32 {
	var out [256]float32
	for i := range out {
		v := byte(i) ^ 0x55
		mantissa, exponent := int(v&0x0f)<<4+8, int(v>>4&7)
		if exponent > 0 {
			mantissa = (mantissa + 0x100) << (exponent - 1)
		}
		if v&0x80 == 0 {
			mantissa = -mantissa
		}
		out[i] = float32(mantissa) / 32768
	}
	return &out
}

// ulaw are the values of ITU-T G.711, table 2a.
func ulaw() *[256]float32 {
	var out [256]float32
	for i := range out {
		v := ^byte(i)
		mantissa := (int(v&0x0f)<<3+0x84)<<(v>>4&7) - 0x84
		if v&0x80 != 0 {
			mantissa = -mantissa
		}
		out[i] = float32(mantissa) / 32768
	}
	return &out
}

// lpcm decodes L8, L16 and L24 (RFC 3551 section 4.5.10 and 4.5.11, RFC 3190).
type lpcm struct {
	inProcess
	size int // bytes of a sample
}

func newLPCM(t *camgate.Track) (decoder, error) {
	p, err := uncompressed(t)
	if err != nil {
		return nil, err
	}
	name, _, _ := strings.Cut(strings.ToUpper(t.RTPMap), "/")
	switch name {
	case "L8":
		return lpcm{p, 1}, nil
	case "L16", "":
		return lpcm{p, 2}, nil
	case "L24":
		return lpcm{p, 3}, nil
	}
	return nil, unable(t)
}

func (d lpcm) decode(to *planes, piece []byte) error {
	if len(piece)%(d.size*d.n) != 0 {
		return errCorrupt
	}
	for c := 0; len(piece) > 0; piece = piece[d.size:] {
		var v float32
		switch d.size {
		case 1: // unsigned, RFC 3551 section 4.5.10
			v = float32(int(piece[0])-128) / 128
		case 2:
			v = float32(int16(binary.BigEndian.Uint16(piece))) / 32768
		default:
			v = float32(int32(piece[0])<<24|int32(piece[1])<<16|int32(piece[2])<<8) / (1 << 31)
		}
		to.of[c] = append(to.of[c], v)
		if c++; c == d.n {
			c = 0
		}
	}
	return nil
}
