package fakecam

import (
	"slices"
	"time"

	"github.com/pion/rtcp"
)

// Report is a receiver report of a client about one track (RFC 3550, 6.4.2).
type Report struct {
	At           time.Time
	Connection   uint64 // the number of the connection, from 1
	Track        int    // 0 is the first one of the SDP
	Transport    string // tcp or udp
	SSRC         uint32 // of the media that it is about
	Ours         bool   // it is about the SSRC that is sent now
	FractionLost uint8  // in 1/256
	TotalLost    uint32
	LastSequence uint32 // extended
	Sent         uint64 // packets of the track until then
	Jitter       uint32 // in ticks of the track
	LastSR       uint32
	DelaySinceSR time.Duration
	// KnownSR tells that LastSR is one of the latest sender reports; RoundTrip is only
	// then known.
	KnownSR   bool
	RoundTrip time.Duration
}

// sentSR is a sender report as the client names it in its answer.
type sentSR struct {
	middle uint32 // the middle 32 bits of its NTP time
	at     time.Time
}

// report takes RTCP from the client.
func (s *session) report(t *track, data []byte) {
	now := s.conn.now()
	packets, err := rtcp.Unmarshal(data)
	if err != nil {
		s.conn.cam.stats.brokenRTCP()
		return
	}
	s.sign(false)
	for _, p := range packets {
		if t.media == nil {
			s.hearReport(t, p)
			continue
		}
		rr, ok := p.(*rtcp.ReceiverReport)
		if !ok {
			continue
		}
		s.mu.Lock()
		s.lastReport = now
		s.mu.Unlock()
		if len(rr.Reports) == 0 {
			s.conn.cam.stats.reported(Report{At: now, Connection: s.conn.number, Track: t.id, Transport: t.out.name()})
		}
		for _, block := range rr.Reports {
			s.conn.cam.stats.reported(s.read(t, block, now))
		}
	}
}

func (s *session) read(t *track, block rtcp.ReceptionReport, now time.Time) Report {
	r := Report{
		At: now, Connection: s.conn.number, Track: t.id, Transport: t.out.name(), SSRC: block.SSRC, FractionLost: block.FractionLost,
		TotalLost: block.TotalLost, LastSequence: block.LastSequenceNumber, Jitter: block.Jitter,
		LastSR: block.LastSenderReport, DelaySinceSR: time.Duration(block.Delay) * time.Second / 65536,
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r.Ours, r.Sent = block.SSRC == t.ssrc, t.count
	for _, sr := range t.reports {
		if sr.middle == block.LastSenderReport {
			r.KnownSR, r.RoundTrip = true, now.Sub(sr.at)-r.DelaySinceSR
		}
	}
	return r
}

// sendReport sends a sender report with a name (RFC 3550, 6.4.1 and 6.5).
func (s *session) sendReport(t *track, elapsed time.Duration, bye bool) error {
	now := s.conn.now()
	clock := now
	if s.conn.has("wrong-clock") {
		clock = time.Unix(0, 0).Add(elapsed)
	}
	t.mu.Lock()
	if s.conn.has("jumping-clock") && len(t.reports)%2 == 1 {
		clock = clock.Add(time.Hour)
	}
	ntp := ntpTime(clock)
	t.reports = append(t.reports, sentSR{uint32(ntp >> 16), now})
	const kept = 32
	if len(t.reports) > kept {
		t.reports = slices.Delete(t.reports, 0, 2) // two, for jumping-clock counts them
	}
	packets := []rtcp.Packet{
		&rtcp.SenderReport{
			SSRC: t.ssrc, NTPTime: ntp, RTPTime: t.timestamp(elapsed),
			PacketCount: uint32(t.count), OctetCount: uint32(t.octets),
		},
		&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{
			Source: t.ssrc, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "fakecam"}},
		}}},
	}
	if bye {
		packets = append(packets, &rtcp.Goodbye{Sources: []uint32{t.ssrc}})
	}
	t.mu.Unlock()
	data, err := rtcp.Marshal(packets)
	if err != nil {
		return err
	}
	return t.out.writeRTCP(data)
}

// ntpTime is a time in the format of RFC 3550, 4.
func ntpTime(t time.Time) uint64 {
	const since1900 = 2208988800
	return uint64(t.Unix()+since1900)<<32 | uint64(t.Nanosecond())<<32/1e9
}
