package webrtc

import (
	"slices"
	"time"

	"github.com/pion/rtcp"

	"github.com/camgate/camgate"
)

const (
	// reportFirst and reportInterval are when sender reports are due: soon at first,
	// so that sound and picture are brought together.
	reportFirst    = time.Second
	reportInterval = 4 * time.Second
	// resendRate and resendBurst bound what one viewer can make us send again, in
	// packets per second.
	resendRate  = 1500
	resendBurst = 1000
	// maxFeedback bounds the requests that one compound packet can make.
	maxFeedback = 64
)

// feedback acts on what the viewer reports (RFC 4585, RFC 5104).
func (s *session) feedback(packets []rtcp.Packet) {
	for _, p := range packets[:min(len(packets), maxFeedback)] {
		switch p := p.(type) {
		case *rtcp.TransportLayerNack:
			s.nack(p)
		case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
			s.keyframe.Store(true)
			if from := s.from.Load(); from != nil {
				from.RequestKeyframe()
			}
		case *rtcp.ReceiverReport:
			s.reception(p.Reports)
		case *rtcp.ReceiverEstimatedMaximumBitrate:
			s.estimated(float64(p.Bitrate))
		}
	}
}

// reception notes what share of the picture's packets the viewer missed of late
// (RFC 3550 section 6.4.1), also of those that were sent again since, or a queue that is as bad.
func (s *session) reception(blocks []rtcp.ReceptionReport) {
	reader := s.reader.Load()
	if reader == nil {
		return
	}
	s.transport.mu.Lock() // a lane's track may change
	defer s.transport.mu.Unlock()
	for _, b := range blocks {
		for _, l := range s.lanes {
			if l.ssrc != b.SSRC {
				continue
			}
			trip := roundTrip(b, time.Now())
			if l.kind == camgate.Video {
				s.reported(b, trip)
				reader.Report(s.toll(), s.carries())
			}
			if trip > 0 {
				s.transport.rtt.Store(int64(trip))
				s.tellPath()
			}
		}
	}
}

// nack sends again what the viewer misses.
func (s *session) nack(p *rtcp.TransportLayerNack) {
	reader := s.reader.Load()
	if reader == nil {
		return
	}
	i := slices.IndexFunc(s.lanes, func(l *lane) bool { return l.ssrc == p.MediaSSRC })
	if i < 0 {
		return
	}
	s.missed.Store(true)
	b := s.server.batches.get()
	defer s.server.batches.put(b)
	for _, pair := range p.Nacks {
		pair.Range(func(seq uint16) bool {
			if !s.mayRepeat(s.lanes[i], seq) {
				return false
			}
			if s.repeat(b, s.lanes[i], reader, seq) > 0 {
				s.server.resent.Add(1)
			}
			return true
		})
	}
	s.transport.send(b)
}

// repeat makes a packet once more, and sends the batch when it is full. It returns how
// many bytes that are; 0: the packet is not held any more.
func (s *session) repeat(b *batch, l *lane, reader *camgate.Reader, seq uint16) int {
	n := s.again(b, l, reader, seq)
	reader.Sent(n)
	if b.full() {
		s.transport.send(b)
	}
	return n
}

func (s *session) again(b *batch, l *lane, reader *camgate.Reader, seq uint16) int {
	s.transport.mu.Lock()
	defer s.transport.mu.Unlock()
	if l.flight != nil {
		l.flight.leave(time.Now())
	}
	n, err := l.resend(b, s.transport.local, reader, seq)
	if err != nil {
		return 0
	}
	return n
}

// mayRepeat notes that a packet is missed, and bounds what a viewer can make us send again.
func (s *session) mayRepeat(l *lane, seq uint16) bool {
	s.transport.mu.Lock()
	defer s.transport.mu.Unlock()
	if l.kind == camgate.Video {
		s.spread.miss(seq)
	}
	return s.resends.take(time.Now())
}

// bucket is a token bucket.
type bucket struct {
	tokens float64
	at     time.Time
}

func (b *bucket) take(now time.Time) bool {
	if b.at.IsZero() {
		b.tokens = resendBurst
	} else {
		b.tokens = min(resendBurst, b.tokens+now.Sub(b.at).Seconds()*resendRate)
	}
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// report returns sender reports of all lanes that have begun: RTP timestamps and
// wall clock of the same moment, on the one clock that all tracks share (RFC 3550
// section 6.4.1). The transport's lock is held.
func (s *session) report(now time.Time) []rtcp.Packet {
	var out []rtcp.Packet
	names := &rtcp.SourceDescription{}
	for _, l := range s.lanes {
		if l.newest == nil {
			continue
		}
		out = append(out, &rtcp.SenderReport{
			SSRC: l.ssrc, NTPTime: ntpTime(now), RTPTime: l.now(now), PacketCount: l.packets, OctetCount: l.octets,
		})
		names.Chunks = append(names.Chunks, rtcp.SourceDescriptionChunk{
			Source: l.ssrc, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: l.cname}},
		})
	}
	return append(out, names)
}

// goodbye tells the viewer that nothing more comes (RFC 3550 section 6.6).
func (s *session) goodbye() {
	var sources []uint32
	for _, l := range s.lanes {
		sources = append(sources, l.ssrc)
	}
	if sources == nil {
		return
	}
	s.transport.writeRTCP([]rtcp.Packet{
		&rtcp.ReceiverReport{SSRC: sources[0]},
		&rtcp.Goodbye{Sources: sources},
	})
}

// ntpTime is a wall clock time in the format of RFC 3550 section 4: seconds since
// 1900 in the upper half, fraction of a second in the lower.
func ntpTime(t time.Time) uint64 {
	const from1900to1970 = 2208988800
	return uint64(t.Unix()+from1900to1970)<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}
