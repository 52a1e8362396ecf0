package ingest

import (
	"bytes"
	"errors"
	"testing"

	"github.com/camgate/camgate"
)

// What is published of an access unit: letters as in nal. A step is "what is
// written>what is published"; "-" for nothing; "!" behind it: new parameters.
func TestParameterSets(t *testing.T) {
	const h264, h265 = camgate.H264, camgate.H265
	tests := []struct {
		name  string
		codec camgate.Codec
		sdp   string // parameter sets known before
		steps []string
	}{
		{"in band", h264, "", []string{"SPI>SPI!", "N>N", "SPI>SPI", "N>N"}},
		{"in the SDP", h264, "SP", []string{"I>SPI", "N>N", "I>SPI"}},
		{"in both", h264, "SP", []string{"SPI>SPI", "N>N", "SPI>SPI"}},
		{"once in band", h264, "", []string{"SPI>SPI!", "N>N", "I>SPI", "N>N"}},
		{"on their own", h264, "", []string{"SP>-!", "I>SPI", "N>N"}},
		{"none known", h264, "", []string{"I>-", "N>-", "SI>-!", "I>-", "N>-", "I>-", "PI>SPI!", "N>N", "I>SPI"}},
		{"half of them in band", h264, "SP", []string{"SI>SPI", "PI>SPI", "pI>SpI!"}},
		{"half of them in the SDP", h264, "S", []string{"PI>SPI!", "I>SPI"}},
		{"two picture parameter sets", h264, "", []string{"SpPI>SpPI!", "N>N", "SpPI>SpPI"}},
		{"two picture parameter sets without their sequence", h264, "SP", []string{"pPI>SPpI", "N>N"}},
		{"behind the picture", h264, "SP", []string{"ISP>SPI", "IspN>spIN!"}},
		{"change in mid-stream", h264, "SP", []string{"I>SPI", "N>N", "spI>spI!", "N>N", "spI>spI", "I>spI", "SPI>SPI!"}},
		{"change ahead of the key picture", h264, "SP", []string{"I>SPI", "sp>-!", "I>spI"}},
		{"change with another picture", h264, "SP", []string{"I>SPI", "sN>sN!", "I>sPI"}},
		{"other than in the SDP", h264, "SP", []string{"spI>spI!"}},
		{"a set that cannot be read", h264, "SP", []string{"I>SPI", "XPI>XPI", "I>SPI"}},
		{"delimiters and fillers", h264, "SP", []string{"DI>SPI", "DN>N", "DSPIF>SPI", "NF>N", "D>-", "DF>-"}},
		{"information", h264, "SP", []string{"EI>SPEI", "EN>EN", "DSPEI>SPEI", "E>-"}},
		{"several slices", h264, "SP", []string{"III>SPIII", "NNN>NNN", "IN>SPIN"}},
		{"before the first key picture", h264, "SP", []string{"N>-", "EN>-", "DN>-", "I>SPI", "N>N"}},
		{"empty ones", h264, "SP", []string{"0>-", "I0>SPI", "0N>N", "00>-", ">-"}},
		{"packets in packets", h264, "SP", []string{"TI>SPI", "NT>N", "T>-"}},

		{"in band", h265, "", []string{"VSPI>VSPI!", "N>N", "VSPI>VSPI"}},
		{"in the SDP", h265, "VSP", []string{"I>VSPI", "N>N", "C>VSPC"}},
		{"once in band", h265, "", []string{"VSPI>VSPI!", "C>VSPC"}},
		{"half of them in band", h265, "VSP", []string{"PI>VSPI", "SPI>VSPI", "VI>VSPI", "pI>VSpI!"}},
		{"none known", h265, "", []string{"I>-", "N>-", "VSPI>VSPI!"}},
		{"on their own", h265, "", []string{"VSP>-!", "C>VSPC"}},
		{"delimiters and fillers", h265, "VSP", []string{"DVSPIF>VSPI", "DNF>N", "D>-"}},
		{"before the first key picture", h265, "VSP", []string{"N>-", "E>-", "C>VSPC", "N>N"}},
		{"empty ones and halves", h265, "VSP", []string{"0>-", "1>-", "I1>VSPI", "1N>N", "10>-"}},
		{"packets in packets", h265, "VSP", []string{"TI>VSPI", "NT>N", "T>-"}},
	}
	for _, tt := range tests {
		t.Run(string(tt.codec)+"/"+tt.name, func(t *testing.T) {
			track := newTrack(t, camgate.TrackOptions{Codec: tt.codec, Params: paramsOf(tt.codec, tt.sdp)})
			b := newBench(t, track)
			for i, step := range tt.steps {
				before := track.Params()
				in, got := step, "-"
				for n := range len(step) {
					if step[n] == '>' {
						in = step[:n]
						break
					}
				}
				for _, u := range b.put(Sample{PTS: int64(i) * 3600, AU: auOf(tt.codec, in)}) {
					got = lettersOf(tt.codec, u.AU)
					if key := lettersHaveKey(got); u.RandomAccess != key {
						t.Errorf("step %d: random access is %v", i, u.RandomAccess)
					}
					checkMarker(t, packetsOf(t, u))
				}
				if after := track.Params(); after != before {
					got += "!"
					if len(after.SPS) > 0 && after.Width == 0 {
						t.Errorf("step %d: the size is not known", i)
					}
				}
				if in+">"+got != step {
					t.Errorf("step %d: %s>%s, want %s", i, in, got, step)
				}
			}
		})
	}
}

