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

// packetizeAV1 makes RTP payloads of the AV1 format (AOMedia, version 1.0): packets are
// filled, whatever the borders of OBUs, so that all but the first one go on with an OBU.
// Browsers take a packet that begins with an OBU for the first one of a picture.
type packetizeAV1 struct{}

// Of the aggregation header (section 4.4).
const (
	av1Continues = 0x80 // Z
	av1GoesOn    = 0x40 // Y
	av1Sequence  = 0x08 // N: a coded video sequence begins
	av1Counted   = 3    // W: as many elements can be counted; the last one has no length then
)

func (packetizeAV1) Packetize(w *camgate.PacketWriter, tu [][]byte) {
	for len(tu) > 0 && len(tu[len(tu)-1]) == 0 {
		tu = tu[:len(tu)-1] // so that the marker is on a packet that is made
	}
	sequence := byte(0)
	if isKeyAV1(tu) {
		sequence = av1Sequence
	}
	for from := (av1Place{}); from.obu < len(tu); sequence = 0 {
		to, n := from.fill(tu)
		w.Packet(to.obu == len(tu))
		header := sequence
		if from.at > 0 {
			header |= av1Continues
		}
		if to.at > 0 {
			header |= av1GoesOn
		}
		if n <= av1Counted {
			header |= byte(n) << 4
		}
		w.Bytes(header)
		for i := 1; i <= n; from.obu, from.at = from.obu+1, 0 {
			data := tu[from.obu][from.at:]
			if to.obu == from.obu {
				data = tu[from.obu][from.at:to.at]
			}
			if len(data) == 0 {
				continue
			}
			if i < n || n > av1Counted {
				av1Length(w, len(data))
			}
			w.Payload(data)
			i++
		}
		from = to
	}
}

// av1Place is an OBU, and where in it.
type av1Place struct{ obu, at int }

// fill returns where the packet ends that begins there, and how many elements it has.
func (p av1Place) fill(tu [][]byte) (end av1Place, n int) {
	const length, least = 2, 4 // bytes: of a length field; with which no other element is begun
	for room := camgate.MaxPayload - 1; p.obu < len(tu) && (room >= least || n == 0); {
		size := len(tu[p.obu]) - p.at
		if size == 0 {
			p.obu, p.at = p.obu+1, 0
			continue
		}
		take := min(size, room-length)
		if more := p.obu+1 < len(tu); more && take == size && size > 1 && room-length-take < least {
			take-- // the next packet goes on with it
		}
		room -= length + take
		n++
		if p.at += take; take < size {
			break
		}
		p.obu, p.at = p.obu+1, 0
	}
	return p, n
}

// av1Length writes a number below 16,384 (LEB128).
func av1Length(w *camgate.PacketWriter, n int) {
	if n < 0x80 {
		w.Bytes(byte(n))
	} else {
		w.Bytes(byte(n)|0x80, byte(n>>7))
	}
}
