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
	"github.com/camgate/camgate/ingest/unpack"
)

// collected is an access unit as a depacketizer emits it.
type collected struct {
	AU  [][]byte
	PTS int64
	Key bool
}

func collect(t *testing.T, d unpack.Depacketizer, pkts ...*rtp.Packet) (out []collected, failed int) {
	t.Helper()
	for _, pkt := range pkts {
		err := d.Push(pkt, int64(pkt.Timestamp), func(au [][]byte, pts int64, key bool) {
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
			got, failed := collect(t, newDepacketizer(in.format, in.track, nil), pkts...)
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
		got, _ := collect(t, newDepacketizer(&format.MJPEG{}, track, nil), packetsOf(t, track, [][]byte{picture.Bytes()}, 7)...)
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

func TestAACSeveralInAPacket(t *testing.T) {
	config := &mpeg4audio.AudioSpecificConfig{}
	if err := config.Unmarshal(mustHex(t, "1210")); err != nil {
		t.Fatal(err)
	}
	f := &format.MPEG4Audio{Config: config, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3}
	track := newTrack(t, camgate.TrackOptions{Codec: camgate.AAC, Params: &camgate.Params{Config: mustHex(t, "1210")}})
	got, _ := collect(t, newDepacketizer(f, track, nil), pkt(1, 100, true, 0, 32, 0, 2<<3, 0, 1<<3, 7, 8, 9))
	want := []collected{{[][]byte{{7, 8}}, 100, true}, {[][]byte{{9}}, 1124, true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Low bit rate AAC (RFC 3640 section 3.3.5): six bits of size, two of index.
func TestAACLowBitRate(t *testing.T) {
	config := &mpeg4audio.AudioSpecificConfig{}
	if err := config.Unmarshal(mustHex(t, "1210")); err != nil {
		t.Fatal(err)
	}
	f := &format.MPEG4Audio{Config: config, SizeLength: 6, IndexLength: 2, IndexDeltaLength: 2}
	track := newTrack(t, camgate.TrackOptions{Codec: camgate.AAC, Params: &camgate.Params{Config: mustHex(t, "1210")}})
	got, failed := collect(t, newDepacketizer(f, track, nil),
		pkt(1, 100, true, 0, 16, 2<<2, 1<<2, 7, 8, 9), pkt(2, 2148, true, 0, 8, 3<<2, 1, 2), pkt(3, 3172, true, 0, 8, 1<<2, 5))
	want := []collected{{[][]byte{{7, 8}}, 100, true}, {[][]byte{{9}}, 1124, true}, {[][]byte{{5}}, 3172, true}}
	if diff := cmp.Diff(want, got); diff != "" || failed != 1 {
		t.Errorf("%d errors\n%s", failed, diff)
	}
}

// JPEG without marker bits, and with a packet missing at the end of a picture.
func TestJPEGWithoutMarkers(t *testing.T) {
	var picture bytes.Buffer
	img := image.NewYCbCr(image.Rect(0, 0, 320, 240), image.YCbCrSubsampleRatio420)
	copy(img.Y, pattern(len(img.Y)))
	if err := jpeg.Encode(&picture, img, nil); err != nil {
		t.Fatal(err)
	}
	var all []*rtp.Packet
	for i := range 4 {
		packets := packetsOf(t, newTrack(t, camgate.TrackOptions{Codec: camgate.MJPEG}), [][]byte{picture.Bytes()}, int64(i+1)*3600)
		if len(packets) < 3 {
			t.Fatalf("%d packets", len(packets))
		}
		for _, p := range packets {
			p.Marker = false
			p.SequenceNumber = uint16(len(all))
			all = append(all, p)
		}
	}
	n := len(all) / 4
	lossy := append(append([]*rtp.Packet(nil), all[:2*n-1]...), all[2*n:]...)
	for _, c := range []struct {
		packets []*rtp.Packet
		want    []int64
	}{{all, []int64{3600, 7200, 10800}}, {lossy, []int64{3600, 10800}}} {
		got, _ := collect(t, &pictures{}, c.packets...)
		var times []int64
		for _, g := range got {
			times = append(times, g.PTS)
			if _, err := jpeg.Decode(bytes.NewReader(g.AU[0])); err != nil {
				t.Errorf("the picture of %d: %v", g.PTS, err)
			}
		}
		if diff := cmp.Diff(c.want, times); diff != "" {
			t.Error(diff)
		}
	}
}

func TestLATM(t *testing.T) {
	d := &aacUnits{ticks: 1024, decode: (&latm{frames: 1}).decode}
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
	d := &grouped{key: keyMPEG4}
	got, _ := collect(t, d,
		pkt(1, 10, false, 0, 0, 1, 0xb6, 0x00), pkt(2, 10, true, 0x00, 5), // keyframe
		pkt(3, 20, false, 0, 0, 1, 0xb6, 0x40), // not one, without its marker
		pkt(4, 30, true, 0, 0, 1, 0xb6, 0x40), pkt(5, 40, true),
	)
	want := []collected{
		{[][]byte{{0, 0, 1, 0xb6, 0x00}, {0x00, 5}}, 10, true}, {[][]byte{{0, 0, 1, 0xb6, 0x40}}, 20, false}, {[][]byte{{0, 0, 1, 0xb6, 0x40}}, 30, false},
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
