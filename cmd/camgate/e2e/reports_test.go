package e2e

import (
	"math"
	"testing"
	"time"

	"github.com/camgate/camgate/cmd/camgate/fakecam"
	"github.com/camgate/camgate/ingest"
	"github.com/camgate/camgate/rtsp"
)

// TestReportsByAnotherParser has what we tell a camera about its packets, some of which
// are lost and some late, read and checked by tshark and by RFC 3550 section 6.4.
func TestReportsByAnotherParser(t *testing.T) {
	for _, transport := range []rtsp.Transport{rtsp.TransportUDP, rtsp.TransportTCP} {
		t.Run(string(transport), func(t *testing.T) {
			t.Parallel()
			packets := capture(t, transport, 10*time.Second, func(address string) (stop func()) {
				_, stop = pull(t, fakecam.Options{
					Listen: address, Faults: []string{"loss=3%", "jitter=20ms", "seq-wrap"}, ReportInterval: 1700 * time.Millisecond,
				}, transport, ingest.Options{})
				return stop
			})
			senders := map[uint64]*sender{}
			for _, p := range packets {
				takeNote(t, senders, p)
			}
			if len(senders) != 2 {
				t.Errorf("%d senders", len(senders))
			}
			for ssrc, s := range senders {
				t.Logf("%08x: %d packets, %d lost, %d sender reports, %d reports of ours, %d with loss, jitter %s", ssrc,
					len(s.seen), s.lost(s.highest), s.senderReports, s.reports, s.lossy, ticks(s.jitter, s.rate))
				// One a second at the least, and one for each of the sender.
				if s.reports < 10 || s.senderReports < 5 || s.answered < s.senderReports-1 || s.lossy == 0 {
					t.Errorf("%d reports, %d sender reports of which %d were answered at once", s.reports, s.senderReports, s.answered)
				}
			}
		})
	}
}

// sender is what can be known of a sender of RTP by what is on the wire.
type sender struct {
	rate    float64
	seen    map[int64]float64 // the jitter then, in ticks, by extended sequence number
	first   int64
	highest int64
	jitter  float64 // in ticks
	last    dissected

	senderReports, answered, reports, lossy int
	reported                                time.Time
	told                                    [2]int64 // expected and lost, by the last report
	clocks                                  map[uint64]time.Time
	newest                                  uint64
	unanswered                              time.Time
}

func (s *sender) expected(to int64) int64 { return to - s.first + 1 }

func (s *sender) lost(to int64) int64 {
	n := s.expected(to)
	for seq := range s.seen {
		if seq <= to {
			n--
		}
	}
	return n
}

func takeNote(t *testing.T, senders map[uint64]*sender, p dissected) {
	t.Helper()
	f := p.fields
	switch {
	case !p.rtcp && f["rtp.ssrc"] == 0: // ours: it opens firewalls
	case !p.rtcp:
		s := senderOf(senders, f["rtp.ssrc"])
		if len(s.seen) == 0 {
			s.rate = map[bool]float64{true: 90000, false: 48000}[f["rtp.p_type"] == 96]
			s.first = int64(f["rtp.seq"])
			s.highest, s.last, s.reported = s.first, p, p.at
		}
		s.packet(p)
	case p.kind() == 200: // of the camera
		s := senderOf(senders, f["rtcp.senderssrc"])
		s.senderReports++
		s.newest = (f["rtcp.timestamp.ntp.msw"]&0xffff)<<16 | f["rtcp.timestamp.ntp.lsw"]>>16
		s.clocks[s.newest], s.unanswered = p.at, p.at
	case p.kind() == 201 && f["rtcp.rc"] > 0:
		senderOf(senders, f["rtcp.ssrc.identifier"]).report(t, p)
	}
}

func senderOf(senders map[uint64]*sender, ssrc uint64) *sender {
	s := senders[ssrc]
	if s == nil {
		s = &sender{seen: map[int64]float64{}, clocks: map[uint64]time.Time{}}
		senders[ssrc] = s
	}
	return s
}

// packet is RFC 3550 appendix A.1 and A.8.
func (s *sender) packet(p dissected) {
	seq := s.highest + int64(int16(uint16(p.fields["rtp.seq"])-uint16(s.highest)))
	s.highest = max(s.highest, seq)
	d := p.at.Sub(s.last.at).Seconds()*s.rate - float64(int32(uint32(p.fields["rtp.timestamp"])-uint32(s.last.fields["rtp.timestamp"])))
	s.jitter += (math.Abs(d) - s.jitter) / 16
	s.seen[seq] = s.jitter
	s.last = p
}

func ticks(n, rate float64) time.Duration { return time.Duration(n / rate * float64(time.Second)) }

// report checks one of ours.
func (s *sender) report(t *testing.T, p dissected) {
	t.Helper()
	f := p.fields
	s.reports++
	if since := p.at.Sub(s.reported); since > 1200*time.Millisecond {
		t.Errorf("no report for %s", since)
	}
	s.reported = p.at
	highest := int64(f["rtcp.ssrc.ext_high"])
	if highest > s.highest || highest < s.highest-30 {
		t.Errorf("highest sequence number %d, want %d or a few less", highest, s.highest)
	}
	// What is not read yet is not known to be lost.
	lost := s.lost(highest)
	if got := int64(f["rtcp.ssrc.cum_nr"]); got != lost {
		t.Errorf("%d packets lost in all, want %d", got, lost)
	}
	expected := s.expected(highest)
	fraction := uint64(0)
	if n, of := lost-s.told[1], expected-s.told[0]; n > 0 && of > 0 {
		fraction = uint64(n * 256 / of)
		s.lossy++
	}
	s.told = [2]int64{expected, lost}
	if f["rtcp.ssrc.fraction"] != fraction {
		t.Errorf("%d of 256 lost, want %d", f["rtcp.ssrc.fraction"], fraction)
	}
	if got, want := ticks(float64(f["rtcp.ssrc.jitter"]), s.rate), ticks(s.seen[highest], s.rate); (got - want).Abs() > max(3*time.Millisecond, want/3) {
		t.Errorf("jitter %s, want %s", got, want)
	}
	s.clock(t, p)
}

// clock checks what the camera measures the round trip by.
func (s *sender) clock(t *testing.T, p dissected) {
	t.Helper()
	lsr, delay := p.fields["rtcp.ssrc.lsr"], p.fields["rtcp.ssrc.dlsr"]
	at, known := s.clocks[lsr]
	switch {
	case s.senderReports == 0 || lsr == 0 && s.senderReports == 1:
		if lsr != 0 || delay != 0 {
			t.Errorf("LSR %08x, DLSR %d before there was a sender report", lsr, delay)
		}
		return
	case !known:
		t.Errorf("LSR %08x is of no sender report", lsr)
		return
	}
	took := time.Duration(delay) * time.Second / 65536
	if d := p.at.Sub(at) - took; d < -5*time.Millisecond || d > 50*time.Millisecond {
		t.Errorf("DLSR %s, but it is %s since the sender report", took, p.at.Sub(at))
	}
	if lsr == s.newest && !s.unanswered.IsZero() {
		if p.at.Sub(s.unanswered) < 100*time.Millisecond {
			s.answered++
		}
		s.unanswered = time.Time{}
	}
}
