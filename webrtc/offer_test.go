package webrtc

import (
	"errors"
	"strings"
	"testing"

	"github.com/camgate/camgate"
)

// chromiumOffer is what Chromium sends, shortened where sections repeat.
const chromiumOffer = `v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:4ZcD
a=ice-pwd:2/1muCWoOi3uLifh0NuRHlkq
a=ice-options:trickle
a=fingerprint:sha-256 7B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=recvonly
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
m=video 9 UDP/TLS/RTP/SAVPF 96 97 103 104 107 108 109 114 39 40
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:4ZcD
a=ice-pwd:2/1muCWoOi3uLifh0NuRHlkq
a=fingerprint:sha-256 7B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08
a=setup:actpass
a=mid:1
a=recvonly
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 nack
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:103 H264/90000
a=rtcp-fb:103 goog-remb
a=rtcp-fb:103 transport-cc
a=rtcp-fb:103 ccm fir
a=rtcp-fb:103 nack
a=rtcp-fb:103 nack pli
a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rtpmap:104 rtx/90000
a=fmtp:104 apt=103
a=rtpmap:107 H264/90000
a=fmtp:107 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f
a=rtpmap:108 rtx/90000
a=fmtp:108 apt=107
a=rtpmap:109 H264/90000
a=rtcp-fb:109 nack
a=rtcp-fb:109 nack pli
a=fmtp:109 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtpmap:114 H264/90000
a=fmtp:114 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f
a=rtpmap:39 AV1/90000
a=fmtp:39 level-idx=5;profile=0;tier=0
a=rtpmap:40 rtx/90000
a=fmtp:40 apt=39
`

// The answer fits the offer section by section, and has what was chosen and nothing
// else.
func TestAnswer(t *testing.T) {
	h264 := track(camgate.Video, camgate.H264, 90000, 0)
	vp8 := track(camgate.Video, camgate.VP8, 90000, 0)
	opus := track(camgate.Audio, camgate.Opus, 48000, 2)
	aac := track(camgate.Audio, camgate.AAC, 48000, 2)
	pcma := track(camgate.Audio, camgate.PCMA, 8000, 1)
	data := "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=mid:d\na=sctp-port:5000\n"
	second := chromiumOffer[strings.Index(chromiumOffer, "m=video"):]
	second = strings.ReplaceAll(second, "a=mid:1", "a=mid:2")
	always := []string{
		"a=sendonly\r\n", "a=setup:passive\r\n", "a=rtcp-mux\r\n", "a=fingerprint:sha-256 ",
		"a=candidate:u1 1 udp 1 127.0.0.1 8189 typ host\r\na=end-of-candidates\r\n", "cname:c\r\n",
	}
	cases := []struct {
		name, offer string
		tracks      []*camgate.Track
		sections    string // m= lines
		has         []string
	}{
		{
			"sendrecv", strings.ReplaceAll(chromiumOffer, "recvonly", "sendrecv"), []*camgate.Track{h264, aac},
			"audio 9 UDP/TLS/RTP/SAVPF 111|video 9 UDP/TLS/RTP/SAVPF 109",
			[]string{
				"a=group:BUNDLE 0 1\r\n", "a=rtpmap:109 H264/90000\r\n", "a=rtcp-fb:109 nack\r\n", "a=rtcp-fb:109 nack pli\r\n",
				"profile-level-id=42e01f\r\n", "a=inactive\r\n", "a=rtpmap:111 opus/48000/2\r\n",
			},
		},
		{
			"sound alone", chromiumOffer, []*camgate.Track{opus},
			"audio 9 UDP/TLS/RTP/SAVPF 111|video 0 UDP/TLS/RTP/SAVPF 96", []string{"a=group:BUNDLE 0\r\n"},
		},
		{
			"picture and sound", chromiumOffer, []*camgate.Track{h264, opus},
			"audio 9 UDP/TLS/RTP/SAVPF 111|video 9 UDP/TLS/RTP/SAVPF 109", []string{"a=group:BUNDLE 0 1\r\n", "a=rtpmap:111 opus/48000/2\r\n"},
		},
		{
			"bundle-only", strings.Replace(chromiumOffer, "m=video 9", "m=video 0", 1) + "a=bundle-only\n", []*camgate.Track{h264, opus},
			"audio 9 UDP/TLS/RTP/SAVPF 111|video 9 UDP/TLS/RTP/SAVPF 109", []string{"a=group:BUNDLE 0 1\r\n", "a=rtpmap:111 opus/48000/2\r\n"},
		},
		{
			"bundle-only, but not in the bundle", strings.Replace(strings.Replace(chromiumOffer, "m=video 9", "m=video 0", 1), "BUNDLE 0 1", "BUNDLE 0 2", 1) + "a=bundle-only\n", []*camgate.Track{opus},
			"audio 9 UDP/TLS/RTP/SAVPF 111|video 0 UDP/TLS/RTP/SAVPF 96", []string{"a=group:BUNDLE 0\r\n"},
		},
		{
			"static payload type", chromiumOffer, []*camgate.Track{h264, pcma},
			"audio 9 UDP/TLS/RTP/SAVPF 8|video 9 UDP/TLS/RTP/SAVPF 109", []string{"a=rtpmap:8 PCMA/8000\r\n"},
		},
		{
			"data channel", strings.Replace(chromiumOffer, "BUNDLE 0 1", "BUNDLE d 0 1", 1) + data, []*camgate.Track{h264},
			"audio 9 UDP/TLS/RTP/SAVPF 111|video 9 UDP/TLS/RTP/SAVPF 109|application 0 UDP/DTLS/SCTP webrtc-datachannel", []string{"a=group:BUNDLE 0 1\r\n", "a=mid:d\r\n"},
		},
		{
			"two pictures", strings.Replace(chromiumOffer, "BUNDLE 0 1", "BUNDLE 0 1 2", 1) + second, []*camgate.Track{h264, vp8},
			"audio 9 UDP/TLS/RTP/SAVPF 111|video 9 UDP/TLS/RTP/SAVPF 109|video 9 UDP/TLS/RTP/SAVPF 96 97", []string{"a=group:BUNDLE 0 1 2\r\n"},
		},
		{
			"repair", strings.NewReplacer("a=rtpmap:109 H264", "a=rtpmap:109 none", "a=rtcp-fb:103 ccm fir\n", "").Replace(chromiumOffer), []*camgate.Track{h264, opus},
			"audio 9 UDP/TLS/RTP/SAVPF 111|video 9 UDP/TLS/RTP/SAVPF 103 104",
			[]string{"a=rtpmap:104 rtx/90000\r\na=fmtp:104 apt=103\r\n", "a=ssrc-group:FID ", "a=rtcp-fb:103 nack\r\n"},
		},
		{
			"neither mid nor bundle", strings.NewReplacer("a=group:BUNDLE 0 1\n", "", "a=mid:0\n", "", "a=mid:1\n", "").Replace(chromiumOffer), []*camgate.Track{opus, h264},
			"audio 9 UDP/TLS/RTP/SAVPF 111|video 0 UDP/TLS/RTP/SAVPF 96", nil,
		},
		{
			"one that has no setup, and much in it", "v=0\nm=video 9 RTP/SAVPF 96\na=rtpmap:96 h264/90000\na=fmtp:96 packetization-mode=1\na=ice-ufrag:a\na=ice-pwd:b\na=fingerprint:sha-1 00\na=fingerprint:SHA-256  00\n",
			[]*camgate.Track{h264}, "video 9 RTP/SAVPF 96", nil,
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			text, err := negotiated(t, c.offer, c.tracks...)
			if err != nil {
				t.Fatal(err)
			}
			var sections []string
			for line := range strings.SplitSeq(text, "\r\n") {
				if m, ok := strings.CutPrefix(line, "m="); ok {
					sections = append(sections, m)
				}
			}
			if got := strings.Join(sections, "|"); got != c.sections {
				t.Errorf("sections %s, want %s", got, c.sections)
			}
			for _, want := range append(always, c.has...) {
				if !strings.Contains(text, want) {
					t.Errorf("no %q", want)
				}
			}
			for _, not := range []string{"ccm fir", "transport-cc", "a=sendrecv", "a=recvonly", "ice-lite"} {
				if strings.Contains(text, not) {
					t.Errorf("%q in it", not)
				}
			}
			if strings.Contains(c.offer, "BUNDLE") != strings.Contains(text, "BUNDLE") || strings.Contains(c.offer, "a=mid") != strings.Contains(text, "a=mid") {
				t.Error("BUNDLE or mid differ from the offer")
			}
			if t.Failed() {
				t.Log(text)
			}
		})
	}
}

