package ingest

import (
	"bytes"
	"errors"
	"image/jpeg"
	"strings"
	"testing"
	"time"

	rtpformat "github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtpmjpeg"
	"github.com/pion/rtp"

	"github.com/camgate/camgate"
)

// unpack puts RTP packets together to a JPEG file.
func unpack(t testing.TB, pkts []*rtp.Packet) []byte {
	t.Helper()
	d, err := (&rtpformat.MJPEG{}).CreateDecoder()
	if err != nil {
		t.Fatal(err)
	}
	for i, pkt := range pkts {
		if p := pkt.Payload; p[4]&0x40 != 0 { // the decoder knows no restart header (RFC 2435 section 3.1.7)
			if !bytes.Equal(p[10:12], []byte{0xff, 0xff}) {
				t.Fatalf("packet %d: restart header %x", i, p[8:12])
			}
			pkt.Payload = append(append(bytes.Clone(p[:4]), p[4]&^0x40, p[5], p[6], p[7]), p[12:]...)
		}
		file, err := d.Decode(pkt)
		if err == nil && i == len(pkts)-1 {
			return file
		}
		if !errors.Is(err, rtpmjpeg.ErrMorePacketsNeeded) {
			t.Fatalf("packet %d of %d: %v", i, len(pkts), err)
		}
	}
	t.Fatal("no picture")
	return nil
}

func TestPacketizeJPEG(t *testing.T) {
	small := goJPEG(t, 64, 48, 75)
	tests := []struct {
		name string
		file []byte
	}{
		{"image/jpeg", goJPEG(t, 336, 192, 80)},
		{"one packet", goJPEG(t, 16, 16, 20)},
		{"odd size", goJPEG(t, 101, 67, 90)},
		{"largest side", goJPEG(t, 2040, 16, 50)},
		{"ffmpeg 4:2:0", ffmpegJPEG(t, "336x192", "yuvj420p", "-huffman", "default")},
		{"ffmpeg odd size", ffmpegJPEG(t, "322x182", "yuvj420p", "-huffman", "default")},
		{"GStreamer 4:2:0", gstJPEG(t, 320, 240, "I420")},
		{"GStreamer 4:2:2", gstJPEG(t, 320, 240, "Y42B")},
		{"GStreamer 4:2:2 odd size", gstJPEG(t, 101, 67, "Y42B")},
		{"restart interval", restarts(t, goJPEG(t, 200, 100, 90))},
		{"padding behind the end", append(bytes.Clone(small), make([]byte, 5000)...)},
		{"without an end", small[:len(small)-2]},
		{"without tables", withoutSegments(t, small, 0xc4)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pkts := packetize(t, packetizeMJPEG{}, [][]byte{tt.file})
			checkMarker(t, pkts)
			checkRuns(t, pkts, func(p []byte) (bool, bool) { return true, len(p) != camgate.MaxPayload })
			for i, pkt := range pkts[:max(0, len(pkts)-1)] {
				if len(pkt.Payload) != camgate.MaxPayload {
					t.Errorf("packet %d of %d has %d bytes", i, len(pkts), len(pkt.Payload))
				}
			}
			got := unpack(t, pkts)
			if strings.Contains(tt.name, "restart") {
				got = restarts(t, got) // the receiver above forgets it
			}
			want := tt.file
			if strings.HasPrefix(tt.name, "without") {
				want = small // the receiver adds what is missing
			}
			samePicture(t, want, got)
		})
	}
}

func TestUncarriableJPEG(t *testing.T) {
	good := goJPEG(t, 64, 48, 75)
	const sos = "\xff\xda\x00\x0c\x03\x01\x00\x02\x11\x03\x11\x00\x3f\x00"
	tests := []struct {
		name string
		file []byte
	}{
		{"nothing", nil},
		{"text", []byte("GET / HTTP/1.1\r\n\r\n")},
		{"start only", good[:2]},
		{"cut in the tables", good[:100]},
		{"no scan", good[:bytes.Index(good, []byte{0xff, 0xda})]},
		{"empty scan", append(good[:bytes.Index(good, []byte(sos))+len(sos):len(good)/2], 0xff, 0xd9)},
		{"no frame", withoutSegments(t, good, 0xc0)},
		{"no quantization", withoutSegments(t, good, 0xdb)},
		{"progressive", replaced(t, good, "\xff\xc0", "\xff\xc2")},
		{"too wide", goJPEG(t, 2041, 8, 50)},
		{"too high", goJPEG(t, 8, 2041, 50)},
		{"4:4:4", gstJPEG(t, 64, 48, "Y444")},
		{"grey", gstJPEG(t, 64, 48, "GRAY8")},
		{"4:2:2 with large units", ffmpegJPEG(t, "64x48", "yuvj422p", "-huffman", "default")},
		{"own Huffman tables", ffmpegJPEG(t, "320x240", "yuvj420p", "-huffman", "optimal")},
		{"several scans", replaced(t, good, sos, "\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00")},
		{"other order", replaced(t, good, sos, "\xff\xda\x00\x0c\x03\x02\x11\x01\x00\x03\x11\x00\x3f\x00")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if pkts := packetize(t, packetizeMJPEG{}, [][]byte{tt.file}); len(pkts) != 0 {
				t.Errorf("made %d packets", len(pkts))
			}
			if _, _, why := readJPEG(tt.file); (why == "") != (tt.name == "empty scan") { // which the headers do not tell
				t.Errorf("the reason is %q", why)
			}
		})
	}
}

