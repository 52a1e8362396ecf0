package rtsp

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/google/go-cmp/cmp"
	"github.com/pion/rtp"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// waiting adds a stream that is to be published to.
func (g *gateway) waiting(t testing.TB, name string) *camgate.Stream {
	t.Helper()
	s := g.stream(t, name)
	ingest.AwaitPublisher(s)
	return s
}

// publisher sends packets by the library's client.
func publisher(t testing.TB, url string, protocol gortsplib.Protocol, medias ...*description.Media) (*gortsplib.Client, error) {
	t.Helper()
	c := &gortsplib.Client{Protocol: &protocol, OnPacketsLost: func(uint64) {}, OnDecodeError: func(error) {}}
	err := c.StartRecording(url, &description.Session{Medias: medias})
	if err == nil {
		t.Cleanup(c.Close)
	}
	return c, err
}

func h264Media() *description.Media {
	return &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{
		&format.H264{PayloadTyp: 96, SPS: testSPS, PPS: testPPS, PacketizationMode: 1},
	}}
}

func TestPublish(t *testing.T) {
	for name, protocol := range map[string]gortsplib.Protocol{"TCP": gortsplib.ProtocolTCP, "UDP": gortsplib.ProtocolUDP} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, withUDP)
			s := g.waiting(t, "live/obs")
			media := h264Media()
			c, err := publisher(t, g.url("live/obs"), protocol, media)
			if err != nil {
				t.Fatal(err)
			}
			r := readerOf(t, s)
			key := append([]byte{0x65}, pattern(500)...)
			for i := range uint16(3) {
				p := pkt(10+i, 1000+3600*uint32(i), true, key...)
				p.PayloadType = 96
				if err := c.WritePacketRTP(media, p); err != nil {
					t.Fatal(err)
				}
			}
			u, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([][]byte{testSPS, testPPS, key}, u.AU); diff != "" {
				t.Error(diff)
			}
			if info := s.Info(); !strings.HasPrefix(info.Publisher, "rtsp 127.0.0.1:") || info.Status.State != camgate.StateLive {
				t.Errorf("publisher %q, %s", info.Publisher, info.Status.State)
			}
			c.Close()
			eventually(t, "the stream is free", func() bool { return s.Info().Publisher == "" })
			if _, err := publisher(t, g.url("live/obs"), protocol, h264Media()); err != nil {
				t.Errorf("the next one: %v", err)
			}
		})
	}
}

