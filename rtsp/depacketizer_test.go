package rtsp

import (
	"bytes"
	"image"
	"image/jpeg"
	"strconv"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/google/go-cmp/cmp"
	"github.com/pion/rtp"

	"github.com/camgate/camgate"
)

// collected is an access unit as a depacketizer emits it.
type collected struct {
	AU  [][]byte
	PTS int64
	Key bool
}

func collect(t *testing.T, d depacketizer, pkts ...*rtp.Packet) (out []collected, failed int) {
	t.Helper()
	for _, pkt := range pkts {
		err := d.push(pkt, int64(pkt.Timestamp), func(au [][]byte, pts int64, key bool) {
			out = append(out, collected{au, pts, key})
		})
		if err != nil {
			failed++
		}
	}
	return out, failed
}

func pkt(seq uint16, ts uint32, marker bool, payload ...byte) *rtp.Packet {
	return &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: ts, Marker: marker}, Payload: payload}
}

// What the packetizers of camgate make, the depacketizers put together again.
func TestDepacketizeOwnPackets(t *testing.T) {
	nalu := func(header string, n int) []byte { return append(mustHex(t, header), pattern(n)...) }
	var picture bytes.Buffer
	if err := jpeg.Encode(&picture, image.NewYCbCr(image.Rect(0, 0, 640, 480), image.YCbCrSubsampleRatio420), nil); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name  string
		track camgate.TrackOptions
		aus   [][][]byte
	}{
		{"H264", camgate.TrackOptions{Codec: camgate.H264}, [][][]byte{
			{testSPS, testPPS, nalu("65", 5000)}, {nalu("41", 10)}, {nalu("06", 3), nalu("41", 1187), nalu("41", 1188), nalu("41", 0)},
		}},
		{"H265", camgate.TrackOptions{Codec: camgate.H265}, [][][]byte{
			{nalu("4001", 20), nalu("4201", 30), nalu("4401", 5), nalu("2601", 5000)}, {nalu("0201", 10)}, {nalu("0201", 1186), nalu("0201", 1187)},
		}},
		{"AAC", camgate.TrackOptions{Codec: camgate.AAC, Params: &camgate.Params{Config: mustHex(t, "1210")}}, [][][]byte{{pattern(200)}, {pattern(1184)}, {pattern(4000)}}},
		{"Opus", camgate.TrackOptions{Codec: camgate.Opus, Channels: 2}, [][][]byte{{pattern(200)}, {pattern(1)}}},
		{"PCMA", camgate.TrackOptions{Codec: camgate.PCMA}, [][][]byte{{pattern(160)}}},
		{"KLV", camgate.TrackOptions{Kind: camgate.Data, Codec: camgate.KLV, ClockRate: 90000, PayloadType: 100, RTPMap: "SMPTE336M/90000"}, [][][]byte{{pattern(1000), pattern(20)}, {pattern(3)}}},
		{"AC3", camgate.TrackOptions{Kind: camgate.Audio, Codec: camgate.AC3, ClockRate: 48000, Channels: 2, PayloadType: 100, RTPMap: "AC3/48000/2"}, [][][]byte{{pattern(1000), pattern(20)}, {pattern(3)}}},
		{"L16", camgate.TrackOptions{Kind: camgate.Audio, Codec: camgate.LPCM, ClockRate: 48000, Channels: 2, PayloadType: 100, RTPMap: "L16/48000/2"}, [][][]byte{{pattern(960)}, {pattern(960)}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			track := newTrack(t, c.track)
			in := describedAgain(t, track)
			var pkts []*rtp.Packet
			var want []collected
			for i, au := range c.aus {
				want = append(want, collected{AU: au, PTS: int64(i) * 3000})
				pkts = append(pkts, packetsOf(t, track, au, int64(i)*3000)...)
			}
			got, failed := collect(t, newDepacketizer(in.format, in.track), pkts...)
			if failed > 0 {
				t.Errorf("%d errors", failed)
			}
			for i := range got {
				got[i].Key = false
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("MJPEG", func(t *testing.T) {
		track := newTrack(t, camgate.TrackOptions{Codec: camgate.MJPEG})
		got, _ := collect(t, newDepacketizer(&format.MJPEG{}, track), packetsOf(t, track, [][]byte{picture.Bytes()}, 7)...)
		if len(got) != 1 || got[0].PTS != 7 {
			t.Fatalf("%d pictures", len(got))
		}
		img, err := jpeg.Decode(bytes.NewReader(got[0].AU[0]))
		if err != nil || img.Bounds().Dx() != 640 || img.Bounds().Dy() != 480 {
			t.Errorf("%v, %v", err, img)
		}
	})
}

// describedAgain is the track as a client of ours would see it.
func describedAgain(t *testing.T, track *camgate.Track) input {
	t.Helper()
	f := formatOf(track)
	body := head + "m=" + string(mediaOf(track).Type) + " 0 RTP/AVP " + itoa(f.PayloadTyp) + "\r\na=rtpmap:" + itoa(f.PayloadTyp) + " " + f.RTPMa + "\r\n"
	if len(f.FMT) > 0 {
		body += "a=fmtp:" + itoa(f.PayloadTyp) + " "
		for k, v := range f.FMT {
			body += k + "=" + v + "; "
		}
		body += "\r\n"
	}
	return inputsOf(t, body)[0]
}

func itoa(n uint8) string { return strconv.Itoa(int(n)) }

// packetsOf is an access unit as RTP, by way of a stream.
func packetsOf(t testing.TB, track *camgate.Track, au [][]byte, pts int64) []*rtp.Packet {
	t.Helper()
	s := camgate.NewRendition("x", camgate.StreamLimits{})
	if track.ID == 0 {
		if _, err := s.Start([]*camgate.Track{track}); err != nil {
			t.Fatal(err)
		}
	}
	u := &camgate.Unit{Track: track, PTS: pts, AU: au, RandomAccess: true}
	s.Publish(u)
	var out []*rtp.Packet
	for i := range u.Packets().Len() {
		p := &rtp.Packet{}
		if err := p.Unmarshal(u.Packets().RTP(i)); err != nil {
			t.Fatal(err)
		}
		p.Timestamp = uint32(pts)
		out = append(out, p)
	}
	return out
}

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
		{"empty", []*rtp.Packet{pkt(1, 10, true)}, nil, 1},
		{"interleaved mode", []*rtp.Packet{pkt(1, 10, true, 0x79, 0, 0, 0, 1, 0x65)}, nil, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, failed := collect(t, &nalUnits{payload: h264Payload{}}, c.pkts...)
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
	d := &nalUnits{payload: h265Payload{donl: true}}
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

// Nobody fills our memory with an access unit that does not end.
func TestNALUnitsBound(t *testing.T) {
	d := &nalUnits{payload: h264Payload{}}
	big := append([]byte{0x7c, 0x05}, pattern(60000)...)
	first := append([]byte{0x7c, 0x85}, pattern(60000)...)
	_, failed := collect(t, d, pkt(0, 1, false, first...))
	for i := range uint16(300) {
		_, n := collect(t, d, pkt(i+1, 1, false, big...))
		failed += n
		if d.size > maxUnit+len(big) {
			t.Fatalf("%d bytes held", d.size)
		}
	}
	if failed == 0 {
		t.Error("18 MB were taken")
	}
	for i := range uint16(5000) {
		collect(t, d, pkt(i, 2, false, 0x41, 1))
		if len(d.au) > maxNALUs {
			t.Fatalf("%d NAL units held", len(d.au))
		}
	}
}

func TestAACSeveralInAPacket(t *testing.T) {
	config := &mpeg4audio.AudioSpecificConfig{}
	if err := config.Unmarshal(mustHex(t, "1210")); err != nil {
		t.Fatal(err)
	}
	f := &format.MPEG4Audio{Config: config, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3}
	track := newTrack(t, camgate.TrackOptions{Codec: camgate.AAC, Params: &camgate.Params{Config: mustHex(t, "1210")}})
	got, _ := collect(t, newDepacketizer(f, track), pkt(1, 100, true, 0, 32, 0, 2<<3, 0, 1<<3, 7, 8, 9))
	want := []collected{{[][]byte{{7, 8}}, 100, true}, {[][]byte{{9}}, 1124, true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLATM(t *testing.T) {
	d := &aacUnits{samples: 1024, decode: (&latm{frames: 1}).decode}
	long := append([]byte{255, 45}, pattern(300)...)
	got, failed := collect(t, d,
		pkt(1, 10, true, 2, 7, 8),
		pkt(2, 20, false, long[:100]...), pkt(3, 20, true, long[100:]...),
		pkt(4, 30, true, 9, 1), pkt(5, 40, true, 255), pkt(6, 50, true, 0),
	)
	want := []collected{{[][]byte{{7, 8}}, 10, true}, {[][]byte{pattern(300)}, 20, true}}
	if diff := cmp.Diff(want, got); diff != "" || failed != 3 {
		t.Errorf("%d errors\n%s", failed, diff)
	}
}

func TestGrouped(t *testing.T) {
	d := &grouped{key: keyVP8}
	got, _ := collect(t, d,
		pkt(1, 10, false, 0x10, 0), pkt(2, 10, true, 0x00, 5), // keyframe
		pkt(3, 20, false, 0x10, 1), // not one, without its marker
		pkt(4, 30, true, 0x10, 1), pkt(5, 40, true),
	)
	want := []collected{
		{[][]byte{{0x10, 0}, {0x00, 5}}, 10, true}, {[][]byte{{0x10, 1}}, 20, false}, {[][]byte{{0x10, 1}}, 30, false},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestKeyTests(t *testing.T) {
	cases := []struct {
		name string
		key  func([]byte) bool
		b    string
		want bool
	}{
		{"VP8", keyVP8, "1000", true},
		{"VP8 predicted", keyVP8, "1001", false},
		{"VP8 continued", keyVP8, "0000", false},
		{"VP8 second partition", keyVP8, "1100", false},
		{"VP8 all extensions, long picture ID", keyVP8, "90f0812301" + "20" + "00", true},
		{"VP8 short picture ID", keyVP8, "90800500", true},
		{"VP8 cut off", keyVP8, "90", false},
		{"VP9", keyVP9, "0c", true},
		{"VP9 with long picture ID and layers", keyVP9, "a8812300", true},
		{"VP9 upper layer", keyVP9, "a8050200", false},
		{"VP9 predicted", keyVP9, "4c", false},
		{"VP9 continued", keyVP9, "04", false},
		{"VP9 empty", keyVP9, "", false},
		{"AV1", keyAV1, "18", true},
		{"AV1 not", keyAV1, "10", false},
		{"MPEG-4 I", keyMPEG4, "000001b000" + "000001b610", true},
		{"MPEG-4 P", keyMPEG4, "000001b650", false},
		{"MPEG-4 none", keyMPEG4, "000001", false},
		{"MPEG-1 I", keyMPEG1, "00000100", true},
		{"MPEG-1 B", keyMPEG1, "00000300", false},
	}
	for _, c := range cases {
		if got := c.key(mustHex(t, c.b)); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// Whatever comes in packets, no depacketizer panics, holds more than its bound, or
// emits nothing.
func FuzzDepacketizer(f *testing.F) {
	f.Add(uint8(0), []byte("\x05\x00\x01\x65\x01\x02\x03"))
	f.Add(uint8(0), []byte("\x04\x00\x01\x7c\x85\x02\x04\x01\x01\x7c\x45\x03"))
	f.Add(uint8(1), []byte("\x06\x00\x01\x62\x01\x93\x02\x03"))
	f.Add(uint8(2), []byte("\x0a\x00\x01\x00\x10\x00\x08\xaa"))
	f.Add(uint8(3), []byte("\x10\x00\x01\x00\x00\x00\x00\x01\x10\x08\x08aaaaaaaa"))
	f.Add(uint8(4), []byte("\x05\x00\x01\x02\x01\x02"))
	config := &mpeg4audio.AudioSpecificConfig{Type: 2, SampleRate: 44100, ChannelConfig: 2}
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		all := []depacketizer{
			&nalUnits{payload: h264Payload{}}, &nalUnits{payload: h265Payload{}},
			newDepacketizer(&format.MPEG4Audio{Config: config, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3}, nil),
			&pictures{}, &aacUnits{samples: 1024, decode: (&latm{frames: 2}).decode},
			&nalUnits{payload: h265Payload{donl: true}}, single{},
			&grouped{key: func(b []byte) bool { return keyVP8(b) || keyVP9(b) || keyAV1(b) || keyMPEG4(b) || keyMPEG1(b) }},
		}
		d := all[int(kind)%len(all)]
		// Packets are length, sequence step, flags (marker, timestamp step), payload.
		var seq uint16
		var ts uint32
		for len(data) >= 3 {
			n := min(int(data[0]), len(data)-3)
			seq += uint16(data[1])
			ts += uint32(data[2] >> 1)
			p := pkt(seq, ts, data[2]&1 != 0, data[3:3+n]...)
			data = data[3+n:]
			_ = d.push(p, int64(ts), func(au [][]byte, _ int64, _ bool) {
				if len(au) == 0 {
					t.Error("an access unit of nothing")
				}
			})
		}
		d.reset()
	})
}