func lettersHaveKey(letters string) bool {
	for i := range len(letters) {
		if letters[i] == 'I' || letters[i] == 'C' {
			return true
		}
	}
	return false
}

func TestNewTrack(t *testing.T) {
	tests := []struct {
		name string
		opts camgate.TrackOptions
		want camgate.TrackOptions // what is not Params or Packetizer
		size [2]int
		prof string
		fps  float64
		err  error
	}{
		{name: "H264", opts: camgate.TrackOptions{Codec: camgate.H264, Params: paramsOf(camgate.H264, "SP")},
			want: camgate.TrackOptions{Kind: camgate.Video, Codec: camgate.H264, ClockRate: 90000, PayloadType: 96},
			size: [2]int{352, 288}, prof: "High 1.2", fps: 15},
		{name: "H264 1080p", opts: camgate.TrackOptions{Codec: camgate.H264, Params: paramsOf(camgate.H264, "sp")},
			want: camgate.TrackOptions{Kind: camgate.Video, Codec: camgate.H264, ClockRate: 90000, PayloadType: 96},
			size: [2]int{1920, 1080}, prof: "Baseline 4.0", fps: 30},
		{name: "H264 without parameters", opts: camgate.TrackOptions{Codec: camgate.H264},
			want: camgate.TrackOptions{Kind: camgate.Video, Codec: camgate.H264, ClockRate: 90000, PayloadType: 96}},
		{name: "H264 broken", opts: camgate.TrackOptions{Codec: camgate.H264, Params: paramsOf(camgate.H264, "X")}, err: camgate.ErrUnsupportedCodec},
		{name: "H265", opts: camgate.TrackOptions{Codec: camgate.H265, Params: paramsOf(camgate.H265, "VSP")},
			want: camgate.TrackOptions{Kind: camgate.Video, Codec: camgate.H265, ClockRate: 90000, PayloadType: 96},
			size: [2]int{1920, 1080}, prof: "Main 4.0", fps: 30},
		{name: "H265 broken", opts: camgate.TrackOptions{Codec: camgate.H265, Params: &camgate.Params{SPS: []byte{0x42}}}, err: camgate.ErrUnsupportedCodec},
		{name: "MJPEG", opts: camgate.TrackOptions{Codec: camgate.MJPEG},
			want: camgate.TrackOptions{Kind: camgate.Video, Codec: camgate.MJPEG, ClockRate: 90000, PayloadType: 26}},
		{name: "AAC", opts: camgate.TrackOptions{Codec: camgate.AAC, Params: &camgate.Params{Config: []byte{0x11, 0x90}}},
			want: camgate.TrackOptions{Kind: camgate.Audio, Codec: camgate.AAC, ClockRate: 48000, Channels: 2, PayloadType: 97}, prof: "AAC-LC"},
		{name: "AAC mono", opts: camgate.TrackOptions{Codec: camgate.AAC, Params: &camgate.Params{Config: []byte{0x12, 0x08}}},
			want: camgate.TrackOptions{Kind: camgate.Audio, Codec: camgate.AAC, ClockRate: 44100, Channels: 1, PayloadType: 97}, prof: "AAC-LC"},
		{name: "AAC without configuration", opts: camgate.TrackOptions{Codec: camgate.AAC}, err: camgate.ErrUnsupportedCodec},
		{name: "Opus", opts: camgate.TrackOptions{Codec: camgate.Opus, Channels: 2},
			want: camgate.TrackOptions{Kind: camgate.Audio, Codec: camgate.Opus, ClockRate: 48000, Channels: 2, PayloadType: 97}},
		{name: "PCMU", opts: camgate.TrackOptions{Codec: camgate.PCMU},
			want: camgate.TrackOptions{Kind: camgate.Audio, Codec: camgate.PCMU, ClockRate: 8000, Channels: 1, PayloadType: 0}},
		{name: "PCMA wide band", opts: camgate.TrackOptions{Codec: camgate.PCMA, ClockRate: 16000},
			want: camgate.TrackOptions{Kind: camgate.Audio, Codec: camgate.PCMA, ClockRate: 16000, Channels: 1, PayloadType: 98}},
		{name: "passed through", opts: camgate.TrackOptions{Kind: camgate.Video, Codec: "MP4V-ES", ClockRate: 90000, PayloadType: 100, RTPMap: "MP4V-ES/90000"},
			want: camgate.TrackOptions{Kind: camgate.Video, Codec: "MP4V-ES", ClockRate: 90000, PayloadType: 100, RTPMap: "MP4V-ES/90000"}},
		{name: "passed through without a clock", opts: camgate.TrackOptions{Kind: camgate.Data, Codec: camgate.KLV}, err: camgate.ErrUnsupportedCodec},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			track, err := NewTrack(tt.opts)
			if !errors.Is(err, tt.err) || (err != nil) != (tt.err != nil) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if err != nil {
				return
			}
			got, p := track.TrackOptions, track.Params()
			if got.Packetizer == nil {
				t.Error("no packetizer")
			}
			got.Packetizer, got.Params = nil, nil
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			if p.Width != tt.size[0] || p.Height != tt.size[1] || p.Profile != tt.prof || p.FPS != tt.fps {
				t.Errorf("%d x %d, %q, %v fps; want %v, %q, %v", p.Width, p.Height, p.Profile, p.FPS, tt.size, tt.prof, tt.fps)
			}
		})
	}
}

