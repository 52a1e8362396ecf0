package sound

import "encoding/binary"

// stripAC3 takes off the header of RTP payloads of AC-3 (RFC 4184 section 4.1.1).
func stripAC3(payloads [][]byte) [][]byte {
	out := make([][]byte, 0, len(payloads))
	for _, p := range payloads {
		if len(p) > 2 {
			out = append(out, p[2:])
		}
	}
	return out
}

// mpeg puts frames of MPEG audio together from RTP payloads (RFC 2250 section 3.5).
type mpeg struct {
	begun []byte // a frame that is not complete
}

func (m *mpeg) strip(payloads [][]byte) [][]byte {
	var out [][]byte
	for _, p := range payloads {
		if len(p) <= 4 {
			continue
		}
		offset, data := int(binary.BigEndian.Uint16(p[2:])), p[4:]
		switch {
		case offset == 0:
			m.begun = nil
		case offset != len(m.begun): // what was before is missing
			m.begun = nil
			continue
		default:
			data = append(m.begun, data...)
		}
		if n := mpegFrame(data); n == 0 {
			m.begun = nil
		} else if len(data) < n {
			m.begun = append([]byte(nil), data...)
		} else {
			m.begun = nil
			out = append(out, data)
		}
	}
	return out
}

// mpegFrame returns how many bytes the MPEG audio frame has that begins there, 0 if
// none does (ISO/IEC 11172-3, 2.4.1.3 and 2.4.2.3; ISO/IEC 13818-3, 2.4.2.3).
func mpegFrame(b []byte) int {
	if len(b) < 4 || b[0] != 0xff || b[1]&0xe0 != 0xe0 {
		return 0
	}
	version, layer := b[1]>>3&3, 4-int(b[1]>>1&3)
	rateIndex, freqIndex := int(b[2]>>4), int(b[2]>>2&3)
	if version == 1 || layer == 4 || rateIndex == 0 || rateIndex == 15 || freqIndex == 3 {
		return 0
	}
	freq := [3]int{44100, 48000, 32000}[freqIndex]
	kbits := [3][16]int{
		{0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},
		{0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
		{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
	}[layer-1][rateIndex]
	samples := 1152
	if version != 3 { // lower rates
		freq /= 2
		if version == 0 {
			freq /= 2
		}
		if layer == 1 {
			kbits = [16]int{0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256}[rateIndex]
		} else {
			kbits = [16]int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}[rateIndex]
		}
		if layer == 3 {
			samples = 576
		}
	}
	padding := int(b[2] >> 1 & 1)
	if layer == 1 {
		return (12*kbits*1000/freq + padding) * 4
	}
	return samples/8*kbits*1000/freq + padding
}