// readerOf subscribes as soon as the stream has tracks.
func readerOf(t testing.TB, s *camgate.Stream) *camgate.Reader {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := s.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	r, err := s.Subscribe(t.Context(), camgate.SubscribeOptions{Internal: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func TestPublishRefused(t *testing.T) {
	g := newGateway(t, func(o *Options) {
		o.Users = camgate.Users{
			{Name: "tv", Password: "x", Role: camgate.RoleViewer},
			{Name: "obs", Password: "x", Role: camgate.RolePublisher},
		}
	})
	g.waiting(t, "free")
	newCamera(t, g.stream(t, "own"), false)
	busy := g.waiting(t, "busy")
	if _, err := ingest.Publish(busy, "somebody"); err != nil {
		t.Fatal(err)
	}
	unusable := &description.Media{Type: description.MediaTypeAudio, Formats: []format.Format{&format.Generic{PayloadTyp: 97, RTPMa: "what/0"}}}
	cases := []struct {
		user, path string
		media      *description.Media
		want       base.StatusCode
	}{
		{"", "free", h264Media(), 401},
		{"tv:x@", "free", h264Media(), 403},
		{"obs:y@", "free", h264Media(), 401},
		{"obs:x@", "nowhere", h264Media(), 404},
		{"obs:x@", "own", h264Media(), 403},
		{"obs:x@", "busy", h264Media(), 455},
		{"obs:x@", "free", unusable, 415},
		{"obs:x@", "free", h264Media(), 200},
	}
	for _, c := range cases {
		_, err := publisher(t, fmt.Sprintf("rtsp://%s%s/%s", c.user, g.Addr(), c.path), gortsplib.ProtocolTCP, c.media)
		if c.want == 200 {
			if err != nil {
				t.Errorf("%+v: %v", c, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("bad status code: %d", c.want)) {
			t.Errorf("%s%s: %v, want %d", c.user, c.path, err, c.want)
		}
	}
}

// A publisher that pauses keeps the stream, and goes on.
func TestPublisherPauses(t *testing.T) {
	g := newGateway(t, nil)
	s := g.waiting(t, "cam")
	media := h264Media()
	c, err := publisher(t, g.url("cam"), gortsplib.ProtocolTCP, media)
	if err != nil {
		t.Fatal(err)
	}
	r := readerOf(t, s)
	var seq uint16
	send := func() {
		t.Helper()
		p := pkt(seq, 3600*uint32(seq), true, append([]byte{0x65}, pattern(50)...)...)
		p.PayloadType = 96
		seq++
		if err := c.WritePacketRTP(media, p); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	send()
	if _, err := c.Pause(); err != nil {
		t.Fatal(err)
	}
	if _, err := publisher(t, g.url("cam"), gortsplib.ProtocolTCP, h264Media()); err == nil {
		t.Error("somebody else took the stream")
	}
	if _, err := c.Record(); err != nil {
		t.Fatal(err)
	}
	send()
}

// Codecs that camgate does not understand go from a publisher to a reader as they
// came, but for what every packet of ours has of its own.
func TestPassThrough(t *testing.T) {
	cases := []struct {
		name     string
		media    *description.Media
		payloads [][]byte // all in one access unit
	}{
		{"VP8", &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{&format.VP8{PayloadTyp: 100}}}, [][]byte{{0x10, 0, 1, 2}, {0, 3}}},
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

// ffmpeg publishes by TCP and UDP, and reads back what it has published.
func TestPublishFFmpeg(t *testing.T) {
	for _, transport := range []string{"tcp", "udp"} {
		t.Run(transport, func(t *testing.T) {
			g := newGateway(t, func(o *Options) {
				withUDP(o)
				o.Users = camgate.Users{{Name: "a", Password: "b c", Role: camgate.RoleAdmin}}
			})
			s := g.waiting(t, "cam")
			url := fmt.Sprintf("rtsp://a:b%%20c@%s/cam", g.Addr())
			ctx, cancel := context.WithCancel(t.Context())
			cmd := exec.CommandContext(ctx, tool(t, "ffmpeg"), "-v", "error", "-re",
				"-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
				"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-bf", "0", "-g", "25", "-pix_fmt", "yuv420p",
				"-c:a", "aac", "-f", "rtsp", "-rtsp_transport", transport, url)
			var out strings.Builder
			cmd.Stderr = &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { cancel(); _ = cmd.Wait() }()
			eventually(t, "the stream is live", func() bool { return s.Status().State == camgate.StateLive })
			probe(t, url, "tcp", map[string]int{"h264": 50, "aac": 50})
			probe(t, url, "udp", map[string]int{"h264": 50, "aac": 50})
			if out.Len() > 0 {
				t.Error(out.String())
			}
		})
	}
}

// probe has ffprobe decode two seconds of a stream; want is the least number of
// frames by codec. Nothing but the counts may be said.
func probe(t testing.TB, url, transport string, want map[string]int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, tool(t, "ffprobe"), "-v", "error", "-rtsp_transport", transport, "-count_frames",
		"-read_intervals", "%+2.5", "-show_entries", "stream=codec_name,nb_read_frames", "-of", "csv=p=0", url).CombinedOutput()
	if err != nil {
		t.Fatalf("ffprobe: %v\n%s", err, out)
	}
	lines := strings.Fields(string(out))
	for codec, least := range want {
		found := false
		for i, line := range lines {
			var n int
			if _, err := fmt.Sscanf(line, codec+",%d", &n); err == nil {
				found = true
				lines[i] = ""
				if n < least {
					t.Errorf("%s: %d frames of %s, want %d", transport, n, codec, least)
				}
			}
		}
		if !found {
			t.Errorf("%s: no %s in\n%s", transport, codec, out)
		}
	}
	if rest := strings.Join(lines, ""); rest != "" {
		t.Errorf("%s: ffprobe says\n%s", transport, out)
	}
}
