package sound

// planes are samples, a slice for each channel, all equally long; full scale is 1.
type planes struct {
	of [][]float32
}

// reset empties them, for a number of channels.
func (p *planes) reset(channels int) {
	for len(p.of) < channels {
		p.of = append(p.of, nil)
	}
	p.of = p.of[:channels]
	for i := range p.of {
		p.of[i] = p.of[i][:0]
	}
}

// len returns the number of samples of a channel.
func (p *planes) len() int { return len(p.of[0]) }

// mix makes it another number of channels, 1 or 2.
func (p *planes) mix(channels int) {
	n := len(p.of)
	switch {
	case n == channels:
	case n == 1: // to two
		left := p.of[0]
		p.reset(2)
		p.of[0], p.of[1] = left, append(p.of[1], left...)
	case channels == 1:
		for i := range p.of[0] {
			var sum float32
			for _, c := range p.of {
				sum += c[i]
			}
			p.of[0][i] = sum / float32(n)
		}
		p.of = p.of[:1]
	default:
		p.fold()
	}
}

// fold makes two channels of more: those on the left and those on the right, in turn,
// as they come in pairs. The third of an odd number is the centre.
func (p *planes) fold() {
	n := len(p.of)
	scale := 1 / float32((n+1)/2)
	for i := range p.of[0] {
		var side [2]float32
		for c, plane := range p.of {
			switch {
			case n%2 == 1 && c == 2:
				side[0] += plane[i] * 0.7071
				side[1] += plane[i] * 0.7071
			case n%2 == 1 && c > 2:
				side[(c-1)%2] += plane[i]
			default:
				side[c%2] += plane[i]
			}
		}
		p.of[0][i], p.of[1][i] = side[0]*scale, side[1]*scale
	}
	p.of = p.of[:2]
}
