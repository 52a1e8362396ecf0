package sound

// g722 decodes G.722 at 64 kbit/s (ITU-T G.722, sections 4 and 6: two bands of 8 kHz,
// each with a predictor that adapts itself, put together by a mirror filter). Its RTP
// clock says 8 kHz and means 16 (RFC 3551 section 4.5.2).
type g722 struct {
	inProcess
	low, high band
	mirror    [24]int32 // history of the filter
}

func newG722() decoder {
	d := &g722{inProcess: inProcess{16000, 1}}
	d.low.scale, d.high.scale = 32, 8
	return d
}

func (d *g722) decode(to *planes, piece []byte) error {
	for _, code := range piece {
		low, high := d.lower(code&0x3f), d.upper(code>>6)
		copy(d.mirror[:], d.mirror[2:])
		d.mirror[22], d.mirror[23] = low+high, low-high
		var even, odd int32
		for i, c := range mirrorTaps {
			even += d.mirror[2*i] * c
			odd += d.mirror[2*i+1] * mirrorTaps[11-i]
		}
		to.of[0] = append(to.of[0], float32(limit16(odd>>11))/32768, float32(limit16(even>>11))/32768)
	}
	return nil
}

// lower decodes the lower band, section 6.2.1: all six bits are heard, four adapt it.
func (d *g722) lower(code byte) int32 {
	b := &d.low
	heard := limit(b.estimate+b.scale*steps6[code]>>15, -16384, 16383)
	diff := b.scale * steps4[code>>2] >> 15
	b.level = limit(b.level*127>>7+lowGrowth[code>>2], 0, 18432)
	b.scale = scaleOf(b.level, 8)
	b.adapt(diff)
	return heard
}

// upper decodes the upper band, section 6.2.2.
func (d *g722) upper(code byte) int32 {
	b := &d.high
	diff := b.scale * [4]int32{-7408, -1616, 7408, 1616}[code] >> 15
	heard := limit(b.estimate+diff, -16384, 16383)
	b.level = limit(b.level*127>>7+[4]int32{798, -214, 798, -214}[code], 0, 22528)
	b.scale = scaleOf(b.level, 10)
	b.adapt(diff)
	return heard
}

// band is the predictor of a band. What is numbered begins with the newest.
type band struct {
	scale    int32    // of the quantiser
	level    int32    // its logarithm
	poles    [2]int32 // coefficients
	zeros    [6]int32
	diffs    [6]int32 // quantised differences
	partial  [2]int32 // signal that the zeros alone make
	made     [2]int32 // signal as it is reconstructed
	fromZero int32    // part of the estimate that the zeros make
	estimate int32
}

// adapt takes a quantised difference and makes the next estimate (section 6.2.1.4, by
// the names of the blocks there).
func (b *band) adapt(diff int32) {
	made := limit16(b.estimate + diff)    // RECONS
	partial := limit16(b.fromZero + diff) // PARREC

	// UPPOL2
	grow := limit16(b.poles[0] << 2)
	if partial < 0 == (b.partial[0] < 0) {
		grow = min(-grow, 32767)
	}
	second := int32(-128)
	if partial < 0 == (b.partial[1] < 0) {
		second = 128
	}
	second = limit(second+grow>>7+b.poles[1]*32512>>15, -12288, 12288)
	// UPPOL1
	first := int32(-192)
	if partial < 0 == (b.partial[0] < 0) {
		first = 192
	}
	bound := limit16(15360 - second)
	first = limit(limit16(first+b.poles[0]*32640>>15), -bound, bound)
	b.poles = [2]int32{first, second}

	// UPZERO
	for i, old := range b.diffs {
		grow := int32(0)
		if diff != 0 {
			grow = 128
			if diff < 0 != (old < 0) {
				grow = -128
			}
		}
		b.zeros[i] = limit16(grow + b.zeros[i]*32640>>15)
	}

	// DELAYA
	copy(b.diffs[1:], b.diffs[:5])
	b.diffs[0] = diff
	b.made = [2]int32{made, b.made[0]}
	b.partial = [2]int32{partial, b.partial[0]}

	// FILTEP, FILTEZ, PREDIC
	var poles int32
	for i, c := range b.poles {
		poles += c * limit16(2*b.made[i]) >> 15
	}
	b.fromZero = 0
	for i, c := range b.zeros {
		b.fromZero += c * limit16(2*b.diffs[i]) >> 15
	}
	b.fromZero = limit16(b.fromZero)
	b.estimate = limit16(limit16(poles) + b.fromZero)
}

// scaleOf is the scale that belongs to a logarithm (SCALEL, SCALEH).
func scaleOf(level, base int32) int32 {
	mantissa := scales[level>>6&31]
	shift := base - level>>11
	if shift < 0 {
		return mantissa << -shift << 2
	}
	return mantissa >> shift << 2
}

func limit(v, low, high int32) int32 { return max(low, min(high, v)) }

func limit16(v int32) int32 { return limit(v, -32768, 32767) }

// The tables of the recommendation: QQ6, QQ4, WL by code, ILB, and the mirror filter.

var steps6 = [64]int32{
	-136, -136, -136, -136, -24808, -21904, -19008, -16704,
	-14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
	-7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576,
	-3168, -2776, -2400, -2032, -1688, -1360, -1040, -728,
	24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192,
	10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
	4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032,
	1688, 1360, 1040, 728, 432, 136, -432, -136,
}

var steps4 = [16]int32{
	0, -20456, -12896, -8968, -6288, -4240, -2584, -1200,
	20456, 12896, 8968, 6288, 4240, 2584, 1200, 0,
}

var lowGrowth = [16]int32{-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60}

var scales = [32]int32{
	2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
	2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
}

var mirrorTaps = [12]int32{3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11}
