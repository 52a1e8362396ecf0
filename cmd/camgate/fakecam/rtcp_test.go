package fakecam_test

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/camgate/camgate/cmd/camgate/fakecam"
)

// senderReports reads n reports about pictures.
func senderReports(c *client, n int) (out []*rtcp.SenderReport) {
	c.media(func(track int, _ *rtp.Packet, packets []rtcp.Packet) bool {
		for _, p := range packets {
			if sr, ok := p.(*rtcp.SenderReport); ok && track == 0 {
				out = append(out, sr)
			}
		}
		return len(out) >= n
	})
	return out
}

// unix is an NTP time.
func unix(ntp uint64) time.Time {
	return time.Unix(int64(ntp>>32)-2208988800, int64(ntp&0xFFFFFFFF)*1e9>>32)
}

func TestSenderReports(t *testing.T) {
	t.Parallel()
	const every = 100 * time.Millisecond
	run := func(faults ...string) []*rtcp.SenderReport {
		c := connect(t, start(t, fakecam.Options{Faults: faults, ReportInterval: every}))
		c.play("tcp")
		return senderReports(c, 4)
	}
	srs := run()
	for i, sr := range srs {
		if d := time.Since(unix(sr.NTPTime)); d < 0 || d > patience {
			t.Errorf("NTP time is %v ago", d)
		}
		if i == 0 {
			continue
		}
		before := srs[i-1]
		wall := unix(sr.NTPTime).Sub(unix(before.NTPTime))
		ticks := time.Duration(int32(sr.RTPTime-before.RTPTime)) * time.Second / 90000
		if d := wall - ticks; d.Abs() > time.Millisecond || wall < every {
			t.Errorf("%v by NTP and %v by RTP between two reports", wall, ticks)
		}
		if sr.PacketCount <= before.PacketCount || sr.OctetCount <= before.OctetCount {
			t.Errorf("counts %d, %d after %d, %d", sr.PacketCount, sr.OctetCount, before.PacketCount, before.OctetCount)
		}
	}
	if at := unix(run("wrong-clock")[3].NTPTime); at.Year() != 1970 {
		t.Errorf("wrong-clock: it is %v", at)
	}
	srs = run("jumping-clock")
	for i := range srs[1:] {
		if d := unix(srs[i+1].NTPTime).Sub(unix(srs[i].NTPTime)).Abs(); d < 59*time.Minute {
			t.Errorf("jumping-clock: a step of %v", d)
		}
	}
}

func TestNoSenderReports(t *testing.T) {
	t.Parallel()
	c := connect(t, start(t, fakecam.Options{Faults: []string{"no-sr"}, ReportInterval: 50 * time.Millisecond}))
	c.play("tcp")
	pictures := 0
	c.media(func(_ int, p *rtp.Packet, reports []rtcp.Packet) bool {
		if reports != nil {
			t.Fatalf("no-sr: %v", reports)
		}
		if p != nil && p.Marker {
			pictures++
		}
		return pictures > 20
	})
}

func TestBye(t *testing.T) {
	t.Parallel()
	c := connect(t, withFaults(t, "rtcp-bye=300ms", "video-only"))
	c.play("tcp")
	c.media(func(_ int, _ *rtp.Packet, packets []rtcp.Packet) bool {
		for _, p := range packets {
			if _, ok := p.(*rtcp.Goodbye); ok {
				return true
			}
		}
		return false
	})
	if n := c.drain(300 * time.Millisecond); n > 0 {
		t.Errorf("%d packets after BYE", n)
	}
	c.must("OPTIONS", c.url)
}

// What a client reports is in the status, over TCP and over UDP.
func TestReceiverReports(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"tcp", "udp"} {
		t.Run(transport, func(t *testing.T) {
			cam := start(t, fakecam.Options{ReportInterval: 100 * time.Millisecond})
			c := connect(t, cam)
			c.play(transport)
			var sr *rtcp.SenderReport
			if transport == "tcp" {
				sr = senderReports(c, 1)[0]
			} else {
				sr = c.datagramSR()
			}
			block := rtcp.ReceptionReport{
				SSRC: sr.SSRC, FractionLost: 12, TotalLost: 34, LastSequenceNumber: 56, Jitter: 78,
				LastSenderReport: uint32(sr.NTPTime >> 16), Delay: 6554,
			}
			for n := range uint64(3) {
				if transport == "tcp" {
					c.report(0, block)
				} else {
					c.datagramReport(cam, block)
				}
				waitFor(t, func() bool { return cam.Status().ReceiverReports == n+1 })
			}
			s := cam.Status()
			r, ok := s.LastReport()
			if !ok || r.Track != 0 || r.Transport != transport || !r.Ours || !r.KnownSR || r.FractionLost != 12 || r.TotalLost != 34 ||
				r.LastSequence != 56 || r.Jitter != 78 || r.DelaySinceSR.Round(time.Millisecond) != 100*time.Millisecond || r.Sent == 0 {
				t.Errorf("report %+v", r)
			}
			if len(s.Intervals(0)) != 2 || len(s.Intervals(1)) != 0 {
				t.Errorf("intervals %v", s.Intervals(0))
			}
			if transport == "tcp" {
				c.sendFrame(1, []byte("no RTCP"))
				waitFor(t, func() bool { return cam.Status().BrokenRTCP == 1 })
			}
		})
	}
}

// waitFor waits until something is so.
func waitFor(t *testing.T, so func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !so(); <-tick.C {
		if time.Now().After(end) {
			t.Fatal("it does not come")
		}
	}
}
