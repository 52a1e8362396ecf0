package unpack

import (
	"encoding/binary"
	"os/exec"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/rtp"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// encoded returns access units as a real encoder makes them: two seconds, a keyframe each.
func encoded(t testing.TB, codec camgate.Codec) [][][]byte {
	t.Helper()
	encoder := map[camgate.Codec][]string{
		camgate.VP8: {"libvpx", "-deadline", "realtime"},
		camgate.VP9: {"libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"},
		camgate.AV1: {"libaom-av1", "-usage", "realtime", "-cpu-used", "8"},
	}[codec]
	args := append([]string{"-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=10", "-t", "2", "-c:v"}, encoder...)
	args = append(args, "-g", "10", "-b:v", "400k", "-pix_fmt", "yuv420p", "-f", "ivf", "pipe:1")
	out, err := exec.Command("ffmpeg", args...).Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v", err)
	}
	var units [][][]byte
	for b := out[32:]; len(b) >= 12; {
		n := int(binary.LittleEndian.Uint32(b))
		unit := b[12 : 12+n]
		b = b[12+n:]
		if codec != camgate.AV1 {
			units = append(units, [][]byte{unit})
			continue
		}
		var tu [][]byte
		for len(unit) > 0 {
			header := 1 + int(unit[0]>>2&1)
			size, rest, ok := leb128(unit[header:])
			if !ok {
				t.Fatal("no size")
			}
			end := len(unit) - len(rest) + size
			if obu := plainOBU(append([]byte(nil), unit[:end]...)); obu != nil {
				tu = append(tu, obu)
			}
			unit = unit[end:]
		}
		units = append(units, tu)
	}
	return units
}

