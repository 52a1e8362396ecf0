package unpack

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/rtp"
)

func TestNALUnits(t *testing.T) {
	const stapA, fuA = 0x78, 0x7c
	cases := []struct {
		name   string
		pkts   []*rtp.Packet
		want   []collected
		failed int
	}{
		{
			"no marker bits: the next timestamp ends an access unit",
			[]*rtp.Packet{pkt(1, 10, false, 0x65, 1), pkt(2, 10, false, 0x65, 2), pkt(3, 20, false, 0x41, 3), pkt(4, 30, false, 0x41, 4)},
			[]collected{{AU: [][]byte{{0x65, 1}, {0x65, 2}}, PTS: 10}, {AU: [][]byte{{0x41, 3}}, PTS: 20}}, 0,
		},
		{
			"a lost marker costs one unit nothing",
			[]*rtp.Packet{pkt(1, 10, false, 0x65, 1), pkt(3, 20, true, 0x41, 3), pkt(4, 30, true, 0x41, 4)},
			[]collected{{AU: [][]byte{{0x65, 1}}, PTS: 10}, {AU: [][]byte{{0x41, 3}}, PTS: 20}, {AU: [][]byte{{0x41, 4}}, PTS: 30}}, 0,
		},
		{
			"a fragment is missing in the middle: its NAL unit is left out",
			[]*rtp.Packet{pkt(1, 10, false, 0x06, 9), pkt(2, 10, false, fuA, 0x85, 1), pkt(4, 10, true, fuA, 0x45, 3)},
			[]collected{{AU: [][]byte{{0x06, 9}}, PTS: 10}}, 1,
		},
		{
			"a first fragment is missing",
			[]*rtp.Packet{pkt(2, 10, true, fuA, 0x45, 3), pkt(3, 20, true, 0x41, 1)},
			[]collected{{AU: [][]byte{{0x41, 1}}, PTS: 20}}, 1,
		},
		{
			"a fragment that is first and last",
			[]*rtp.Packet{pkt(1, 10, true, fuA, 0xc5, 1, 2)},
			[]collected{{AU: [][]byte{{0x65, 1, 2}}, PTS: 10}}, 0,
		},
		{
			"an aggregate with padding",
			[]*rtp.Packet{pkt(1, 10, true, stapA, 0, 2, 0x67, 1, 0, 1, 0x68, 0, 0, 0, 0)},
			[]collected{{AU: [][]byte{{0x67, 1}, {0x68}}, PTS: 10}}, 0,
		},
		{
			"an aggregate that is cut off",
			[]*rtp.Packet{pkt(1, 10, true, stapA, 0, 2, 0x67, 1, 0, 9, 0x68)},
			[]collected{{AU: [][]byte{{0x67, 1}}, PTS: 10}}, 1,
		},
		{
			"start codes inside",
			[]*rtp.Packet{pkt(1, 10, true, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 3)},
			[]collected{{AU: [][]byte{{0x67, 1}, {0x68, 2}, {0x65, 3}}, PTS: 10}}, 0,
		},
		{
			"start codes before", []*rtp.Packet{pkt(1, 10, true, 0, 0, 0, 1, 0x67, 1)}, nil, 1, // type 0 is not defined
		},
		{
			"several slices a picture, one marker",
			[]*rtp.Packet{pkt(1, 10, false, 0x65, 0x88), pkt(2, 10, true, 0x65, 0x11), pkt(3, 20, false, 0x41, 0x88), pkt(4, 20, true, 0x41, 0x11)},
			[]collected{{AU: [][]byte{{0x65, 0x88}, {0x65, 0x11}}, PTS: 10}, {AU: [][]byte{{0x41, 0x88}, {0x41, 0x11}}, PTS: 20}}, 0,
		},
		{
			"a marker for each slice: known from the second one on",
			[]*rtp.Packet{
				pkt(1, 10, true, 0x65, 0x88), pkt(2, 10, true, 0x65, 0x11), pkt(3, 10, true, 0x65, 0x12),
				pkt(4, 20, true, 0x41, 0x88), pkt(5, 20, true, 0x41, 0x11), pkt(6, 30, true, 0x41, 0x88),
			},
			[]collected{{AU: [][]byte{{0x65, 0x88}}, PTS: 10}, {AU: [][]byte{{0x41, 0x88}, {0x41, 0x11}}, PTS: 20}}, 1,
		},
		{
			"a marker for each slice, in fragments",
			[]*rtp.Packet{
				pkt(1, 10, true, 0x65, 0x88), pkt(2, 10, false, fuA, 0x85, 0x11), pkt(3, 10, true, fuA, 0x45, 9),
				pkt(4, 20, true, 0x41, 0x88), pkt(5, 30, true, 0x41, 0x88),
			},
			[]collected{{AU: [][]byte{{0x65, 0x88}}, PTS: 10}, {AU: [][]byte{{0x41, 0x88}}, PTS: 20}}, 1,
		},
		{
			"markers on parameter sets say nothing about slices",
			[]*rtp.Packet{pkt(1, 10, true, 0x67, 1), pkt(2, 10, true, 0x68, 1), pkt(3, 10, true, 0x65, 0x88), pkt(4, 20, true, 0x41, 0x88)},
			[]collected{{AU: [][]byte{{0x67, 1}}, PTS: 10}, {AU: [][]byte{{0x68, 1}}, PTS: 10}, {AU: [][]byte{{0x65, 0x88}}, PTS: 10}, {AU: [][]byte{{0x41, 0x88}}, PTS: 20}}, 0,
		},
		{
			"a clock that stands still: each marker ends a picture",
			[]*rtp.Packet{pkt(1, 10, true, 0x65, 0x88), pkt(2, 10, true, 0x41, 0x88), pkt(3, 10, true, 0x41, 0x88)},
			[]collected{{AU: [][]byte{{0x65, 0x88}}, PTS: 10}, {AU: [][]byte{{0x41, 0x88}}, PTS: 10}, {AU: [][]byte{{0x41, 0x88}}, PTS: 10}}, 0,
		},
		{"empty", []*rtp.Packet{pkt(1, 10, true)}, nil, 1},
		{"interleaved mode", []*rtp.Packet{pkt(1, 10, true, 0x79, 0, 0, 0, 1, 0x65)}, nil, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, failed := collect(t, H264(nil), c.pkts...)
			if failed != c.failed {
				t.Errorf("%d errors, want %d", failed, c.failed)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestH265DecodingOrderNumbers(t *testing.T) {
	d := H265(true, nil)
	got, failed := collect(t, d,
		pkt(1, 10, false, 0x40, 1, 0, 7, 0xaa),         // single, DONL 7
		pkt(2, 10, false, 0x62, 1, 0x93, 0, 8, 1, 2),   // first fragment, DONL 8
		pkt(3, 10, true, 0x62, 1, 0x53, 3),             // last one
		pkt(4, 20, true, 0x60, 1, 0, 1, 0, 2, 0x40, 1), // aggregate: not in use with it
	)
	want := []collected{{AU: [][]byte{{0x40, 1, 0xaa}, {0x26, 1, 1, 2, 3}}, PTS: 10}}
	if diff := cmp.Diff(want, got); diff != "" || failed != 1 {
		t.Errorf("%d errors\n%s", failed, diff)
	}
}

func TestH265Slices(t *testing.T) {
	d := H265(false, nil)
	got, failed := collect(t, d,
		pkt(1, 10, true, 0x26, 1, 0x80), pkt(2, 10, true, 0x26, 1, 0x10), // a marker for each slice
		pkt(3, 20, true, 0x02, 1, 0x80), pkt(4, 20, false, 0x62, 1, 0x81, 0x10), pkt(5, 20, true, 0x62, 1, 0x41, 9),
		pkt(6, 30, true, 0x02, 1, 0x80),
	)
	want := []collected{{AU: [][]byte{{0x26, 1, 0x80}}, PTS: 10}, {AU: [][]byte{{0x02, 1, 0x80}, {0x02, 1, 0x10, 9}}, PTS: 20}}
	if diff := cmp.Diff(want, got); diff != "" || failed != 1 {
		t.Errorf("%d errors\n%s", failed, diff)
	}
}

// Nobody fills our memory with an access unit that does not end.
func TestNALUnitsBound(t *testing.T) {
	d := H264(nil)
	big := append([]byte{0x7c, 0x05}, pattern(60000)...)
	first := append([]byte{0x7c, 0x85}, pattern(60000)...)
	_, failed := collect(t, d, pkt(0, 1, false, first...))
	for i := range uint16(300) {
		_, n := collect(t, d, pkt(i+1, 1, false, big...))
		failed += n
		if len(d.buf) > MaxUnit+len(big) {
			t.Fatalf("%d bytes held", len(d.buf))
		}
	}
	if failed == 0 {
		t.Error("18 MB were taken")
	}
	for i := range uint16(5000) {
		collect(t, d, pkt(i, 2, false, 0x41, 1))
		if len(d.nalus) > maxNALUs {
			t.Fatalf("%d NAL units held", len(d.nalus))
		}
	}
}

// Packets may be read into the same memory one after the other: what was handed on
// stays.
func TestNALUnitsCopy(t *testing.T) {
	d := H264(&Pool{})
	shared := make([]byte, 4)
	var units [][]byte
	for i := range byte(3) {
		for j, b := range [][]byte{{0x7c, 0x85, i}, {0x7c, 0x45, i}, {0x41, 0x80, i}} {
			p := pkt(uint16(3*int(i)+j), uint32(i), j == 2, shared[:copy(shared, b)]...)
			p.Payload = shared[:len(b)]
			if err := d.Push(p, 0, func(au [][]byte, _ int64, _ bool) { units = append(units, au...) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := [][]byte{{0x65, 0, 0}, {0x41, 0x80, 0}, {0x65, 1, 1}, {0x41, 0x80, 1}, {0x65, 2, 2}, {0x41, 0x80, 2}}
	if diff := cmp.Diff(want, units); diff != "" {
		t.Error(diff)
	}
}
