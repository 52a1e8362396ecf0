package rtsp

import (
	"net/netip"
	"time"

	"github.com/pion/rtcp"

	"github.com/camgate/camgate"
)

// reportInterval is the time between sender reports: the least that RFC 3550
// section 6.2 foresees.
const reportInterval = 5 * time.Second

// outTrack is one track on its way to one reader.
type outTrack struct {
	track     *camgate.Track
	channel   byte           // interleaved; RTCP has the one after it
	rtp, rtcp netip.AddrPort // of the reader; invalid: interleaved

	fresh    bool   // nothing was sent since PLAY
	seqShift uint16 // added to the sequence numbers of the packets
	next     uint16 // the sequence number that is to follow, as sent
	packets  uint32 // sent
	octets   uint32 // of payload sent (RFC 3550 section 6.4.1)

	reported time.Time
	last     *camgate.Unit // newest one sent; its clock is the reference
}

// number returns the sequence number of the unit's first packet for this reader:
// its own, unless the reader has come past it before it paused.
func (o *outTrack) number(u *camgate.Unit) uint16 {
	if o.fresh && o.packets > 0 && o.next-(u.FirstSeq()+o.seqShift) < 1<<15 {
		o.seqShift = o.next - u.FirstSeq()
	}
	return u.FirstSeq() + o.seqShift
}

// numberAfter is number for the unit that is to follow u.
func (o *outTrack) numberAfter(u *camgate.Unit) uint16 {
	return u.FirstSeq() + o.seqShift + uint16(u.PacketCount())
}

// sent counts a unit that is about to leave.
func (o *outTrack) sent(u *camgate.Unit, bytes int) {
	n := u.PacketCount()
	o.fresh = false
	o.next = u.FirstSeq() + o.seqShift + uint16(n)
	o.packets += uint32(n)
	o.octets += uint32(bytes - n*(camgate.FrameHeader+camgate.RTPHeader))
	o.last = u
}

// due reports whether it is time for a sender report: with the first packet, and
// then from time to time.
func (o *outTrack) due(now time.Time) bool {
	return o.last != nil && now.Sub(o.reported) >= reportInterval
}

// senderReport tells which wall clock time belongs to which RTP timestamp (RFC 3550
// section 6.4.1), by the true timestamps, which those of cached units lead to.
func (o *outTrack) senderReport(now time.Time, cname string) []byte {
	o.reported = now
	t := o.track
	compound := rtcp.CompoundPacket{
		&rtcp.SenderReport{
			SSRC:        t.SSRC,
			NTPTime:     ntpTime(now),
			RTPTime:     o.last.RTPTime() + uint32(t.Ticks(now.Sub(o.last.NTP))),
			PacketCount: o.packets,
			OctetCount:  o.octets,
		},
		&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{
			Source: t.SSRC,
			Items:  []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: cname}},
		}}},
	}
	b, err := compound.Marshal()
	if err != nil {
		panic("rtsp: sender report: " + err.Error()) // it is always the same form
	}
	return b
}

// ntpTime is the timestamp format of RFC 3550 section 4: seconds since 1900 with 32
// bits of fraction.
func ntpTime(t time.Time) uint64 {
	const since1900 = 2208988800
	return uint64(t.Unix()+since1900)<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}