// published are the units that a stream makes of access units.
func published(t testing.TB, codec camgate.Codec, aus [][][]byte) []*camgate.Unit {
	t.Helper()
	stream := camgate.NewRendition("cam", camgate.StreamLimits{})
	t.Cleanup(stream.Close)
	track, err := ingest.NewTrack(camgate.TrackOptions{Codec: codec})
	if err != nil {
		t.Fatal(err)
	}
	w, err := ingest.NewWriter(stream, []*camgate.Track{track})
	if err != nil {
		t.Fatal(err)
	}
	reader, err := stream.Subscribe(t.Context(), camgate.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var units []*camgate.Unit
	for i, au := range aus {
		if err := w.Write(ingest.Sample{PTS: int64(i) * 9000, AU: au}); err != nil {
			t.Fatal(err)
		}
		for u, ok := reader.Poll(); ok; u, ok = reader.Poll() {
			units = append(units, u)
		}
	}
	return units
}

func packetsOf(t testing.TB, u *camgate.Unit) (out []*rtp.Packet) {
	t.Helper()
	for i := range u.Packets().Len() {
		p := &rtp.Packet{}
		if err := p.Unmarshal(u.Packets().RTP(i)); err != nil {
			t.Fatal(err)
		}
		if len(p.Payload) > camgate.MaxPayload {
			t.Errorf("a payload of %d bytes", len(p.Payload))
		}
		out = append(out, p)
	}
	return out
}

// What real encoders make goes through packets and comes back, keyframes are known, and
// their size.
func TestFramesOfEncoders(t *testing.T) {
	for _, codec := range []camgate.Codec{camgate.VP8, camgate.VP9, camgate.AV1} {
		t.Run(string(codec), func(t *testing.T) {
			aus := encoded(t, codec)
			if len(aus) < 19 {
				t.Fatalf("%d access units", len(aus))
			}
			units := published(t, codec, aus)
			if len(units) != len(aus) {
				t.Fatalf("%d units of %d", len(units), len(aus))
			}
			var got []collected
			d := For(codec, nil)
			keys := 0
			for _, u := range units {
				if u.RandomAccess {
					keys++
				}
				more, failed := collect(t, d, packetsOf(t, u)...)
				if failed != 0 || len(more) != 1 {
					t.Fatalf("%d access units, %d errors", len(more), failed)
				}
				got = append(got, more...)
			}
			if keys != 2 || !units[0].RandomAccess || !units[10].RandomAccess {
				t.Errorf("%d keyframes", keys)
			}
			for i := range got {
				if diff := cmp.Diff(aus[i], got[i].AU); diff != "" {
					t.Fatalf("access unit %d: %s", i, diff)
				}
			}
			if p := units[0].Track.Params(); p.Width != 320 || p.Height != 180 || codec == camgate.AV1 && len(p.Config) == 0 {
				t.Errorf("parameters %+v", p)
			}
		})
	}
}

// Of each picture one packet is missing, in turn: it is left out, the next one is whole.
func TestFramesWithLoss(t *testing.T) {
	for _, codec := range []camgate.Codec{camgate.VP8, camgate.VP9, camgate.AV1} {
		t.Run(string(codec), func(t *testing.T) {
			units := published(t, codec, encoded(t, codec))
			for lost := range units[0].PacketCount() {
				pkts := packetsOf(t, units[0])
				pkts = append(pkts[:lost], pkts[lost+1:]...)
				for _, u := range units[1:4] {
					pkts = append(pkts, packetsOf(t, u)...)
				}
				got, failed := collect(t, For(codec, nil), pkts...)
				if len(got) != 3 || failed > 1 {
					t.Errorf("packet %d missing: %d access units, %d errors", lost, len(got), failed)
				}
			}
		})
	}
}

func TestFrameDescriptors(t *testing.T) {
	one := func(b ...byte) []collected { return []collected{{AU: [][]byte{b}, PTS: 10}} }
	for _, c := range []struct {
		name    string
		codec   camgate.Codec
		payload string
		want    []collected
	}{
		{"VP8", camgate.VP8, "10aabb", one(0xaa, 0xbb)},
		{"VP8 all extensions, long picture ID", camgate.VP8, "90f0812301" + "20" + "aa", one(0xaa)},
		{"VP8 short picture ID", camgate.VP8, "908005aa", one(0xaa)},
		{"VP8 cut off", camgate.VP8, "90", nil},
		{"VP8 continued", camgate.VP8, "00aa", nil},
		{"VP8 second partition", camgate.VP8, "11aa", nil},
		{"VP9", camgate.VP9, "0caa", one(0xaa)},
		{"VP9 with long picture ID and layers", camgate.VP9, "ac81230001aa", one(0xaa)},
		{"VP9 flexible, two references", camgate.VP9, "dc05" + "0302" + "aa", one(0xaa)},
		{"VP9 flexible, endless references", camgate.VP9, "dc05" + "030303" + "aa", nil},
		{"VP9 scalability structure", camgate.VP9, "0e" + "18" + "01400" + "0b4" + "01" + "0401" + "aa", one(0xaa)},
		{"VP9 continued", camgate.VP9, "04aa", nil},
		{"VP9 cut off", camgate.VP9, "8c", nil},
		{"AV1 one", camgate.AV1, "1030aa", one(0x30, 0xaa)},
		{"AV1 two with lengths", camgate.AV1, "00" + "020800" + "0230aa", []collected{{AU: [][]byte{{8, 0}, {0x30, 0xaa}}, PTS: 10}}},
		{"AV1 with a size and a delimiter", camgate.AV1, "20" + "021200" + "3201aa", one(0x30, 0xaa)},
		{"AV1 continued", camgate.AV1, "9030aa", nil},
		{"AV1 goes on", camgate.AV1, "5030aa", nil},
		{"AV1 too long", camgate.AV1, "000930aa", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b []byte
			for i := 0; i+1 < len(c.payload); i += 2 {
				var v byte
				for _, r := range c.payload[i : i+2] {
					v <<= 4
					if r >= 'a' {
						v |= byte(r-'a') + 10
					} else {
						v |= byte(r - '0')
					}
				}
				b = append(b, v)
			}
			got, _ := collect(t, For(c.codec, nil), pkt(1, 10, true, b...))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	// Spatial layers, one picture.
	got, failed := collect(t, For(camgate.VP9, nil), pkt(1, 10, false, 0x0c, 0xa0), pkt(2, 10, true, 0x0c, 0xb0, 0xb1))
	want := []collected{{AU: [][]byte{{0xa0, 0xb0, 0xb1, 0xd9, 1, 0, 0, 0, 2, 0, 0, 0, 0xd9}}, PTS: 10}}
	if diff := cmp.Diff(want, got); diff != "" || failed != 0 {
		t.Error(diff)
	}
}

// Whatever comes in packets, no depacketizer panics, holds more than its bound, or emits
// nothing; and what it emits can be published and cut into packets.
func FuzzFrames(f *testing.F) {
	for i, codec := range []camgate.Codec{camgate.VP8, camgate.VP9, camgate.AV1} {
		_ = codec
		f.Add(uint8(i), []byte("\x03\x01\x01\x10\xaa\xbb\x04\x01\x03\x0c\xaa\xbb\xcc"))
		f.Add(uint8(i), []byte("\x05\x01\x02\x50\x30\xaa\xbb\xcc\x04\x01\x01\x90\xaa\xbb\xcc"))
	}
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		codec := []camgate.Codec{camgate.VP8, camgate.VP9, camgate.AV1}[kind%3]
		d := For(codec, nil)
		stream := camgate.NewRendition("cam", camgate.StreamLimits{})
		defer stream.Close()
		track, err := ingest.NewTrack(camgate.TrackOptions{Codec: codec})
		if err != nil {
			t.Fatal(err)
		}
		w, err := ingest.NewWriter(stream, []*camgate.Track{track})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		reader, err := stream.Subscribe(t.Context(), camgate.SubscribeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		var seq uint16
		var ts uint32
		at := time.Duration(0)
		for len(data) >= 3 {
			n := min(int(data[0]), len(data)-3)
			seq += uint16(data[1])
			ts += uint32(data[2] >> 1)
			p := pkt(seq, ts, data[2]&1 != 0, data[3:3+n]...)
			data = data[3+n:]
			_ = d.Push(p, int64(ts), func(au [][]byte, pts int64, _ bool) {
				if len(au) == 0 {
					t.Error("an access unit of nothing")
				}
				at += time.Second
				_ = w.Write(ingest.Sample{PTS: int64(at / 11111), AU: au})
			})
		}
		for u, ok := reader.Poll(); ok; u, ok = reader.Poll() {
			if u.Packets().Len() != u.PacketCount() {
				t.Errorf("%d packets, %d were counted", u.Packets().Len(), u.PacketCount())
			}
		}
		d.Reset()
	})
}
