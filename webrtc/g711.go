package webrtc

import "github.com/camgate/camgate"

// otherLaw is the kind of G711 that a codec is not.
func otherLaw(c camgate.Codec) camgate.Codec {
	if c == camgate.PCMA {
		return camgate.PCMU
	}
	return camgate.PCMA
}

// recode makes one kind of G711 of the other one, each value the nearest that there is.
func recode(to camgate.Codec) *[256]byte {
	from, of := alaw, ulaw
	if to == camgate.PCMA {
		from, of = ulaw, alaw
	}
	var out [256]byte
	for b := range out {
		want, best := from(byte(b)), 1<<16
		for n := range 128 {
			if code := byte(b)&0x80 | byte(n); abs(of(code)-want) < best { // the sign is the same bit
				out[b], best = code, abs(of(code)-want)
			}
		}
	}
	return &out
}

// alaw is how loud a value of PCMA is (ITU-T G.711 table 1a). It has no zero: its smallest
// value stands for that, so that silence remains silence.
func alaw(b byte) int {
	b ^= 0x55
	out, exponent := int(b&0x0f)<<4, b>>4&7
	switch {
	case exponent > 0:
		return (out + 0x108) << (exponent - 1)
	case out > 0:
		return out + 8
	}
	return 0
}

// ulaw is how loud a value of PCMU is (ITU-T G.711 table 2a).
func ulaw(b byte) int {
	b = ^b
	return (int(b&0x0f)<<3+0x84)<<(b>>4&7) - 0x84
}

func abs(n int) int { return max(n, -n) }
