package fakecam

import "encoding/binary"

// maxPayload is the size of an RTP payload in bytes: a datagram of it fits into an
// Ethernet frame.
const maxPayload = 1400

// packet is an RTP payload on its way.
type packet struct {
	payload []byte
	last    bool // of its picture
	slice   bool // the end of a slice
}

// packetizer cuts samples into payloads.
type packetizer struct {
	codec     codec
	whole     bool // NAL units are never cut
	aggregate bool
}

func (p packetizer) packets(data [][]byte) []packet {
	var out []packet
	switch p.codec {
	case codecH264, codecH265:
		for i := 0; i < len(data); {
			if n := p.together(data[i:]); n > 1 {
				out = append(out, packet{payload: p.aggregated(data[i : i+n]), slice: p.isSlice(data[i+n-1])})
				i += n
				continue
			}
			out = append(out, p.fragments(data[i])...)
			out[len(out)-1].slice = p.isSlice(data[i])
			i++
		}
	case codecAAC:
		for _, au := range data {
			out = append(out, aac(au)...)
		}
	default:
		for _, frame := range data {
			out = append(out, packet{payload: frame})
		}
	}
	if len(out) > 0 {
		out[len(out)-1].last = true
	}
	return out
}

// isSlice tells NAL units with a part of a picture from others.
func (p packetizer) isSlice(nalu []byte) bool {
	if p.codec == codecH265 {
		return nalu[0]>>1&63 < 32
	}
	t := nalu[0] & 31
	return t >= 1 && t <= 5
}

// together is how many NAL units fit into one packet; one when they are not to be
// aggregated.
func (p packetizer) together(nalus [][]byte) int {
	size, n := 2, 0
	for _, nalu := range nalus {
		if size += 2 + len(nalu); !p.aggregate || size > maxPayload {
			break
		}
		n++
	}
	return max(n, 1)
}

// aggregated is a STAP-A (RFC 6184, 5.7.1) or an AP (RFC 7798, 4.4.2).
func (p packetizer) aggregated(nalus [][]byte) []byte {
	var out []byte
	if p.codec == codecH265 {
		out = []byte{48 << 1, nalus[0][1]}
	} else {
		header := byte(24)
		for _, nalu := range nalus {
			header = max(header, 24|nalu[0]&0x60)
		}
		out = []byte{header}
	}
	for _, nalu := range nalus {
		out = binary.BigEndian.AppendUint16(out, uint16(len(nalu)))
		out = append(out, nalu...)
	}
	return out
}

// fragments is the NAL unit alone, or cut into FU-A (RFC 6184, 5.8) or FU (RFC
// 7798, 4.4.3).
func (p packetizer) fragments(nalu []byte) (out []packet) {
	if p.whole || len(nalu) <= maxPayload {
		return []packet{{payload: nalu}}
	}
	header, body := []byte{nalu[0]&0x60 | 28, nalu[0] & 31}, nalu[1:]
	if p.codec == codecH265 {
		header, body = []byte{nalu[0]&0x81 | 49<<1, nalu[1], nalu[0] >> 1 & 63}, nalu[2:]
	}
	flags := byte(0x80)
	for len(body) > 0 {
		n := min(len(body), maxPayload-len(header))
		if n == len(body) {
			flags |= 0x40
		}
		payload := append(append(make([]byte, 0, len(header)+n), header...), body[:n]...)
		payload[len(header)-1] |= flags
		out = append(out, packet{payload: payload})
		body, flags = body[n:], 0
	}
	return out
}

// aac is an access unit in AAC-hbr (RFC 3640, 3.3.6), cut when it is too large.
func aac(au []byte) (out []packet) {
	for rest := au; ; {
		n := min(len(rest), maxPayload-4)
		payload := []byte{0, 16, byte(len(au) >> 5), byte(len(au) << 3)}
		out = append(out, packet{payload: append(payload, rest[:n]...)})
		if rest = rest[n:]; len(rest) == 0 {
			return out
		}
	}
}
