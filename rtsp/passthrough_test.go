package rtsp

import (
	"testing"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/google/go-cmp/cmp"
	"github.com/pion/rtp"
)

// Codecs that camgate does not understand go from a publisher to a reader as they
// came, but for what every packet of ours has of its own.
func TestPassThrough(t *testing.T) {
	cases := []struct {
		name     string
		media    *description.Media
		payloads [][]byte // all in one access unit
	}{
		{"H263", &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{&format.Generic{PayloadTyp: 100, RTPMa: "H263-1998/90000", ClockRat: 90000}}}, [][]byte{{4, 0, 1, 2}, {0, 3}}},
		{"KLV", &description.Media{Type: description.MediaTypeApplication, Formats: []format.Format{&format.KLV{PayloadTyp: 101}}}, [][]byte{{6, 0x0e, 0x2b}, {0x34}}},
		{"L16", &description.Media{Type: description.MediaTypeAudio, Formats: []format.Format{&format.LPCM{PayloadTyp: 102, BitDepth: 16, SampleRate: 48000, ChannelCount: 2}}}, [][]byte{pattern(960)}},
		{"AC3", &description.Media{Type: description.MediaTypeAudio, Formats: []format.Format{&format.AC3{PayloadTyp: 103, SampleRate: 48000, ChannelCount: 2}}}, [][]byte{{1, 2, 3}, {3, 2, 4}}},
		{"unknown", &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{&format.Generic{PayloadTyp: 104, RTPMa: "x-new/90000", FMT: map[string]string{"a": "b"}, ClockRat: 90000}}}, [][]byte{{9, 9}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := newGateway(t, nil)
			g.waiting(t, "cam")
			from := c.media.Formats[0]
			pub, err := publisher(t, g.url("cam"), gortsplib.ProtocolTCP, c.media)
			if err != nil {
				t.Fatal(err)
			}
			u, _ := base.ParseURL(g.url("cam"))
			got := make(chan *rtp.Packet, 100)
			reader := &gortsplib.Client{Scheme: u.Scheme, Host: u.Host, Protocol: new(gortsplib.ProtocolTCP)}
			if err := reader.Start(); err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			desc, _, err := reader.Describe(u)
			if err != nil {
				t.Fatal(err)
			}
			if f := desc.Medias[0].Formats[0]; f.RTPMap() != from.RTPMap() || f.PayloadType() != from.PayloadType() || !cmp.Equal(f.FMTP(), from.FMTP()) {
				t.Errorf("described as %s %v", f.RTPMap(), f.FMTP())
			}
			if err := reader.SetupAll(desc.BaseURL, desc.Medias); err != nil {
				t.Fatal(err)
			}
			reader.OnPacketRTPAny(func(_ *description.Media, _ format.Format, p *rtp.Packet) { got <- p })
			if _, err := reader.Play(nil); err != nil {
				t.Fatal(err)
			}
			for round := range uint16(2) {
				for i, payload := range c.payloads {
					n := uint16(len(c.payloads))
					p := pkt(round*n+uint16(i), 90000+960*uint32(round), i == len(c.payloads)-1, payload...)
					p.PayloadType = from.PayloadType()
					if err := pub.WritePacketRTP(c.media, p); err != nil {
						t.Fatal(err)
					}
				}
			}
			var first uint32
			for round := range 2 {
				for i, payload := range c.payloads {
					p := <-got
					if round+i == 0 {
						first = p.Timestamp
					}
					marker := c.name != "L16" && i == len(c.payloads)-1
					if !cmp.Equal(p.Payload, payload) || p.Timestamp-first != 960*uint32(round) || p.Marker != marker {
						t.Errorf("round %d packet %d: %v", round, i, p)
					}
				}
			}
		})
	}
}
