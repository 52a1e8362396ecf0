// Package frameno reads the frame number which every picture of the demo clip
// carries, so that a test or a page can tell exactly which frame it got after
// any chain of remuxing, decoding, scaling and JPEG compression.
//
// # Layout
//
// The number is a row of 16 equal blocks, pure black or pure white, near the
// bottom edge. Positions are given for a 1280x720 picture and scale with the
// picture, independently in x and y:
//
//	row:    x 128..1152, y 656..704
//	block:  64 wide, 48 high, no gaps; block i spans x 128+64*i .. 128+64*(i+1)
//
//	block   0  1  2 3 4 5 6 7 8 9  10 11 12 13  14 15
//	means   W  B  n7 ........... n0  c3 c2 c1 c0   B  W
//
// Blocks 0, 1, 14 and 15 are guards: white, black, black, white. Blocks 2 to 9
// are the number, 0..199, most significant bit first; white is 1. Blocks 10 to
// 13 are its check nibble, most significant bit first: CRC-4 with polynomial
// x^4+x+1 (0x3) over those eight bits, initial value 0xF. It catches every one
// or two wrong bits.
//
// To read: average the luma over the middle half (in both directions) of each
// block, take the white and the black level from the guards, and compare each
// block with them. A block which lies near neither level, a weak contrast, a
// wrong check nibble or a number above 199 means that there is no number.
package frameno

import (
	"image"
	"image/color"
)

// The layout, in pixels of a RefWidth x RefHeight picture.
const (
	RefWidth    = 1280
	RefHeight   = 720
	RowX        = 128
	RowY        = 656
	BlockWidth  = 64
	BlockHeight = 48

	// Blocks is the number of blocks in the row, guards included.
	Blocks = 16
	// Count is how many different numbers there are: 0 to Count-1.
	Count = 200
	// MinWidth is the width below which a picture is not read: a block would
	// have too few pixels to survive JPEG compression.
	MinWidth = 160
)

const (
	firstBit   = 2 // block index of the number's most significant bit
	numberBits = 8
	checkBits  = 4

	// minContrast is the least accepted distance between the guards' white
	// and black (0..255). Limited-range video shown as full range has 219.
	minContrast = 80
	// maxStray is how far from its level a block may lie, as a part of the
	// contrast. Two blended pictures give blocks around one half: refused.
	maxStray = 0.33
)

// Layout returns the row for number n, true being white. It panics when n is
// not in 0..Count-1, because only a generator with a bug could ask for that.
func Layout(n int) [Blocks]bool {
	if n < 0 || n >= Count {
		panic("frameno: number out of range")
	}
	row := [Blocks]bool{0: true, 15: true}
	v := n<<checkBits | int(check(n))
	for i := range numberBits + checkBits {
		row[firstBit+i] = v>>(numberBits+checkBits-1-i)&1 == 1
	}
	return row
}

// Read returns the number shown in img, or false when there is none which can
// be trusted. The picture may have any size from MinWidth up.
func Read(img image.Image) (n int, ok bool) {
	if img == nil || img.Bounds().Dx() < MinWidth || img.Bounds().Dy() < MinWidth*RefHeight/RefWidth {
		return 0, false
	}
	var level [Blocks]float64
	for i := range level {
		level[i] = blockLevel(img, i)
	}
	white := (level[0] + level[15]) / 2
	black := (level[1] + level[14]) / 2
	contrast := white - black
	if contrast < minContrast {
		return 0, false
	}
	var row [Blocks]bool
	for i, l := range level {
		v := (l - black) / contrast
		switch {
		case v > 1-maxStray && v < 1+maxStray:
			row[i] = true
		case v > -maxStray && v < maxStray:
		default:
			return 0, false
		}
	}
	for _, white := range row[firstBit : firstBit+numberBits] {
		n <<= 1
		if white {
			n |= 1
		}
	}
	// Comparing the whole row checks the guards and the nibble at once.
	if n >= Count || row != Layout(n) {
		return 0, false
	}
	return n, true
}

// blockLevel is the mean luma in the middle half of block i. The outer part is
// left out: scaling and compression smear the neighbours into it.
func blockLevel(img image.Image, i int) float64 {
	b := img.Bounds()
	x0, x1 := span(b.Dx(), RefWidth, RowX+BlockWidth*i, BlockWidth)
	y0, y1 := span(b.Dy(), RefHeight, RowY, BlockHeight)
	var sum, count float64
	for y := y0; y < y1; y++ {
		for x := x0; x < x1; x++ {
			g := color.GrayModel.Convert(img.At(b.Min.X+x, b.Min.Y+y)).(color.Gray)
			sum += float64(g.Y)
			count++
		}
	}
	return sum / count
}

// span scales the middle half of [start, start+length) from a picture side of
// ref pixels to one of size pixels. It always holds at least one pixel. It counts
// in quarters of a pixel of the reference, which keeps everything whole.
func span(size, ref, start, length int) (from, to int) {
	from = (start*4 + length) * size / (ref * 4)
	to = (start*4 + length*3) * size / (ref * 4)
	return from, max(to, from+1)
}

// check is the CRC-4 nibble of a number, see the package comment.
func check(n int) byte {
	crc := byte(0xF)
	for i := numberBits - 1; i >= 0; i-- {
		top := crc>>3&1 ^ byte(n>>i)&1
		crc = crc << 1 & 0xF
		if top == 1 {
			crc ^= 0x3
		}
	}
	return crc
}
