package camgate

import (
	"encoding/binary"

	"github.com/pion/rtp"
)

// MaxPayload is the largest RTP payload in bytes that camgate sends. 1,188 B and
// the headers of RTP, SRTP, UDP and IPv6 fit into the smallest MTU that WebRTC
// has to expect (1,280 B, RFC 8200 section 5).
const MaxPayload = 1188

const (
	// FrameHeader is the size of the "$", channel, length prefix that goes before
	// each packet in an RTSP connection (RFC 2326 section 10.12).
	FrameHeader = 4
	// RTPHeader is the size of the RTP header (RFC 3550 section 5.1): camgate sends
	// no CSRC list and no header extension.
	RTPHeader = 12
)

// Packetizer cuts access units into RTP payloads. It is stateless: the same
// access unit always gives the same packets, which is how their number is known
// before they are made.
type Packetizer interface {
	Packetize(w *PacketWriter, au [][]byte)
}

// Packets is a Unit as RTP packets that lie one behind the other in one buffer,
// each behind its interleaved frame header. So an RTSP connection over TCP can
// be sent all of Wire as it is, and datagrams are cut from it without a copy.
type Packets struct {
	Wire []byte
	ends []uint32 // end of packet i in Wire
}

// Len returns the number of packets.
func (p *Packets) Len() int { return len(p.ends) }

// Framed returns packet i with its interleaved frame header.
func (p *Packets) Framed(i int) []byte {
	start := uint32(0)
	if i > 0 {
		start = p.ends[i-1]
	}
	return p.Wire[start:p.ends[i]:p.ends[i]]
}

// RTP returns packet i: header and payload.
func (p *Packets) RTP(i int) []byte { return p.Framed(i)[FrameHeader:] }

// Payload returns the payload of packet i.
func (p *Packets) Payload(i int) []byte { return p.Framed(i)[FrameHeader+RTPHeader:] }

// Marker returns the marker bit of packet i.
func (p *Packets) Marker(i int) bool { return p.Framed(i)[FrameHeader+1]&0x80 != 0 }

// PacketWriter takes the packets that a Packetizer makes.
type PacketWriter struct {
	header  [RTPHeader]byte
	channel byte
	write   bool // false: count only

	wire  []byte
	ends  []uint32
	start int // of the open packet in wire; valid while open
	open  bool
	count int
	bytes int
}

// Packet begins a packet; the bytes that follow are its payload. The marker bit
// has the meaning that the payload format gives it.
func (w *PacketWriter) Packet(marker bool) {
	w.finish()
	w.open = true
	w.count++
	w.bytes += FrameHeader + RTPHeader
	if !w.write {
		return
	}
	w.start = len(w.wire)
	w.wire = append(w.wire, '$', w.channel, 0, 0)
	h := w.header
	if marker {
		h[1] |= 0x80
	}
	w.wire = append(w.wire, h[:]...)
	binary.BigEndian.PutUint16(w.header[2:], binary.BigEndian.Uint16(w.header[2:])+1)
}

// Bytes appends to the payload of the open packet.
func (w *PacketWriter) Bytes(b ...byte) { w.Payload(b) }

// Payload appends to the payload of the open packet.
func (w *PacketWriter) Payload(b []byte) {
	w.bytes += len(b)
	if w.write {
		w.wire = append(w.wire, b...)
	}
}

func (w *PacketWriter) finish() {
	if !w.open || !w.write {
		return
	}
	w.open = false
	n := len(w.wire) - w.start - FrameHeader
	binary.BigEndian.PutUint16(w.wire[w.start+2:], uint16(n))
	w.ends = append(w.ends, uint32(len(w.wire)))
}

// measure counts the packets of an access unit and their bytes on the wire.
func (w *PacketWriter) measure(p Packetizer, au [][]byte) {
	w.write, w.count, w.bytes = false, 0, 0
	p.Packetize(w, au)
	w.open = false
}

// rtpHeader is the header of the unit's first packet, without a marker.
func rtpHeader(u *Unit) (out [RTPHeader]byte) {
	h := rtp.Header{
		Version:        2,
		PayloadType:    u.Track.PayloadType,
		SequenceNumber: u.seq,
		Timestamp:      u.ts,
		SSRC:           u.Track.SSRC,
	}
	// It fits: no CSRCs, no extension.
	if _, err := h.MarshalTo(out[:]); err != nil {
		panic("camgate: RTP header: " + err.Error())
	}
	return out
}
