package rtsp

import (
	"github.com/pion/rtp"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest/unpack"
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

func (d *grouped) Push(pkt *rtp.Packet, pts int64, emit unpack.Emit) error {
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
	if d.size > unpack.MaxUnit {
		d.Reset()
		return unpack.ErrTooBig
	}
	if pkt.Marker {
		d.flush(emit)
	}
	return nil
}

func (d *grouped) Reset() { d.payloads, d.size = nil, 0 }

func (d *grouped) flush(emit unpack.Emit) {
	if payloads := d.payloads; len(payloads) > 0 {
		d.Reset()
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
	case "MP4V-ES":
		return keyMPEG4
	case "MPV":
		return keyMPEG1
	}
	return func([]byte) bool { return true }
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
