package ingest

import "github.com/camgate/camgate"

// The descriptors hold no picture ID: the same access unit is always the same packets.
// Receivers tell what belongs together by the sequence numbers then, which have no gaps
// but where something is lost.

// packetizeVP8 makes RTP payloads as in RFC 7741, in pieces of the same size.
type packetizeVP8 struct{}

func (packetizeVP8) Packetize(w *camgate.PacketWriter, au [][]byte) {
	const start = 0x10 // S, of partition 0
	for i, frame := range au {
		fragment(w, frame, i == len(au)-1, camgate.MaxPayload-1, func(first, _ bool) {
			if first {
				w.Bytes(start)
			} else {
				w.Bytes(0)
			}
		})
	}
}

// packetizeVP9 makes RTP payloads as in RFC 9628.
type packetizeVP9 struct{}

func (packetizeVP9) Packetize(w *camgate.PacketWriter, au [][]byte) {
	const predicted, begin, end = 0x40, 0x08, 0x04
	for i, frame := range au {
		flags := byte(predicted)
		if isKeyframe(camgate.VP9, au[i:i+1]) {
			flags = 0
		}
		fragment(w, frame, i == len(au)-1, camgate.MaxPayload-1, func(first, last bool) {
			b := flags
			if first {
				b |= begin
			}
			if last {
				b |= end
			}
			w.Bytes(b)
		})
	}
}

// packetizeAV1 makes RTP payloads of the AV1 format (AOMedia, version 1.0): OBUs that fit
// together share a packet, each behind its length, large ones have packets of their own.
type packetizeAV1 struct{}

// Of the aggregation header (section 4.4).
const (
	av1Continues = 0x80 // Z
	av1GoesOn    = 0x40 // Y
	av1One       = 0x10 // W: one element, without its length
	av1Sequence  = 0x08 // N: a coded video sequence begins
)

func (packetizeAV1) Packetize(w *camgate.PacketWriter, tu [][]byte) {
	sequence := byte(0)
	if isKeyAV1(tu) {
		sequence = av1Sequence
	}
	for len(tu) > 0 {
		if len(tu[0]) > camgate.MaxPayload-1 {
			fragment(w, tu[0], len(tu) == 1, camgate.MaxPayload-1, func(first, last bool) {
				b := sequence | av1One
				if sequence = 0; !first {
					b |= av1Continues
				}
				if !last {
					b |= av1GoesOn
				}
				w.Bytes(b)
			})
			tu = tu[1:]
			continue
		}
		n := obusTogether(tu)
		w.Packet(n == len(tu))
		if n == 1 {
			w.Bytes(sequence | av1One)
			w.Payload(tu[0])
		} else {
			w.Bytes(sequence)
			for _, obu := range tu[:n] {
				if len(obu) < 0x80 {
					w.Bytes(byte(len(obu)))
				} else {
					w.Bytes(byte(len(obu))|0x80, byte(len(obu)>>7))
				}
				w.Payload(obu)
			}
		}
		tu, sequence = tu[n:], 0
	}
}

// obusTogether returns how many OBUs from the first on fit into one packet; at least one.
func obusTogether(tu [][]byte) int {
	size := 1
	for n, obu := range tu {
		if size += 2 + len(obu); size > camgate.MaxPayload {
			return max(n, 1)
		}
	}
	return len(tu)
}
