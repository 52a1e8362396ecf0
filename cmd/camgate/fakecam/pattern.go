package fakecam

import "math/bits"

// pattern makes H264 pictures of one colour whose brightness changes from one to
// the next. They are tiny, of any size, in slices and with B pictures if asked
// for: what a camera may send and the clip does not have. ITU-T H.264, 7.3.
type pattern struct {
	width, height int // in pixels, even
	slices        int // a picture, at least one
	bFrames       bool
}

const (
	patternFPS = 25
	patternGOP = 25 // odd, so that each B picture has a picture after it
	patternQP  = 40 // where a step of the DC level is 4 steps of brightness
)

// media makes 2 s of it.
func (p pattern) media() *media {
	m := &media{kind: video, codec: codecH264, rate: 90000, sps: p.sps(), pps: p.pps()}
	const ticks = 90000 / patternFPS
	for n := range 2 * patternGOP {
		s := sample{dts: int64(n) * ticks, pts: int64(n) * ticks}
		inGOP := n % patternGOP
		shown := inGOP // place in the order of display
		if p.bFrames && inGOP > 0 {
			// Decoded I0 P2 B1 P4 B3 ...; all is shown a picture later.
			shown = inGOP + 1
			if inGOP%2 == 0 {
				shown = inGOP - 1
			}
		}
		if p.bFrames {
			s.pts += int64(shown-inGOP+1) * ticks
		}
		s.key = inGOP == 0
		s.data = p.picture(n, inGOP, shown)
		m.samples = append(m.samples, s)
	}
	m.settle()
	m.length = int64(2*patternGOP) * ticks
	return m
}

func (p pattern) columns() int { return (p.width + 15) / 16 }
func (p pattern) rows() int    { return (p.height + 15) / 16 }

// sps is a sequence parameter set (7.3.2.1.1, E.1.1).
func (p pattern) sps() []byte {
	w := &bitWriter{}
	profile, constraints, refs := uint32(66), uint32(0xC0), uint32(1)
	if p.bFrames {
		profile, constraints, refs = 77, 0, 2
	}
	w.u(8, profile)
	w.u(8, constraints)
	w.u(8, 31)
	w.ue(0)
	w.ue(4) // frame_num has 8 bits
	if p.bFrames {
		w.ue(0)
		w.ue(4) // pic_order_cnt_lsb has 8 bits
	} else {
		w.ue(2) // shown as decoded
	}
	w.ue(refs)
	w.u(1, 0)
	w.ue(uint32(p.columns() - 1))
	w.ue(uint32(p.rows() - 1))
	w.u(1, 1) // frames only
	w.u(1, 1) // direct_8x8_inference
	right, bottom := p.columns()*16-p.width, p.rows()*16-p.height
	if right+bottom > 0 {
		w.u(1, 1)
		w.ue(0)
		w.ue(uint32(right / 2))
		w.ue(0)
		w.ue(uint32(bottom / 2))
	} else {
		w.u(1, 0)
	}
	w.u(1, 1) // VUI
	w.u(4, 0) // no aspect ratio, overscan, video signal, chroma location
	w.u(1, 1) // timing
	w.u(32, 1)
	w.u(32, 2*patternFPS)
	w.u(1, 1)
	w.u(3, 0) // no HRD, no pic_struct
	w.u(1, 1) // bitstream restriction
	w.u(1, 1)
	w.ue(0, 0, 10, 10)
	w.ue(refs-1, refs) // pictures that may wait for another one, and that are kept
	return w.nalu(0x67)
}

// pps is a picture parameter set (7.3.2.2): CAVLC, one slice group.
func (p pattern) pps() []byte {
	w := &bitWriter{}
	w.ue(0, 0)
	w.u(2, 0)
	w.ue(0, 0, 0)
	w.u(3, 0)
	w.se(patternQP - 26)
	w.se(0)
	w.se(0)
	w.u(1, 1) // deblocking is controlled in the slice header
	w.u(2, 0)
	return w.nalu(0x68)
}

