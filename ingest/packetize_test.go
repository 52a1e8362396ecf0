package ingest

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	rtpformat "github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph264"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph265"
	"github.com/pion/rtp"

	"github.com/camgate/camgate"
)

// packetize publishes an access unit on a track that packetises by p, and returns
// its packets after checking what holds for all of them.
func packetize(t testing.TB, p camgate.Packetizer, au [][]byte) []*rtp.Packet {
	t.Helper()
	s := camgate.NewRendition("test", camgate.StreamLimits{})
	track := camgate.NewTrack(camgate.TrackOptions{Kind: camgate.Video, ClockRate: 90000, PayloadType: 96, Packetizer: p})
	if _, err := s.Start([]*camgate.Track{track}); err != nil {
		t.Fatal(err)
	}
	u := &camgate.Unit{Track: track, PTS: 4711, AU: au}
	s.Publish(u)
	return packetsOf(t, u)
}

// packetsOf parses the packets of a published Unit.
func packetsOf(t testing.TB, u *camgate.Unit) []*rtp.Packet {
	t.Helper()
	made := u.Packets()
	if made.Len() != u.PacketCount() {
		t.Fatalf("%d packets, but %d were announced", made.Len(), u.PacketCount())
	}
	var out []*rtp.Packet
	for i := range made.Len() {
		var pkt rtp.Packet
		if err := pkt.Unmarshal(made.RTP(i)); err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
		if n := len(pkt.Payload); n == 0 || n > camgate.MaxPayload {
			t.Fatalf("packet %d of %d: payload of %d bytes", i, made.Len(), n)
		}
		if want := u.FirstSeq() + uint16(i); pkt.SequenceNumber != want {
			t.Fatalf("packet %d: sequence number %d, want %d", i, pkt.SequenceNumber, want)
		}
		if pkt.Timestamp != u.RTPTime() || pkt.SSRC != u.Track.SSRC || pkt.PayloadType != u.Track.PayloadType {
			t.Fatalf("packet %d: header %v", i, pkt.Header)
		}
		out = append(out, &pkt)
	}
	return out
}

// checkMarker fails unless exactly the last packet has the marker bit.
func checkMarker(t testing.TB, pkts []*rtp.Packet) {
	t.Helper()
	for i, pkt := range pkts {
		if last := i == len(pkts)-1; pkt.Marker != last {
			t.Fatalf("packet %d of %d: marker is %v", i, len(pkts), pkt.Marker)
		}
	}
}

// checkRuns fails when a fragment other than the last one of its NAL unit is not
// as large as a payload may be.
func checkRuns(t testing.TB, pkts []*rtp.Packet, ends func(payload []byte) (fragment, last bool)) {
	t.Helper()
	for i, pkt := range pkts {
		if fragment, last := ends(pkt.Payload); fragment && !last && len(pkt.Payload) != camgate.MaxPayload {
			t.Fatalf("fragment in packet %d has %d bytes", i, len(pkt.Payload))
		}
	}
}

type nalCodec struct {
	name       string
	packetizer camgate.Packetizer
	header     int    // bytes of a NAL unit's header
	types      []byte // first bytes to try
	decode     func(testing.TB) func(*rtp.Packet) ([][]byte, error)
	more       error                             // what decode says when it waits for more
	ends       func(payload []byte) (bool, bool) // is it a fragment, the last one
	most       int                               // NAL units that decode takes
}

func nalCodecs() []nalCodec {
	return []nalCodec{
		{
			name: "H264", packetizer: packetizeH264{}, header: 1, types: []byte{0x65, 0x41, 0x01, 0x67, 0x68, 0x06, 0x21},
			decode: func(t testing.TB) func(*rtp.Packet) ([][]byte, error) {
				d, err := (&rtpformat.H264{PayloadTyp: 96, PacketizationMode: 1}).CreateDecoder()
				if err != nil {
					t.Fatal(err)
				}
				return d.Decode
			},
			more: rtph264.ErrMorePacketsNeeded, most: 50,
			ends: func(p []byte) (bool, bool) { return p[0]&0x1f == 28, len(p) > 1 && p[1]&0x40 != 0 },
		},
		{
			name: "H265", packetizer: packetizeH265{}, header: 2, types: []byte{19 << 1, 1 << 1, 32 << 1, 33 << 1, 34<<1 | 1, 39 << 1, 21 << 1},
			decode: func(t testing.TB) func(*rtp.Packet) ([][]byte, error) {
				d, err := (&rtpformat.H265{PayloadTyp: 96}).CreateDecoder()
				if err != nil {
					t.Fatal(err)
				}
				return d.Decode
			},
			more: rtph265.ErrMorePacketsNeeded, most: 21,
			ends: func(p []byte) (bool, bool) { return p[0]>>1&0x3f == 49, len(p) > 2 && p[2]&0x40 != 0 },
		},
	}
}

