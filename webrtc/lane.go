package webrtc

import (
	"encoding/binary"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	pion "github.com/pion/webrtc/v4"

	"github.com/camgate/camgate"
)

// lane is one track on its way to one viewer: it gives the stream's packets the
// viewer's header. Its methods are called under the transport's lock, which is not held
// while what they made is sent.
type lane struct {
	track       *camgate.Track // another one when the session goes over
	kind        camgate.Kind
	name        string // unique in the session
	cname       string
	payloadType uint8
	ssrc        uint32
	repairType  uint8                 // payload type of packets that are sent again; 0: there is none
	repairSSRC  uint32                // and their source, once bound
	stamps      uint8                 // id of the transport's sequence number, see route
	stream      pion.TrackLocalWriter // the library's way

	next uint64 // number of the next packet; its low 16 bits are the sequence number
	past []span // which packets of the stream were sent as which, oldest first

	repairs uint16     // sequence number of the next packet that is sent again
	flight  *estimator // notes what is sent; nil: the viewer does not tell what arrives

	stamped  bool
	stamp    uint32 // RTP timestamp of the newest packet
	overlaps bool   // what comes may have been sent already, from another rendition
	hurried  bool   // it is ahead of the stream's timestamp, or was until now
	base     uint32 // what timestamps differ by from those of another rendition
	turned   bool   // there is another rendition, whose base is not known yet

	header rtp.Header // scratch

	// For sender reports.
	newest     *camgate.Unit
	newestBase uint32 // of its time
	packets    uint32
	octets     uint32
}

// span is a run of packets with the same relation to those of the stream.
type span struct {
	first uint64 // its first packet's number
	delta uint16 // the stream's sequence number minus the viewer's
	shift uint32 // the viewer's timestamp minus the stream's
}

const (
	// maxAge is how many packets back a NACK is answered.
	maxAge = 4096
	// maxSpans bounds the memory of what was sent; only catching up makes many.
	maxSpans = 512
)

// send appends packet i of a unit to the batch, encrypted.
func (l *lane) send(b *batch, ctx *srtp.Context, u *camgate.Unit, i int, shift uint32) (int, error) {
	if i == 0 {
		l.mark(u, shift)
		l.stamped, l.stamp = true, u.RTPTime()+shift
	}
	n, payload, err := l.write(b, ctx, u.Packets(), i, uint16(l.next), u.RTPTime()+shift)
	l.next++
	l.packets++
	l.octets += uint32(payload)
	return n, err
}

// align finds the base of another rendition from its first unit: what is taken at the
// same moment has the same timestamp.
func (l *lane) align(u *camgate.Unit) {
	if !l.turned {
		return
	}
	l.turned = false
	l.base = l.now(u.NTP) - u.RTPTime()
}

// mark notes the relation of the unit's packets to those of the stream.
func (l *lane) mark(u *camgate.Unit, shift uint32) {
	s := span{l.next, u.FirstSeq() - uint16(l.next), shift}
	if n := len(l.past); n > 0 {
		if last := l.past[n-1]; last.delta == s.delta && last.shift == s.shift {
			// Nothing older will be asked for any more.
			if n > 1 && l.next-last.first > maxAge {
				l.past = append(make([]span, 0, 1), last)
			}
			return
		}
		if n == maxSpans {
			l.past = append(l.past[:0], l.past[n/2:]...)
		}
	}
	l.past = append(l.past, s)
}

// resend appends the packet with the viewer's sequence number seq once more: as one
// of the repair source (RFC 4588) or, where there is none, bit by bit the same, as SRTP
// would be broken by another packet of the same number (RFC 7714 section 8.4). It does
// nothing when the packet is not held any more.
func (l *lane) resend(b *batch, ctx *srtp.Context, r *camgate.Reader, seq uint16) (int, error) {
	age := uint64(uint16(l.next) - seq)
	if age == 0 || age > maxAge || age > l.next {
		return 0, nil
	}
	number := l.next - age
	i := len(l.past) - 1
	for i >= 0 && l.past[i].first > number {
		i--
	}
	if i < 0 {
		return 0, nil
	}
	s := l.past[i]
	u, index := r.Retransmit(l.track, seq+s.delta)
	if u == nil {
		return 0, nil
	}
	if l.repairSSRC != 0 {
		return l.writeRepair(b, ctx, u.Packets(), index, seq, u.RTPTime()+s.shift)
	}
	n, _, err := l.write(b, ctx, u.Packets(), index, seq, u.RTPTime()+s.shift)
	return n, err
}

// write makes a packet at the end of the batch.
func (l *lane) write(b *batch, ctx *srtp.Context, p *camgate.Packets, i int, seq uint16, stamp uint32) (n, payload int, err error) {
	body := p.Payload(i)
	room := b.room()
	head := l.head(room, l.payloadType, p.Marker(i), seq, stamp, l.ssrc)
	n, err = l.seal(b, ctx, room, head+copy(room[head:], body))
	return n, len(body), err
}

// writeRepair makes a packet of the repair source: with the number of the one that it
// repeats before the payload (RFC 4588 section 4).
func (l *lane) writeRepair(b *batch, ctx *srtp.Context, p *camgate.Packets, i int, seq uint16, stamp uint32) (int, error) {
	own := l.repairs
	l.repairs++
	room := b.room()
	head := l.head(room, l.repairType, p.Marker(i), own, stamp, l.repairSSRC)
	binary.BigEndian.PutUint16(room[head:], seq)
	head += originalSize
	return l.seal(b, ctx, room, head+copy(room[head:], p.Payload(i)))
}

const (
	originalSize = 2 // bytes of the number in a repair packet
	stampSize    = 8 // and of the transport's number: the extension's header, id and length, number, padding (RFC 8285)
)

// head writes an RTP header and returns its size.
func (l *lane) head(room []byte, payloadType uint8, marker bool, seq uint16, stamp, ssrc uint32) int {
	room[0] = 2 << 6
	room[1] = payloadType
	if marker {
		room[1] |= 0x80
	}
	binary.BigEndian.PutUint16(room[2:], seq)
	binary.BigEndian.PutUint32(room[4:], stamp)
	binary.BigEndian.PutUint32(room[8:], ssrc)
	if l.flight == nil {
		return camgate.RTPHeader
	}
	room[0] |= 1 << 4
	binary.BigEndian.PutUint32(room[12:], 0xbede0001)
	binary.BigEndian.PutUint32(room[16:], uint32(l.stamps)<<28|1<<24|uint32(l.flight.number())<<8)
	return camgate.RTPHeader + stampSize
}

// seal encrypts the first n bytes of the room, and appends them to the batch. Where there
// are no keys (no ctx), they are left as they are, for the library.
func (l *lane) seal(b *batch, ctx *srtp.Context, room []byte, n int) (int, error) {
	if ctx == nil {
		b.library = l.stream
		b.commit(n)
		return n, nil
	}
	out, err := ctx.EncryptRTP(room, room[:n], &l.header)
	if err != nil {
		return 0, err
	}
	if l.flight != nil {
		l.flight.sent(len(out))
	}
	b.commit(len(out))
	return len(out), nil
}

// now returns the RTP timestamp that belongs to a moment, by the newest unit.
func (l *lane) now(at time.Time) uint32 {
	return l.newest.RTPTime() + l.newestBase + uint32(l.track.Ticks(at.Sub(l.newest.NTP)))
}