// picture is the nth one: its slices.
func (p pattern) picture(n, inGOP, shown int) (slices [][]byte) {
	b := p.bFrames && inGOP > 0 && inGOP%2 == 0
	// Of pictures that others refer to, which is all but the B pictures.
	frameNum := inGOP
	if p.bFrames {
		frameNum = (inGOP + 1) / 2
		if b {
			frameNum = inGOP/2 + 1
		}
	}
	for i := range p.slices {
		first, end := p.rows()*i/p.slices*p.columns(), p.rows()*(i+1)/p.slices*p.columns()
		if first == end {
			continue
		}
		w := &bitWriter{}
		w.ue(uint32(first))
		header, sliceType := byte(0x41), uint32(5) // P
		switch {
		case inGOP == 0:
			header, sliceType = 0x65, 7 // I
		case b:
			header, sliceType = 0x01, 6
		}
		w.ue(sliceType)
		w.ue(0)
		w.u(8, uint32(frameNum))
		if inGOP == 0 {
			w.ue(uint32(n / patternGOP % 2)) // idr_pic_id differs from the one before
		}
		if p.bFrames {
			w.u(8, uint32(2*shown)&0xFF)
		}
		switch {
		case inGOP == 0:
			w.u(2, 0)
		case b:
			w.u(1, 1) // spatial direct
			w.u(3, 0) // no other number and no other order of references
		default:
			w.u(3, 0)
		}
		w.se(0)
		w.ue(1) // no deblocking
		if b {
			w.ue(uint32(end - first)) // all skipped: the mean of its neighbours
		} else {
			macroblocks(w, end-first, inGOP > 0, 2+n%14)
		}
		slices = append(slices, w.nalu(header))
	}
	return slices
}

// macroblocks writes a slice whose first macroblock has a DC level and whose
// others are predicted from it (7.3.5, 9.2).
func macroblocks(w *bitWriter, n int, inP bool, level int) {
	for i := range n {
		mbType := uint32(3) // I_16x16, DC, nothing but the luma DC
		if inP {
			w.ue(0) // none skipped
			mbType += 5
		}
		w.ue(mbType)
		w.ue(0)
		w.se(0)
		if i > 0 {
			w.u(1, 1) // no coefficient
			continue
		}
		w.u(6, 5) // one coefficient, greater than one
		if code := 2*level - 4; code < 14 {
			w.u(code+1, 1)
		} else {
			w.u(15, 1)
			w.u(4, uint32(code-14))
		}
		w.u(1, 1) // no zeros before it
	}
}

// bitWriter writes the syntax elements of H264 (7.2, 9.1).
type bitWriter struct {
	bytes []byte
	free  int // bits of the last byte
}

func (w *bitWriter) u(n int, v uint32) {
	for i := n - 1; i >= 0; i-- {
		if w.free == 0 {
			w.bytes = append(w.bytes, 0)
			w.free = 8
		}
		w.free--
		if i < 32 {
			w.bytes[len(w.bytes)-1] |= byte(v>>i&1) << w.free
		}
	}
}

func (w *bitWriter) ue(values ...uint32) {
	for _, v := range values {
		n := bits.Len32(v + 1)
		w.u(n-1, 0)
		w.u(n, v+1)
	}
}

func (w *bitWriter) se(v int) {
	if v > 0 {
		w.ue(uint32(2*v - 1))
	} else {
		w.ue(uint32(-2 * v))
	}
}

// nalu ends the payload and puts it into a NAL unit (7.3.1).
func (w *bitWriter) nalu(header byte) []byte {
	w.u(1, 1)
	w.free = 0
	out := []byte{header}
	zeros := 0
	for _, b := range w.bytes {
		if zeros >= 2 && b <= 3 {
			out = append(out, 3)
			zeros = 0
		}
		if out = append(out, b); b == 0 {
			zeros++
		} else {
			zeros = 0
		}
	}
	return out
}
