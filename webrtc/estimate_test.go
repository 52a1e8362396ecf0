package webrtc

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// network is a link of a rate with a queue, in time of its own.
type network struct {
	t        testing.TB
	e        *estimator
	rate     float64       // bit/s
	buffer   time.Duration // longest queue
	lose     int           // one of so many; 0: none
	now      time.Time
	free     time.Duration // when the link is
	start    time.Time
	pending  []arrival
	sent     int
	feedback time.Duration // when it is due
	offset   time.Duration // of the viewer's clock
}

type arrival struct {
	seq uint16
	at  time.Duration // 0: it did not
}

func newNetwork(t testing.TB, rate float64) *network {
	start := time.Now()
	return &network{t: t, e: newEstimator(start), rate: rate, buffer: time.Second, now: start, start: start, offset: 5 * time.Hour}
}

// send sends a picture of so many bytes, and time passes.
func (n *network) send(bytes int, d time.Duration) {
	at := n.now.Sub(n.start)
	n.e.leave(n.now)
	for ; bytes > 0; bytes -= 1200 {
		seq := n.e.number()
		n.e.sent(1200)
		n.sent++
		n.free = max(n.free, at)
		if n.free-at > n.buffer || n.lose > 0 && n.sent%n.lose == 0 {
			n.pending = append(n.pending, arrival{seq: seq})
			continue
		}
		n.free += time.Duration(1200 * 8 / n.rate * float64(time.Second))
		n.pending = append(n.pending, arrival{seq, n.free + 10*time.Millisecond})
	}
	n.now = n.now.Add(d)
	for n.feedback < n.now.Sub(n.start) {
		n.feedback += 50 * time.Millisecond
		n.report()
	}
}

// report reports what has arrived.
func (n *network) report() {
	count := 0
	for i, a := range n.pending {
		if a.at > 0 && a.at <= n.feedback {
			count = i + 1
		}
	}
	if count == 0 {
		return
	}
	raw := feedbackOf(n.t, n.pending[:count], n.offset)
	n.pending = n.pending[count:]
	n.e.feedback(raw, n.start.Add(n.feedback))
}

// feedbackOf is feedback as the library writes it.
func feedbackOf(t testing.TB, arrivals []arrival, offset time.Duration) []byte {
	t.Helper()
	f := &rtcp.TransportLayerCC{BaseSequenceNumber: arrivals[0].seq, PacketStatusCount: uint16(len(arrivals)), MediaSSRC: 1}
	last := time.Duration(-1)
	for _, a := range arrivals {
		chunk := &rtcp.RunLengthChunk{Type: rtcp.TypeTCCRunLengthChunk, RunLength: 1}
		if a.at > 0 {
			at := (a.at + offset) / 250_000 * 250_000
			if last < 0 {
				f.ReferenceTime = uint32(at / (64 * time.Millisecond))
				last = time.Duration(f.ReferenceTime) * 64 * time.Millisecond
			}
			chunk.PacketStatusSymbol = rtcp.TypeTCCPacketReceivedLargeDelta
			f.RecvDeltas = append(f.RecvDeltas, &rtcp.RecvDelta{Type: chunk.PacketStatusSymbol, Delta: int64((at - last) / time.Microsecond)})
			last = at
		}
		f.PacketChunks = append(f.PacketChunks, chunk)
	}
	size := 20 + 2*len(f.PacketChunks) + 2*len(f.RecvDeltas)
	f.Header = rtcp.Header{Count: rtcp.FormatTCC, Type: rtcp.TypeTransportSpecificFeedback, Length: uint16((size+3)/4 - 1), Padding: size%4 != 0}
	raw, err := f.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestEstimator(t *testing.T) {
	const picture = 20_000 // 4 Mbit/s
	cases := []struct {
		name      string
		change    func(*network)
		rate      float64
		full      bool
		low, high float64 // bit/s that it carries
	}{
		{"room enough", func(*network) {}, 20e6, false, 3.5e6, 21e6},
		{"just enough", func(*network) {}, 4.5e6, false, 3.5e6, 5e6},
		{"a quarter", func(*network) {}, 1e6, true, 0.9e6, 1.1e6},
		{"a quarter, hardly a queue", func(n *network) { n.buffer = 40 * time.Millisecond }, 1e6, true, 0.9e6, 1.1e6},
		{"a fifth lost", func(n *network) { n.lose = 5 }, 20e6, true, 2.5e6, 3.6e6},
		{"few lost", func(n *network) { n.lose = 50 }, 20e6, false, 3.5e6, 21e6},
		{"numbers wrap", func(n *network) { n.e.next = 65_500 }, 1e6, true, 0.9e6, 1.1e6},
		{"time wraps", func(n *network) { n.now = n.now.Add(4_294_500 * time.Millisecond); n.feedback = n.now.Sub(n.start) }, 1e6, true, 0.9e6, 1.1e6},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			n := newNetwork(t, c.rate)
			c.change(n)
			for range 75 {
				n.send(picture, frameTime)
			}
			v := n.e.verdict
			if v.count == 0 || v.full != c.full || v.carries < c.low || v.carries > c.high {
				t.Errorf("%+v", v)
			}
		})
	}
}

// One keyframe is no queue that stays.
func TestEstimatorKeyframe(t *testing.T) {
	n := newNetwork(t, 6e6)
	for i := range 100 {
		size := 10_000
		if i%25 == 0 {
			size = 100_000
		}
		n.send(size, frameTime)
		if n.e.verdict.full {
			t.Fatalf("%+v", n.e.verdict)
		}
	}
}

func TestEstimatorAllocates(t *testing.T) {
	n := newNetwork(t, 1e6)
	var arrivals []arrival
	for i := range 100 {
		arrivals = append(arrivals, arrival{seq: uint16(i), at: time.Duration(i+1) * time.Millisecond})
	}
	raw := feedbackOf(t, arrivals, 0)
	if allocs := testing.AllocsPerRun(100, func() { n.e.feedback(raw, n.now) }); allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// What the library makes of feedback, so do we.
func FuzzTransportCC(f *testing.F) {
	f.Add(feedbackOf(f, []arrival{{1, 1e9}, {2, 0}, {3, 2e9}}, 0))
	f.Add([]byte{0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0, 9, 0, 0, 1, 0, 0xd5, 0x40, 0, 0})
	f.Fuzz(func(t *testing.T, p []byte) {
		e := newEstimator(time.Now())
		for range 100 {
			e.sent(1200)
		}
		e.feedback(p, time.Now().Add(time.Second))
		if e.arrived+e.lost > 100 {
			t.Errorf("%d packets of 100", e.arrived+e.lost)
		}
	})
}

func BenchmarkEstimator(b *testing.B) {
	n := newNetwork(b, 1e9)
	var arrivals []arrival
	for i := range 40 {
		arrivals = append(arrivals, arrival{seq: uint16(i), at: time.Duration(i+1) * time.Millisecond})
	}
	raw := feedbackOf(b, arrivals, 0)
	b.ReportAllocs()
	for b.Loop() {
		n.e.next = 0
		for range 40 {
			n.e.sent(1200)
		}
		n.e.feedback(raw, n.now)
	}
}
