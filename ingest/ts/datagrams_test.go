package ts

import (
	"bytes"
	"io"
	"testing"
)

// packet makes a transport packet.
func packet(pid uint16, counter byte, flags ...byte) []byte {
	b := append([]byte{syncByte, byte(pid >> 8), byte(pid), 0x10 | counter&15}, flags...)
	if len(flags) > 0 {
		b[3] |= 0x20
	}
	return append(b, make([]byte, Packet-len(b))...)
}

func TestPackets(t *testing.T) {
	p := packet(1, 0)
	rtp := func(first byte, rest ...byte) []byte {
		return append(append([]byte{first, 33, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3}, rest...), p...)
	}
	for name, tt := range map[string]struct {
		in   []byte
		want int // packets
	}{
		"nothing":                    {nil, 0},
		"one":                        {p, 1},
		"several":                    {bytes.Repeat(p, 7), 7},
		"more than fit a frame":      {bytes.Repeat(p, 40), 40},
		"cut off":                    {append(bytes.Clone(p), p[:100]...), 1},
		"something else":             {bytes.Repeat([]byte("x"), 500), 0},
		"something else behind it":   {append(bytes.Clone(p), bytes.Repeat([]byte("x"), 188)...), 1},
		"RTP":                        {rtp(0x80), 1},
		"RTP with sources":           {rtp(0x82, 0, 0, 0, 4, 0, 0, 0, 5), 1},
		"RTP with an extension":      {rtp(0x90, 0, 0, 0, 1, 9, 9, 9, 9), 1},
		"RTP with less than it says": {rtp(0x9f)[:20], 0},
		"RTP of something else":      {append(rtp(0x80)[:12], bytes.Repeat([]byte("x"), 188)...), 0},
	} {
		if got := packets(bytes.Clone(tt.in)); len(got) != tt.want*Packet {
			t.Errorf("%s: %d bytes, want %d packets", name, len(got), tt.want)
		}
	}
}

func TestGaps(t *testing.T) {
	for name, tt := range map[string]struct {
		in   [][]byte
		want int
	}{
		"none":              {[][]byte{packet(5, 14), packet(5, 15), packet(5, 0), packet(5, 1)}, 0},
		"one":               {[][]byte{packet(5, 14), packet(5, 0)}, 1},
		"two":               {[][]byte{packet(5, 1), packet(5, 4), packet(5, 7)}, 2},
		"a repeated packet": {[][]byte{packet(5, 1), packet(5, 1), packet(5, 2)}, 0},
		"of another PID":    {[][]byte{packet(5, 1), packet(6, 9), packet(6, 1), packet(5, 2)}, 0},
		"announced":         {[][]byte{packet(5, 1), packet(5, 9, 1, 0x80)}, 0},
		"of stuffing":       {[][]byte{packet(nullPID, 1), packet(nullPID, 9)}, 0},
	} {
		d := newDatagrams(bytes.NewReader(bytes.Join(tt.in, nil)), 0)
		if _, err := io.ReadAll(d); err != nil {
			t.Fatal(err)
		}
		if got := d.gaps(5); got != tt.want || d.gaps(5) != 0 {
			t.Errorf("%s: %d gaps, want %d", name, got, tt.want)
		}
	}
}

// FuzzDatagrams: whatever comes, what goes on are whole packets.
func FuzzDatagrams(f *testing.F) {
	f.Add(packet(5, 1))
	f.Add(append([]byte{0x9f, 33, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 255, 255}, packet(5, 1)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		in := bytes.Clone(b)
		d := newDatagrams(io.NopCloser(bytes.NewReader(in)), 0)
		out, err := io.ReadAll(d)
		if err != nil || len(out)%Packet != 0 {
			t.Fatalf("%d bytes, %v", len(out), err)
		}
		for i := 0; i < len(out); i += Packet {
			if out[i] != syncByte {
				t.Fatalf("packet %d begins with %x", i/Packet, out[i])
			}
		}
	})
}

// FuzzDemuxer: no stream ends the program.
func FuzzDemuxer(f *testing.F) {
	b := clip(f, x264...)
	f.Add(b[:min(len(b), 20*Packet)])
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := NewDemuxer(newDatagrams(&replay{b: b}, 0), func(Sample) {})
		for err == nil {
			err = d.Read()
		}
	})
}
