package rtsp

import (
	"github.com/pion/rtp"

	"github.com/camgate/camgate"
)

// grouped gathers the payloads of an access unit of a codec that is passed through:
// up to the marker bit or to a change of the timestamp.
type grouped struct {
	key func(first []byte) bool // reads the first payload of an access unit

	payloads [][]byte
	size     int
	ts       uint32
	pts      int64
}

func (d *grouped) push(pkt *rtp.Packet, pts int64, emit emitFunc) error {
	if len(d.payloads) > 0 && pkt.Timestamp != d.ts {
		d.flush(emit)
	}
	if len(pkt.Payload) > 0 {
		if len(d.payloads) == 0 {
			d.ts, d.pts = pkt.Timestamp, pts
		}
		d.payloads = append(d.payloads, pkt.Payload)
		d.size += len(pkt.Payload)
	}
	if d.size > maxUnit {
		d.reset()
		return errTooBig
	}
	if pkt.Marker {
		d.flush(emit)
	}
	return nil
}

func (d *grouped) reset() { d.payloads, d.size = nil, 0 }

func (d *grouped) flush(emit emitFunc) {
	if payloads := d.payloads; len(payloads) > 0 {
		d.reset()
		emit(payloads, d.pts, d.key(payloads[0]))
	}
}

// markerEnds reports whether an audio codec marks the end of its frames as video
// does, and may spread one over several packets.
func markerEnds(c camgate.Codec) bool {
	return c == camgate.AC3 || c == "MP4A-LATM"
}

// keyTest returns how to tell the keyframes of a track that is passed through.
// Where nobody knows, each access unit is taken for one: without that nobody
// would ever see anything.
func keyTest(t *camgate.Track) func([]byte) bool {
	switch t.Codec {
	case camgate.VP8:
		return keyVP8
	case camgate.VP9:
		return keyVP9
	case camgate.AV1:
		return keyAV1
	case "MP4V-ES":
		return keyMPEG4
	case "MPV":
		return keyMPEG1
	}
	return func([]byte) bool { return true }
}

// keyVP8 reads the payload descriptor and the frame header: RFC 7741 sections 4.2
// and 4.3.
func keyVP8(b []byte) bool {
	if len(b) < 1 || b[0]&0x10 == 0 || b[0]&0x07 != 0 { // S: start, PID: first partition
		return false
	}
	n := 1
	if b[0]&0x80 != 0 { // X
		if len(b) < 2 {
			return false
		}
		x := b[1]
		n = 2
		if x&0x80 != 0 { // I: picture ID of one or two octets
			if len(b) <= n {
				return false
			}
			if b[n]&0x80 != 0 {
				n++
			}
			n++
		}
		if x&0x40 != 0 { // L
			n++
		}
		if x&0x30 != 0 { // T, K
			n++
		}
	}
	return len(b) > n && b[n]&0x01 == 0 // inverse key frame flag
}

// keyVP9 reads the payload descriptor: RFC 9628 section 4.2. A keyframe is the
// beginning of a frame that is not predicted, of the lowest spatial layer.
func keyVP9(b []byte) bool {
	if len(b) < 1 || b[0]&0x40 != 0 || b[0]&0x08 == 0 { // P: predicted, B: beginning
		return false
	}
	if b[0]&0x20 == 0 { // L: no layer indices
		return true
	}
	n := 1
	if b[0]&0x80 != 0 { // I
		if len(b) < 2 {
			return false
		}
		if b[1]&0x80 != 0 {
			n++
		}
		n++
	}
	return len(b) > n && b[n]>>1&0x07 == 0 // SID
}

// keyAV1 reads the aggregation header: the RTP payload format for AV1, section 4.4.
func keyAV1(b []byte) bool {
	return len(b) > 0 && b[0]&0x08 != 0 // N: first packet of a coded video sequence
}

// keyMPEG4 looks for an intra-coded VOP: ISO/IEC 14496-2 section 6.2.5.
func keyMPEG4(b []byte) bool {
	for i := 0; i+4 < len(b); i++ {
		if b[i] == 0 && b[i+1] == 0 && b[i+2] == 1 && b[i+3] == 0xb6 {
			return b[i+4]>>6 == 0
		}
	}
	return false
}

// keyMPEG1 reads the picture type of the video-specific header: RFC 2250 section 3.4.
func keyMPEG1(b []byte) bool { return len(b) >= 4 && b[2]&0x07 == 1 }
