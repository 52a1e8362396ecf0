package webrtc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// maker is what makes variants for a test.
type maker struct {
	tracks  []*camgate.Track // of what it makes
	err     error
	warning string
	wanted  []camgate.Variant
	used    int
}

func (m *maker) Use(_ context.Context, s *camgate.Stream, v camgate.Variant) (*camgate.Stream, func(), error) {
	m.wanted = append(m.wanted, v)
	if m.err != nil {
		return nil, nil, m.err
	}
	variant, leave := s.NewVariant(v)
	variant.Warn("sound", m.warning)
	if _, err := variant.Start(m.tracks); err != nil {
		return nil, nil, err
	}
	m.used++
	return variant, func() { m.used--; leave() }, nil
}

func TestPlan(t *testing.T) {
	h264 := func() *camgate.Track { return track(camgate.Video, camgate.H264, 90000, 0, 0x67, 0x4d, 0x40, 0x1f) }
	bFrames := func() *camgate.Track { b := h264(); b.SetReorders(true); return b }
	h422 := func() *camgate.Track { return track(camgate.Video, camgate.H264, 90000, 0, 0x67, 122, 0x00, 0x1f) }
	h265 := func() *camgate.Track { return track(camgate.Video, camgate.H265, 90000, 0) }
	mjpeg := func() *camgate.Track { return track(camgate.Video, camgate.MJPEG, 90000, 0) }
	av1 := func() *camgate.Track { return track(camgate.Video, camgate.AV1, 90000, 0) }
	opus := func() *camgate.Track { return track(camgate.Audio, camgate.Opus, 48000, 2) }
	aac := func() *camgate.Track { return track(camgate.Audio, camgate.AAC, 44100, 2) }
	pcma := func() *camgate.Track { return track(camgate.Audio, camgate.PCMA, 8000, 1) }
	tracks := func(ts ...*camgate.Track) []*camgate.Track { return ts }
	none := fmt.Errorf("%w: all are broken", camgate.ErrEncoderUnavailable)
	noH264 := strings.ReplaceAll(chromiumOffer, "H264/90000", "XH64/90000")
	noAV1 := strings.ReplaceAll(chromiumOffer, "AV1/90000", "XV1/90000")
	for _, c := range []struct {
		name      string
		offer     string
		tracks    []*camgate.Track
		made      []*camgate.Track // tracks of the variant
		err       error            // of the maker
		want      camgate.Variant
		codecs    string // that are sent; empty: refused
		told      string // what was made
		missing   string // begins like this
		unwelcome string // the refusal ends with it
	}{
		{"as it is", chromiumOffer, tracks(h264(), opus()), nil, nil, camgate.Variant{}, "H264 Opus", "", "", ""},
		{"sound", chromiumOffer, tracks(h264(), aac()), tracks(h264(), opus()), nil, camgate.Variant{Audio: camgate.Opus}, "H264 Opus", "audio AAC -> Opus", "", ""},
		{"sound that cannot be made", chromiumOffer, tracks(h264(), aac()), tracks(h264(), aac()), nil, camgate.Variant{Audio: camgate.Opus}, "H264", "", "audio AAC: WebRTC has no such codec; it is too loud", ""},
		{"sound that is not to be made", chromiumOffer, tracks(h264(), aac()), nil, camgate.ErrUnsupportedCodec, camgate.Variant{Audio: camgate.Opus}, "H264", "", "audio AAC: WebRTC has no such codec; unsupported", ""},
		{"H265", chromiumOffer, tracks(h265(), opus()), tracks(h264(), opus()), nil, camgate.Variant{Video: camgate.H264}, "H264 Opus", "video H265 -> H264", "", ""},
		{"H265 and sound", chromiumOffer, tracks(h265(), aac()), tracks(h264(), opus()), nil, camgate.Variant{Video: camgate.H264, Audio: camgate.Opus}, "H264 Opus", "video H265 -> H264, audio AAC -> Opus", "", ""},
		{"H265 without an encoder", chromiumOffer, tracks(h265(), opus()), nil, none, camgate.Variant{Video: camgate.H264}, "", "", "", "the viewer offers AV1 H264 VP8 only; H264 cannot be made of it: no encoder available: all are broken"},
		{"H264 of 10 bits and 4:2:2", chromiumOffer, tracks(h422()), tracks(h264()), nil, camgate.Variant{Video: camgate.H264}, "H264", "", "", ""},
		{"MJPEG", chromiumOffer, tracks(mjpeg()), tracks(h264()), nil, camgate.Variant{Video: camgate.H264}, "H264", "video MJPEG -> H264", "", ""},
		{"AV1 that is not offered", noAV1, tracks(av1()), tracks(h264()), nil, camgate.Variant{Video: camgate.H264}, "H264", "video AV1 -> H264", "", ""},
		{"AV1 that is not offered, without an encoder", noAV1, tracks(av1()), nil, none, camgate.Variant{Video: camgate.H264}, "", "", "", "H264 cannot be made of it: no encoder available: all are broken"},
		{"B-frames", chromiumOffer, tracks(bFrames(), pcma()), tracks(h264(), pcma()), nil, camgate.Variant{NoReorder: true}, "H264 PCMA", "video H264, B-frames left out", "", ""},
		{"B-frames that stay", chromiumOffer, tracks(bFrames()), nil, camgate.ErrUnsupportedCodec, camgate.Variant{NoReorder: true}, "", "", "", "switch them off at the camera or encoder; pictures without B-frames cannot be made of it: unsupported codec"},
		{"H264 that is not offered, with sound", noH264, tracks(h264(), aac()), tracks(h264(), opus()), nil, camgate.Variant{Audio: camgate.Opus}, "", "", "", "the viewer offers AV1 VP8 XH64 only; audio AAC: WebRTC has no such codec"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, err := parseOffer(c.offer)
			if err != nil {
				t.Fatal(err)
			}
			stream := camgate.NewRendition("cam", camgate.StreamLimits{})
			if _, err := stream.Start(c.tracks); err != nil {
				t.Fatal(err)
			}
			m := &maker{tracks: c.made, err: c.err, warning: "it is too loud"}
			s := &Server{opts: Options{Variants: m}.withDefaults()}
			p, err := s.plan(t.Context(), o, stream, c.tracks)
			if want := slices.DeleteFunc([]camgate.Variant{c.want}, func(v camgate.Variant) bool { return v == camgate.Variant{} }); !slices.Equal(m.wanted, want) {
				t.Errorf("wanted %v", m.wanted)
			}
			if c.codecs == "" {
				if camgate.AnswerTo(err).HTTP != 406 || !strings.HasSuffix(err.Error(), c.unwelcome) {
					t.Errorf("answered %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var codecs []string
			for _, k := range []camgate.Kind{camgate.Video, camgate.Audio} {
				for _, tr := range p.tracks() {
					if tr.Kind == k {
						codecs = append(codecs, string(tr.Codec))
					}
				}
			}
			missing := strings.Join(p.missing, ", ")
			if got := strings.Join(codecs, " "); got != c.codecs || strings.Join(p.made, ", ") != c.told || !strings.HasPrefix(missing, c.missing) || c.missing == "" && missing != "" {
				t.Errorf("sends %s, made %q, missing %q", got, p.made, missing)
			}
			p.end()
			if m.used != 0 {
				t.Errorf("%d variants are still in use", m.used)
			}
		})
	}
}

func TestFits(t *testing.T) {
	h264 := func(profile ...byte) *camgate.Track {
		return track(camgate.Video, camgate.H264, 90000, 0, append([]byte{0x67}, profile...)...)
	}
	h265 := func(profile string) *camgate.Track {
		return camgate.NewTrack(camgate.TrackOptions{Kind: camgate.Video, Codec: camgate.H265, ClockRate: 90000, Params: &camgate.Params{Profile: profile}})
	}
	for _, c := range []struct {
		name string
		fmtp string
		t    *camgate.Track
		want int
	}{
		{"single NAL units only", "packetization-mode=0;profile-level-id=42e01f", h264(0x42, 0xe0, 0x1f), 0},
		{"mode not said", "profile-level-id=42e01f", h264(0x42, 0xe0, 0x1f), 1},
		{"nothing said", "", h264(0x4d, 0, 0x1f), 1},
		{"interleaved", "packetization-mode=2", h264(0x4d, 0, 0x1f), 0},
		{"High for High", "packetization-mode=1;profile-level-id=640029", h264(0x64, 0, 0x1f), 5},
		{"baseline for High", "packetization-mode=1;profile-level-id=42e01f", h264(0x64, 0, 0x1f), 4},
		{"4:2:2 for baseline", "packetization-mode=1;profile-level-id=42e01f", h264(122, 0, 0x1f), 0},
		{"4:4:4 for itself", "packetization-mode=1;profile-level-id=f4001f", h264(244, 0, 0x1f), 5},
		{"Main", "profile-id=1", h265("Main 4.1"), 3},
		{"Main, not said", "", h265("Main 4.1"), 3},
		{"Main 10 for Main", "profile-id=1", h265("Main 10 4.1"), 0},
		{"Main 10", "profile-id=2", h265("Main 10 4.1"), 2},
		{"Main for Main 10", "profile-id=2", h265("Main 4.1"), 2},
		{"Main Still Picture", "profile-id=1", h265("Main Still Picture 4.1"), 3},
	} {
		codec := &codec{name: string(c.t.Codec), clockRate: 90000, fmtp: c.fmtp}
		if got := codec.fits(c.t); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// A source that begins to send B-frames: the viewer goes over to a variant without them,
// in the same session, and its timestamps go on.
func TestGoOver(t *testing.T) {
	stream := newStream(t)
	m := &maker{}
	first := newProgram(t, stream, false)
	variant, leave := stream.NewVariant(camgate.Variant{NoReorder: true})
	defer leave()
	copied := camgate.NewTrack(stream.Tracks()[0].TrackOptions)
	copied.Follow(stream.Tracks()[0])
	w, err := ingest.NewWriter(variant, []*camgate.Track{copied})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	g := newGateway(t, stream, func(o *Options) { o.Variants = ready{m, variant} })
	first.run()
	c := g.join(t, clientOptions{})
	c.wait("pictures", func() bool { return len(c.packets["video"]) > 50 })
	second := &program{t: t, stream: variant, writer: w, gop: 50, idr: 30_000, p: 4_000}
	second.pts = stream.Newest()
	second.run()
	c.mu.Lock()
	before := len(c.packets["video"])
	c.mu.Unlock()
	stream.Tracks()[0].SetReorders(true)
	c.wait("pictures of the variant", func() bool { return len(c.packets["video"]) > before+200 })
	if got := variant.Info().Readers; len(got) != 1 {
		t.Fatalf("readers of the variant: %+v", got)
	}
	if got := stream.Info().Readers; len(got) != 1 {
		t.Errorf("readers of the stream: %+v", got)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	packets := c.packets["video"]
	for i := 1; i < len(packets); i++ {
		if packets[i].SequenceNumber != packets[i-1].SequenceNumber+1 {
			t.Fatalf("packet %d follows %d", packets[i].SequenceNumber, packets[i-1].SequenceNumber)
		}
		if d := int32(packets[i].Timestamp - packets[i-1].Timestamp); d < 0 || d > 90000 {
			t.Fatalf("the time goes by %d ticks at packet %d of %d", d, i, before)
		}
	}
}

// ready has one variant for everything.
type ready struct {
	*maker
	variant *camgate.Stream
}

func (r ready) Use(_ context.Context, _ *camgate.Stream, v camgate.Variant) (*camgate.Stream, func(), error) {
	if !v.NoReorder {
		return nil, nil, errors.New("what for?")
	}
	return r.variant, func() {}, nil
}
