package rtsp

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/google/go-cmp/cmp"

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
	other, err := ingest.Publish(busy, "somebody", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
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

// A publisher whose pictures stop, while he and his sound go on, is stalled: viewers are
// told, and keep their places until he goes on.
func TestPublisherFreezes(t *testing.T) {
	g := newGateway(t, nil)
	s := g.waiting(t, "cam")
	s.SetIntake(camgate.Intake{Stall: 4 * time.Second})
	picture := h264Media()
	sound := &description.Media{Type: description.MediaTypeAudio, Formats: []format.Format{&format.G711{PayloadTyp: 8, SampleRate: 8000, ChannelCount: 1}}}
	c, err := publisher(t, g.url("cam"), gortsplib.ProtocolTCP, picture, sound)
	if err != nil {
		t.Fatal(err)
	}
	var seq uint16
	send := func(media *description.Media, payloadType uint8, payload ...byte) {
		t.Helper()
		p := pkt(seq, 3600*uint32(seq), true, payload...)
		p.PayloadType = payloadType
		seq++
		if err := c.WritePacketRTP(media, p); err != nil {
			t.Fatal(err)
		}
	}
	send(picture, 96, append([]byte{0x65}, pattern(50)...)...)
	r := readerOf(t, s)
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "stalled", func() bool {
		send(sound, 8, pattern(160)...)
		st := s.Status()
		return st.State == camgate.StateStalled && strings.Contains(st.Err.Error(), "no picture for 1")
	})
	send(picture, 96, append([]byte{0x41}, pattern(50)...)...)
	eventually(t, "live", func() bool { return s.Status().State == camgate.StateLive })
	for {
		u, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if u.Track.Kind == camgate.Video {
			break
		}
	}
}

// JPEG by TCP: its depacketizer keeps the packet before.
func TestPublishJPEG(t *testing.T) {
	g := newGateway(t, nil)
	s := g.waiting(t, "live/jpeg")
	media := &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{&format.MJPEG{}}}
	c, err := publisher(t, g.url("live/jpeg"), gortsplib.ProtocolTCP, media)
	if err != nil {
		t.Fatal(err)
	}
	r := readerOf(t, s)
	var picture bytes.Buffer
	if err := jpeg.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 640, 480)), nil); err != nil {
		t.Fatal(err)
	}
	encoder, err := (&format.MJPEG{}).CreateEncoder()
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint32(3) {
		pkts, err := encoder.Encode(picture.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pkts {
			p.Timestamp = 1000 + 3600*i
			if err := c.WritePacketRTP(media, p); err != nil {
				t.Fatal(err)
			}
		}
	}
	// The end of the last one is told by the next.
	for range 2 {
		u, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jpeg.Decode(bytes.NewReader(u.AU[0])); err != nil {
			t.Error(err)
		}
	}
}