// nalu makes a NAL unit of n bytes without anything that looks like a start code.
func (c nalCodec) nalu(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(1 + r.IntN(255))
	}
	if n > 0 {
		b[0] = c.types[r.IntN(len(c.types))]
	}
	return b
}

// roundTrip packetises, checks, and puts together again.
func (c nalCodec) roundTrip(t testing.TB, au [][]byte) []*rtp.Packet {
	t.Helper()
	pkts := packetize(t, c.packetizer, au)
	var want [][]byte
	for _, nalu := range au {
		if len(nalu) >= c.header {
			want = append(want, nalu)
		}
	}
	if len(want) == 0 {
		if len(pkts) != 0 {
			t.Fatalf("%d packets of nothing", len(pkts))
		}
		return nil
	}
	checkMarker(t, pkts)
	checkRuns(t, pkts, c.ends)
	decode := c.decode(t)
	for i, pkt := range pkts {
		got, err := decode(pkt)
		if i < len(pkts)-1 {
			if !errors.Is(err, c.more) {
				t.Fatalf("packet %d of %d: %v", i, len(pkts), err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(want, got, bytes.Equal) {
			t.Fatalf("sizes %v, got back %v with other bytes", sizes(au), sizes(got))
		}
	}
	return pkts
}

func sizes(au [][]byte) (out []int) {
	for _, b := range au {
		out = append(out, len(b))
	}
	return out
}

func TestPacketizeNALUs(t *testing.T) {
	const full = camgate.MaxPayload
	many := func(n, size int) []int { return slices.Repeat([]int{size}, n) }
	for _, c := range nalCodecs() {
		single := 2 + c.header // what the aggregation of one NAL unit costs
		tests := []struct {
			name  string
			sizes []int
			want  []int // payload sizes
		}{
			{"one small", []int{100}, []int{100}},
			{"header only", []int{c.header}, []int{c.header}},
			{"just fits", []int{full}, []int{full}},
			{"one less", []int{full - 1}, []int{full - 1}},
			{"one more", []int{full + 1}, []int{full, c.header + 3}},
			{"two fill a packet", []int{500, full - 500 - c.header - 4}, []int{full}},
			{"two are one byte too large", []int{500, full - 500 - c.header - 3}, []int{500, full - 500 - c.header - 3}},
			{"one would fit alone but not aggregated", []int{full - single + 1, 10}, []int{full - single + 1, 10}},
			{"small, large, small", []int{10, 2 * full, 10, 10}, nil},
			{"large ones", []int{3 * full, 5*full + 7, full + 1}, nil},
			{"many small", many(20, 20), nil},
			{"many that fit twice", many(9, full/2), nil},
			{"nothing", nil, nil},
			{"empty", []int{0}, nil},
			{"empty first", []int{0, 100}, []int{100}},
			{"empty last", []int{100, 0, 0}, []int{100}},
			{"empty between", []int{100, 0, 100}, []int{100, 100}},
			{"empty after a large one", []int{3 * full, 0}, nil},
			{"one byte last", []int{2 * full, 100, 1}, nil},
			{"one byte between", []int{100, 1, 100, 1, 100}, nil},
			{"two bytes", []int{2, 2, 2}, nil},
		}
		for _, tt := range tests {
			t.Run(c.name+"/"+tt.name, func(t *testing.T) {
				r := rand.New(rand.NewPCG(1, 2))
				var au [][]byte
				for _, n := range tt.sizes {
					au = append(au, c.nalu(r, n))
				}
				pkts := c.roundTrip(t, au)
				var got []int
				for _, pkt := range pkts {
					got = append(got, len(pkt.Payload))
				}
				if tt.want != nil && !slices.Equal(got, tt.want) {
					t.Errorf("payloads of %v bytes, want %v", got, tt.want)
				}
			})
		}
		t.Run(c.name+"/random", func(t *testing.T) {
			for seed := range uint64(100) {
				r := rand.New(rand.NewPCG(seed, 7))
				var au [][]byte
				for range 1 + r.IntN(c.most) {
					n := []int{r.IntN(4), r.IntN(60), r.IntN(full), full - 5 + r.IntN(10), r.IntN(8 * full), full*(1+r.IntN(4)) + r.IntN(9) - 4}[r.IntN(6)]
					au = append(au, c.nalu(r, n))
				}
				c.roundTrip(t, au)
			}
		})
	}
}

// What goes before the NAL units that share a packet: RFC 6184 section 5.7.1, RFC
// 7798 section 4.4.2.
func TestAggregationHeader(t *testing.T) {
	tests := []struct {
		name       string
		packetizer camgate.Packetizer
		au         [][]byte
		want       []byte
	}{
		{"STAP-A", packetizeH264{}, [][]byte{{0x67, 1, 2}, {0x68, 3}, {0x65, 4}},
			[]byte{0x78, 0, 3, 0x67, 1, 2, 0, 2, 0x68, 3, 0, 2, 0x65, 4}},
		{"STAP-A has the highest NRI", packetizeH264{}, [][]byte{{0x06, 1}, {0x41, 3}, {0x01, 4}},
			[]byte{0x58, 0, 2, 0x06, 1, 0, 2, 0x41, 3, 0, 2, 0x01, 4}},
		{"STAP-A of what nobody refers to", packetizeH264{}, [][]byte{{0x06, 1}, {0x01, 4}},
			[]byte{0x18, 0, 2, 0x06, 1, 0, 2, 0x01, 4}},
		{"AP", packetizeH265{}, [][]byte{{32 << 1, 1, 2}, {33 << 1, 1, 3}},
			[]byte{48 << 1, 1, 0, 3, 32 << 1, 1, 2, 0, 3, 33 << 1, 1, 3}},
		{"AP has the lowest layer and temporal ID", packetizeH265{}, [][]byte{{1<<1 | 1, 9<<3 | 3}, {1 << 1, 5<<3 | 2}, {1 << 1, 7<<3 | 4}},
			[]byte{48 << 1, 5<<3 | 2, 0, 2, 1<<1 | 1, 9<<3 | 3, 0, 2, 1 << 1, 5<<3 | 2, 0, 2, 1 << 1, 7<<3 | 4}},
		{"AP of a high layer", packetizeH265{}, [][]byte{{1<<1 | 1, 9<<3 | 3}, {1<<1 | 1, 8<<3 | 7}},
			[]byte{48<<1 | 1, 8<<3 | 3, 0, 2, 1<<1 | 1, 9<<3 | 3, 0, 2, 1<<1 | 1, 8<<3 | 7}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pkts := packetize(t, tt.packetizer, tt.au)
			if len(pkts) != 1 || !bytes.Equal(pkts[0].Payload, tt.want) {
				t.Errorf("got %x, want one packet %x", pkts[0].Payload, tt.want)
			}
		})
	}
}

func fuzzNALUs(f *testing.F, c nalCodec) {
	f.Add([]byte{0, 10, 0, 0, 5, 200})
	f.Add([]byte{0x44, 0xa4, 0x44, 0xa5, 0x44, 0xa3})
	f.Fuzz(func(t *testing.T, spec []byte) {
		r := rand.New(rand.NewPCG(uint64(len(spec)), 1))
		var au [][]byte
		for ; len(spec) >= 2 && len(au) < c.most; spec = spec[2:] {
			au = append(au, c.nalu(r, int(spec[0])<<4|int(spec[1])))
		}
		c.roundTrip(t, au)
	})
}

func FuzzPacketizeH264(f *testing.F) { fuzzNALUs(f, nalCodecs()[0]) }
func FuzzPacketizeH265(f *testing.F) { fuzzNALUs(f, nalCodecs()[1]) }