func FuzzOffer(f *testing.F) {
	f.Add(chromiumOffer)
	f.Add("v=0\nm=video 9 UDP/TLS/RTP/SAVPF 96\na=rtpmap:96 H264/90000\na=fmtp:96 packetization-mode=1\na=ice-ufrag:a\na=ice-pwd:b\na=fingerprint:sha-256 00\n")
	tracks := []*camgate.Track{
		track(camgate.Video, camgate.H264, 90000, 0, 0x67, 0x42, 0xc0), track(camgate.Audio, camgate.Opus, 48000, 2), track(camgate.Audio, camgate.AAC, 48000, 2),
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := parseOffer(text)
		if err != nil {
			if !errors.Is(err, errBadOffer) {
				t.Fatal(err)
			}
			return
		}
		p, err := negotiate(o, tracks)
		if err != nil {
			return
		}
		for _, m := range p.missing {
			if strings.ContainsAny(m, "\r\n") {
				t.Errorf("%q breaks a header", m)
			}
		}
		answer, err := negotiated(t, text, tracks...)
		if err != nil {
			if !errors.Is(err, errBadOffer) {
				t.Fatal(err)
			}
			return
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(answer, "\r\n"), "\r\n") {
			if len(line) < 2 || line[1] != '=' || strings.ContainsAny(line, "\r\n") {
				t.Errorf("%q in the answer", line)
			}
		}
	})
}

func TestFragment(t *testing.T) {
	const good = "a=ice-ufrag:4ZcD\r\na=ice-pwd:2/1muCWoOi3uLifh0NuRHlkq\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n" +
		"a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1\r\na=end-of-candidates\r\n"
	f, err := parseFragment(good)
	if err != nil || f.ufrag != "4ZcD" || len(f.candidates) != 1 || !f.end {
		t.Errorf("%+v %v", f, err)
	}
	for _, bad := range []string{"", "\r\n\r\n", "hello", "{}", "a=candidate:1 1 udp", "v=0\r\n"} {
		if _, err := parseFragment(bad); !errors.Is(err, errBadFragment) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzFragment(f *testing.F) {
	f.Add("a=ice-ufrag:4ZcD\r\na=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\na=end-of-candidates\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := parseFragment(text); err != nil && !errors.Is(err, errBadFragment) {
			t.Fatal(err)
		}
	})
}
