package webrtc

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/camgate/camgate"
)

func track(kind camgate.Kind, codec camgate.Codec, rate, channels int, sps ...byte) *camgate.Track {
	return camgate.NewTrack(camgate.TrackOptions{
		Kind: kind, Codec: codec, ClockRate: rate, Channels: channels, Params: &camgate.Params{SPS: sps},
	})
}

func TestNegotiate(t *testing.T) {
	h264 := track(camgate.Video, camgate.H264, 90000, 0, 0x67, 0x4d, 0x40, 0x1f)
	high := track(camgate.Video, camgate.H264, 90000, 0, 0x67, 0x64, 0x00, 0x28)
	h265 := track(camgate.Video, camgate.H265, 90000, 0)
	opus := track(camgate.Audio, camgate.Opus, 48000, 2)
	aac := track(camgate.Audio, camgate.AAC, 48000, 2)
	pcma := track(camgate.Audio, camgate.PCMA, 8000, 1)
	wide := track(camgate.Audio, camgate.PCMA, 16000, 1)
	av1 := track(camgate.Video, camgate.AV1, 90000, 0)
	mjpeg := track(camgate.Video, camgate.MJPEG, 90000, 0)
	bFrames := track(camgate.Video, camgate.H264, 90000, 0, 0x67, 0x4d, 0x40, 0x1f)
	bFrames.SetReorders(true)
	noVideo := strings.Replace(chromiumOffer, "m=video 9", "m=video 0", 1)
	cases := []struct {
		name    string
		offer   string
		tracks  []*camgate.Track
		want    string // "section:payload type", by route
		missing string
	}{
		{"baseline for main", chromiumOffer, []*camgate.Track{h264, opus}, "0:111 1:109", ""},
		{"high for high", chromiumOffer, []*camgate.Track{high}, "1:114", ""},
		{"no AAC", chromiumOffer, []*camgate.Track{h264, aac}, "1:109", "audio AAC: WebRTC has no such codec"},
		{"G711", chromiumOffer, []*camgate.Track{pcma, h264}, "0:8 1:109", ""},
		{"wideband G711", chromiumOffer, []*camgate.Track{wide, h264}, "1:109", "audio PCMA: the viewer offers G722 OPUS PCMA PCMU only"},
		{"AAC beside Opus", chromiumOffer, []*camgate.Track{h264, aac, opus}, "0:111 1:109", ""},
		{"AV1", chromiumOffer, []*camgate.Track{av1}, "1:39", ""},
		{"no H265", chromiumOffer, []*camgate.Track{h265, opus}, "", ""},
		{"MJPEG", chromiumOffer, []*camgate.Track{mjpeg}, "", ""},
		{"B-frames", chromiumOffer, []*camgate.Track{bFrames, opus}, "", ""},
		{"listener", noVideo, []*camgate.Track{h265, opus}, "0:111", ""},
		{"second picture", chromiumOffer, []*camgate.Track{h265, h264}, "1:109", ""},
		{"nothing wanted", strings.ReplaceAll(chromiumOffer, "recvonly", "sendonly"), []*camgate.Track{h264}, "", ""},
		{"sendrecv", strings.ReplaceAll(chromiumOffer, "recvonly", "sendrecv"), []*camgate.Track{h264, opus}, "0:111 1:109", ""},
		{"not bundled", strings.Replace(chromiumOffer, "a=group:BUNDLE 0 1\n", "", 1), []*camgate.Track{opus, h264}, "0:111", ""},
		{"one not bundled", strings.Replace(chromiumOffer, "BUNDLE 0 1", "BUNDLE 1", 1), []*camgate.Track{opus, h264}, "1:109", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o, err := parseOffer(c.offer)
			if err != nil {
				t.Fatal(err)
			}
			p, err := negotiate(o, c.tracks)
			if c.want == "" {
				if !errors.Is(err, camgate.ErrUnsupportedCodec) {
					t.Fatalf("%v, want ErrUnsupportedCodec", err)
				}
				t.Log(err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range p.routes {
				got = append(got, fmt.Sprintf("%d:%d", r.section, r.codec.payloadType))
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("routes %s, want %s", s, c.want)
			}
			if s := strings.Join(p.missing, ", "); s != c.missing {
				t.Errorf("missing %q, want %q", s, c.missing)
			}
		})
	}
}

func TestBadOffers(t *testing.T) {
	without := func(prefix string) string {
		lines := strings.SplitAfter(chromiumOffer, "\n")
		return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, prefix) }), "")
	}
	cases := map[string]string{
		"empty":          "",
		"not SDP":        "hello",
		"HTML":           "<html></html>",
		"no media":       "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n",
		"no ufrag":       without("a=ice-ufrag"),
		"no password":    without("a=ice-pwd"),
		"no fingerprint": without("a=fingerprint"),
		"passive":        strings.ReplaceAll(chromiumOffer, "actpass", "passive"),
		"short m":        strings.Replace(chromiumOffer, "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126", "m=audio 9", 1),
		"no port":        strings.Replace(chromiumOffer, "m=audio 9", "m=audio x", 1),
		"no type":        strings.Replace(chromiumOffer, "SAVPF 111", "SAVPF opus", 1),
		"long ufrag":     strings.ReplaceAll(chromiumOffer, "4ZcD", strings.Repeat("x", 257)),
		"carriage":       strings.Replace(chromiumOffer, "a=mid:0", "a=mid:0\ra=x", 1),
		"many sections":  chromiumOffer + strings.Repeat("m=audio 9 UDP/TLS/RTP/SAVPF 0\n", 100),
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := parseOffer(text); !errors.Is(err, errBadOffer) {
				t.Errorf("%v", err)
			} else {
				t.Log(err)
			}
		})
	}
}

// negotiated answers an offer without a network.
func negotiated(t testing.TB, text string, tracks ...*camgate.Track) (string, error) {
	t.Helper()
	o, err := parseOffer(text)
	if err != nil {
		return "", err
	}
	p, err := negotiate(o, tracks)
	if err != nil {
		return "", err
	}
	p.unstamp()
	s := &Server{opts: Options{}.withDefaults(), ports: &ports{}}
	s.logs.log = s.opts.Logger
	x := &transport{onClose: func(error) {}}
	var lanes []*lane
	for _, r := range p.routes {
		lanes = append(lanes, newLane(r, "c"))
	}
	defer x.close()
	if err := x.open(t.Context(), s, p, lanes); err != nil {
		return "", err
	}
	made, err := x.accept(o.part(p, p.peer(o)))
	if err != nil {
		return "", err
	}
	return o.answer(made, p, []string{"u1 1 udp 1 127.0.0.1 8189 typ host"})
}
