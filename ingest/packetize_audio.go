package ingest

import "github.com/camgate/camgate"

// packetizeAAC makes RTP payloads as in RFC 3640 section 3.3.6 (mode AAC-hbr: sizes
// of 13 bits, index of 3 bits), one access unit a packet. One that does not fit is
// fragmented, each fragment with the size of the whole.
type packetizeAAC struct{}

func (packetizeAAC) Packetize(w *camgate.PacketWriter, au [][]byte) {
	const header = 4 // length of the AU headers in bits, then one AU header
	for _, frame := range au {
		size := len(frame) << 3
		fragment(w, frame, true, camgate.MaxPayload-header, func(_, _ bool) {
			w.Bytes(0, 16, byte(size>>8), byte(size))
		})
	}
}

// maxAAC is the largest access unit that a size of 13 bits can name.
const maxAAC = 1<<13 - 1

// packetizeWhole makes one packet of each piece: Opus (RFC 7587), G711 (RFC 3551).
// The marker bit would mean the start of a talk spurt; none is known.
type packetizeWhole struct{}

func (packetizeWhole) Packetize(w *camgate.PacketWriter, au [][]byte) {
	for _, piece := range au {
		w.Packet(false)
		w.Payload(piece)
	}
}

// passThrough sends payloads on as they came. For pictures and metadata the marker
// bit ends the access unit.
type passThrough struct{ marker bool }

func (p passThrough) Packetize(w *camgate.PacketWriter, au [][]byte) {
	for i, payload := range au {
		w.Packet(p.marker && i == len(au)-1)
		w.Payload(payload)
	}
}