// Whatever a camera sends, what is published can be packetised and read back, and
// begins with a key picture that has all that is known before it.
func FuzzWrite(f *testing.F) {
	f.Add(true, []byte("\x67\x64\x00\x0c\xff\x68\xee\xff\x65\x88\xff\xff\x41\x9a"))
	f.Add(false, []byte("\x40\x01\xff\x42\x01\x01\xff\x44\x01\xff\x26\x01\xff\xff\x02\x01"))
	f.Fuzz(func(t *testing.T, h264 bool, spec []byte) {
		spec = bytes.Clone(spec)
		c := nalCodecs()[1]
		codec, sets := camgate.H265, 3
		if h264 {
			c, codec, sets = nalCodecs()[0], camgate.H264, 2
		}
		track := newTrack(t, camgate.TrackOptions{Codec: codec})
		b := newBench(t, track)
		seen := false
		for i, au := range bytes.Split(spec, []byte{0xff, 0xff}) { // access units; 0xff ends a NAL unit
			nalus := bytes.Split(au, []byte{0xff})
			if len(nalus) > c.most-sets {
				return
			}
			for _, nalu := range nalus {
				if len(nalu) > 0 {
					nalu[0] &= 0x7f // the forbidden bit is not kept by the decoder
				}
			}
			units := b.put(Sample{PTS: int64(i) * 3600, AU: nalus})
			for _, u := range units {
				if seen = seen || u.RandomAccess; !seen {
					t.Fatal("it does not begin with a key picture")
				}
				kinds := map[naluKind]bool{}
				for _, nalu := range u.AU {
					kind := kindOf(codec, nalu)
					if kind == naluDelimiter || kind == naluKey && len(track.Params().SPS) > 0 && !kinds[naluSPS] {
						t.Fatalf("%x", u.AU)
					}
					kinds[kind] = true
				}
				if kinds[naluKey] != u.RandomAccess || !kinds[naluKey] && !kinds[naluSlice] {
					t.Fatalf("random access is %v: %x", u.RandomAccess, u.AU)
				}
				if !bytes.Contains(bytes.Join(u.AU, []byte{1}), []byte{0, 0, 1}) { // which the decoder splits at
					c.roundTrip(t, u.AU)
				}
			}
		}
	})
}