// Viewers who get nothing have to be told why, and when it is over.
func TestUncarriableJPEGIsTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		good := goJPEG(t, 64, 48, 75)
		b := newBench(t, newTrack(t, camgate.TrackOptions{Codec: camgate.MJPEG}))
		show := func(file []byte, want string) {
			t.Helper()
			wait(time.Second)
			b.one(Sample{PTS: b.Now().Milliseconds() * 90, AU: [][]byte{file}})
			if got := b.Stream.Tracks()[0].Params().NoRTP; got != want {
				t.Errorf("%q, want %q", got, want)
			}
			if w := b.Info().Warnings; (len(w) == 1 && strings.HasSuffix(w[0], want)) != (want != "") {
				t.Errorf("warnings: %q", w)
			}
		}
		bad := replaced(t, good, "\xff\xc0", "\xff\xc2")
		show(good, "")
		show(bad, progressive)
		show(good, "")
		show(goJPEG(t, 2041, 8, 50), tooLarge)
		b.end()
		b.session(newH264(t)) // another source
		if w := b.Info().Warnings; len(w) > 0 {
			t.Errorf("warnings: %q", w)
		}
	})
}

func TestJPEGSize(t *testing.T) {
	tests := []struct {
		name          string
		file          []byte
		width, height int
	}{
		{"image/jpeg", goJPEG(t, 101, 67, 75), 101, 67},
		{"ffmpeg", ffmpegJPEG(t, "322x182", "yuvj422p"), 322, 182},
		{"progressive", replaced(t, goJPEG(t, 64, 48, 75), "\xff\xc0", "\xff\xc2"), 64, 48},
		{"fill bytes", replaced(t, goJPEG(t, 64, 48, 75), "\xff\xdb", "\xff\xff\xff\xdb"), 64, 48},
		{"cut off", goJPEG(t, 64, 48, 75)[:100], 0, 0},
		{"text", []byte("not a picture at all"), 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			width, height, ok := jpegSize(tt.file)
			if width != tt.width || height != tt.height || ok != (width > 0) {
				t.Errorf("got %d x %d, %v", width, height, ok)
			}
		})
	}
}

func jpegSeeds(f *testing.F) {
	good := goJPEG(f, 20, 20, 50)
	f.Add(good)
	f.Add(restarts(f, good))
	f.Add(good[:len(good)/2])
	f.Add(replaced(f, good, "\xff\xdb", "\xff\xff\xdb"))
	f.Add([]byte{0xff, 0xd8, 0xff, 0xdb, 0, 2})
}

func FuzzParseJPEG(f *testing.F) {
	jpegSeeds(f)
	f.Fuzz(func(t *testing.T, file []byte) {
		pkts := packetize(t, packetizeMJPEG{}, [][]byte{file})
		j, ok := parseJPEG(file)
		if ok != (len(pkts) > 0) {
			t.Fatalf("%v, but %d packets", ok, len(pkts))
		}
		if !ok {
			return
		}
		checkMarker(t, pkts)
		if j.width <= 0 || j.width > maxJPEGSide || j.width%8 != 0 || j.height <= 0 || j.height > maxJPEGSide || j.height%8 != 0 {
			t.Fatalf("%d x %d", j.width, j.height)
		}
		if len(j.scan) >= 2 {
			unpack(t, pkts)
		}
	})
}

func FuzzJPEGSize(f *testing.F) {
	jpegSeeds(f)
	f.Fuzz(func(t *testing.T, file []byte) {
		width, height, ok := jpegSize(file)
		if conf, err := jpeg.DecodeConfig(bytes.NewReader(file)); err == nil && ok && (conf.Width != width || conf.Height != height) {
			t.Errorf("%d x %d, want %d x %d", width, height, conf.Width, conf.Height)
		}
	})
}
