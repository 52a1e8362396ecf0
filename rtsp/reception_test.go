package rtsp

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/rtcp"
)

// The numbers of a report block, by hand from the formulas of RFC 3550.
func TestReceptionBlock(t *testing.T) {
	type packet struct {
		ssrc uint32
		seq  uint16
	}
	run := func(first uint16, n int, without ...uint16) (out []packet) {
	next:
		for i := range n {
			seq := first + uint16(i)
			for _, w := range without {
				if seq == w {
					continue next
				}
			}
			out = append(out, packet{1, seq})
		}
		return out
	}
	cases := []struct {
		name    string
		packets []packet
		want    rtcp.ReceptionReport
	}{
		{"all there", run(100, 10), rtcp.ReceptionReport{SSRC: 1, LastSequenceNumber: 109}},
		{"one of ten lost", run(100, 10, 105), rtcp.ReceptionReport{SSRC: 1, LastSequenceNumber: 109, FractionLost: 25, TotalLost: 1}},
		{"half lost", run(0, 4, 1, 2), rtcp.ReceptionReport{SSRC: 1, LastSequenceNumber: 3, FractionLost: 128, TotalLost: 2}},
		{"over the wrap", run(65530, 10), rtcp.ReceptionReport{SSRC: 1, LastSequenceNumber: 1<<16 + 3}},
		{"lost over the wrap", run(65530, 10, 65535, 0), rtcp.ReceptionReport{SSRC: 1, LastSequenceNumber: 1<<16 + 3, FractionLost: 51, TotalLost: 2}},
		{"out of order", []packet{{1, 5}, {1, 7}, {1, 6}, {1, 8}}, rtcp.ReceptionReport{SSRC: 1, LastSequenceNumber: 8}},
		{"out of order at the wrap", []packet{{1, 65535}, {1, 1}, {1, 0}, {1, 2}}, rtcp.ReceptionReport{SSRC: 1, LastSequenceNumber: 1<<16 + 2}},
		{"twice: lost is negative", []packet{{1, 5}, {1, 5}, {1, 6}}, rtcp.ReceptionReport{SSRC: 1, LastSequenceNumber: 6, TotalLost: 1<<24 - 1}},
		{"one from far away is no jump", []packet{{1, 5}, {1, 30000}, {1, 6}}, rtcp.ReceptionReport{SSRC: 1, LastSequenceNumber: 6}},
		{"two from far away are", []packet{{1, 5}, {1, 30000}, {1, 30001}, {1, 30002}}, rtcp.ReceptionReport{SSRC: 1, LastSequenceNumber: 30002}},
		{"another source", []packet{{1, 5}, {1, 9}, {2, 700}, {2, 702}}, rtcp.ReceptionReport{SSRC: 2, LastSequenceNumber: 702, FractionLost: 85, TotalLost: 1}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := reception{rate: 90000}
			now := time.Now()
			for i, p := range c.packets {
				r.packet(p.ssrc, p.seq, uint32(i)*900, now.Add(time.Duration(i)*10*time.Millisecond))
			}
			got, ok := r.block(now)
			if diff := cmp.Diff(c.want, got); diff != "" || !ok {
				t.Error(diff)
			}
		})
	}
	if _, ok := (&reception{rate: 1}).block(time.Now()); ok {
		t.Error("a report about nothing")
	}
}

// The fraction is that of the time since the last report, the sum that of all time.
func TestReceptionIntervals(t *testing.T) {
	r := reception{rate: 90000}
	now := time.Now()
	seq := uint16(0)
	feed := func(n int, lose bool) {
		for i := range n {
			if !lose || i%2 == 0 {
				r.packet(1, seq, 0, now)
			}
			seq++
		}
	}
	feed(100, false)
	feed(101, true)
	if b, _ := r.block(now); b.FractionLost != 50<<8/201 || b.TotalLost != 50 {
		t.Errorf("%+v", b)
	}
	feed(100, false)
	if b, _ := r.block(now); b.FractionLost != 0 || b.TotalLost != 50 {
		t.Errorf("%+v", b)
	}
	if b, _ := r.block(now); b.FractionLost != 0 {
		t.Errorf("nothing new: %+v", b)
	}
}

func TestReceptionSenderReport(t *testing.T) {
	now := time.Now()
	early := reception{rate: 8000}
	early.senderReport(&rtcp.SenderReport{SSRC: 7, NTPTime: 5 << 16}, now)
	early.packet(7, 1, 0, now)
	if b, _ := early.block(now); b.LastSenderReport != 5 {
		t.Error("a report from before the first packet is forgotten")
	}
	r := reception{rate: 8000}
	r.packet(7, 1, 0, now)
	if r.senderReport(&rtcp.SenderReport{SSRC: 8, NTPTime: 1}, now) {
		t.Error("the report of another source was taken")
	}
	r.senderReport(&rtcp.SenderReport{SSRC: 7, NTPTime: 0x1122_3344_5566_7788, RTPTime: 1<<32 - 1000}, now)
	b, _ := r.block(now.Add(1500 * time.Millisecond))
	if b.LastSenderReport != 0x3344_5566 || b.Delay != 65536*3/2 {
		t.Errorf("LSR %x, DLSR %d", b.LastSenderReport, b.Delay)
	}
	// 20 s of ours, 20.002 s of the sender's: 100 ppm.
	for i := 1; i <= 4; i++ {
		r.senderReport(&rtcp.SenderReport{SSRC: 7, RTPTime: uint32(int64(1<<32-1000) + int64(i)*40004)}, now.Add(time.Duration(i)*5*time.Second))
	}
	if got := r.total(); math.Abs(got.Drift-100) > 0.1 || got.SenderReports != 5 {
		t.Errorf("%+v", got)
	}
}

// jitterOf feeds packets 20 ms apart, each of them late by what late says.
func jitterOf(late func(i int) time.Duration, n int) time.Duration {
	r := reception{rate: 90000}
	begin := time.Now()
	for i := range n {
		at := time.Duration(i) * 20 * time.Millisecond
		r.packet(1, uint16(i), uint32(1<<32-5000)+uint32(i)*1800, begin.Add(at+late(i)))
	}
	return r.total().Jitter
}

func TestReceptionJitter(t *testing.T) {
	ms := time.Millisecond
	rng := rand.New(rand.NewPCG(1, 2))
	cases := []struct {
		name     string
		late     func(int) time.Duration
		n        int
		from, to time.Duration
	}{
		{"even", func(int) time.Duration { return 0 }, 500, 0, ms / 100},
		{"each second one 10 ms late", func(i int) time.Duration { return time.Duration(i%2) * 10 * ms }, 500, 9990 * time.Microsecond, 10 * ms},
		{"anything up to 30 ms late: a third of it", func(int) time.Duration { return time.Duration(rng.IntN(30)) * ms }, 2000, 6 * ms, 14 * ms},
		{"one step of 900 ms counts as 50", func(i int) time.Duration { return time.Duration(i/99) * 900 * ms }, 100, 3 * ms, 3200 * time.Microsecond},
		{"a stall counts as nothing", func(i int) time.Duration { return time.Duration(i/50) * 5 * time.Second }, 100, 0, ms / 100},
	}
	for _, c := range cases {
		if got := jitterOf(c.late, c.n); got < c.from || got > c.to {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}

// Sums go on over a change of source; nothing in them depends on luck.
func TestReceptionTotal(t *testing.T) {
	r := reception{rate: 90000}
	now := time.Now()
	for _, p := range []struct {
		ssrc uint32
		seq  uint16
	}{{1, 10}, {1, 11}, {1, 14}, {2, 500}, {2, 501}, {2, 503}, {2, 40000}, {2, 40001}} {
		r.packet(p.ssrc, p.seq, 0, now)
	}
	want := Reception{SSRC: 2, Expected: 5 + 4 + 1, Received: 3 + 3 + 1, Lost: 3, LastPacket: now}
	if diff := cmp.Diff(want, r.total()); diff != "" {
		t.Error(diff)
	}
}

// What is missing after a silence is counted apart: of an outage nobody can say how
// it would have been.
func TestReceptionPaused(t *testing.T) {
	r := reception{rate: 90000}
	now := time.Now()
	at := func(after time.Duration, seqs ...uint16) {
		now = now.Add(after)
		for _, seq := range seqs {
			r.packet(1, seq, 0, now)
		}
	}
	at(0, 65500, 65501, 65503)
	at(990*time.Millisecond, 65510)
	at(time.Second, 5, 6, 8)
	at(5*time.Second, 9)
	if got := r.total(); got.Lost != 1+6+30+1 || got.Paused != 30 {
		t.Errorf("%+v", got)
	}
	at(10*time.Second, 20009) // another range of numbers, from its second packet on
	at(0, 20010, 20012)
	if got := r.total(); got.Lost != 1+6+30+1+1 || got.Paused != 30 {
		t.Errorf("after a jump: %+v", got)
	}
}
