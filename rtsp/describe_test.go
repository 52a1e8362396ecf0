package rtsp

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/sdpunmarshaler"
	"github.com/google/go-cmp/cmp"

	"github.com/camgate/camgate"
)

// head begins every SDP of these tests.
const head = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"

func parseSDP(body string) (*description.Session, error) {
	ssd, err := sdpunmarshaler.Unmarshal([]byte(body))
	if err != nil {
		return nil, err
	}
	desc := &description.Session{}
	return desc, desc.Unmarshal2(ssd)
}

func inputsOf(t *testing.T, body string) []input {
	t.Helper()
	desc, err := parseSDP(body)
	if err != nil {
		t.Fatal(err)
	}
	ins, err := inputs(desc, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return ins
}

// Each codec comes in as a track and goes out as an SDP that comes in the same.
func TestDescribe(t *testing.T) {
	sps := base64Of(testSPS)
	pps := base64Of(testPPS)
	cases := []struct {
		name, media string
		want        camgate.TrackOptions // without Packetizer and Params
		out         []string             // lines of the SDP that we make
	}{
		{
			"H264",
			"m=video 0 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 packetization-mode=1; profile-level-id=640028; sprop-parameter-sets=" + sps + "," + pps + "\r\n",
			camgate.TrackOptions{Kind: camgate.Video, Codec: camgate.H264, ClockRate: 90000, PayloadType: 96},
			[]string{"m=video 0 RTP/AVP 96", "a=rtpmap:96 H264/90000", "a=fmtp:96 packetization-mode=1; profile-level-id=640028; sprop-parameter-sets=" + sps + "," + pps},
		},
		{
			"H264 without parameter sets", "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n",
			camgate.TrackOptions{Kind: camgate.Video, Codec: camgate.H264, ClockRate: 90000, PayloadType: 96},
			[]string{"a=fmtp:96 packetization-mode=1"},
		},
		{
			"H264 with nonsense for parameter sets", "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1; sprop-parameter-sets=AAAA,AAAA\r\n",
			camgate.TrackOptions{Kind: camgate.Video, Codec: camgate.H264, ClockRate: 90000, PayloadType: 96},
			[]string{"a=fmtp:96 packetization-mode=1"},
		},
		{
			"H265", "m=video 0 RTP/AVP 98\r\na=rtpmap:98 H265/90000\r\n",
			camgate.TrackOptions{Kind: camgate.Video, Codec: camgate.H265, ClockRate: 90000, PayloadType: 96},
			[]string{"a=rtpmap:96 H265/90000"},
		},
		{
			"MJPEG", "m=video 0 RTP/AVP 26\r\n",
			camgate.TrackOptions{Kind: camgate.Video, Codec: camgate.MJPEG, ClockRate: 90000, PayloadType: 26},
			[]string{"m=video 0 RTP/AVP 26", "a=rtpmap:26 JPEG/90000"},
		},
		{
			"AAC", "m=audio 0 RTP/AVP 96\r\na=rtpmap:96 mpeg4-generic/44100/2\r\na=fmtp:96 profile-level-id=1; mode=AAC-hbr; sizelength=13; indexlength=3; indexdeltalength=3; config=1210\r\n",
			camgate.TrackOptions{Kind: camgate.Audio, Codec: camgate.AAC, ClockRate: 44100, Channels: 2, PayloadType: 97},
			[]string{"a=rtpmap:97 mpeg4-generic/44100/2", "config=1210", "sizelength=13", "mode=AAC-hbr"},
		},
		{
			"HE-AAC", "m=audio 0 RTP/AVP 96\r\na=rtpmap:96 mpeg4-generic/48000/2\r\na=fmtp:96 profile-level-id=1; mode=AAC-hbr; sizelength=13; indexlength=3; indexdeltalength=3; config=2b118800\r\n",
			camgate.TrackOptions{Kind: camgate.Audio, Codec: camgate.AAC, ClockRate: 48000, Channels: 2, PayloadType: 97},
			[]string{"a=rtpmap:97 mpeg4-generic/48000/2", "config=2b1188"},
		},
		{
			"AAC as LATM", "m=audio 0 RTP/AVP 96\r\na=rtpmap:96 MP4A-LATM/44100/2\r\na=fmtp:96 cpresent=0; config=400024203fc0\r\n",
			camgate.TrackOptions{Kind: camgate.Audio, Codec: camgate.AAC, ClockRate: 44100, Channels: 2, PayloadType: 97},
			[]string{"a=rtpmap:97 mpeg4-generic/44100/2", "config=1210"},
		},
		{
			"LATM with its configuration inside", "m=audio 0 RTP/AVP 96\r\na=rtpmap:96 MP4A-LATM/90000/1\r\na=fmtp:96 cpresent=1\r\n",
			camgate.TrackOptions{Kind: camgate.Audio, Codec: "MP4A-LATM", ClockRate: 90000, Channels: 1, PayloadType: 96, RTPMap: "MP4A-LATM/90000/1", FMTP: "cpresent=1; profile-level-id=30"},
			[]string{"a=rtpmap:96 MP4A-LATM/90000/1", "cpresent=1"},
		},
		{
			"Opus", "m=audio 0 RTP/AVP 111\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 sprop-stereo=1\r\n",
			camgate.TrackOptions{Kind: camgate.Audio, Codec: camgate.Opus, ClockRate: 48000, Channels: 2, PayloadType: 97},
			[]string{"a=rtpmap:97 opus/48000/2", "a=fmtp:97 sprop-stereo=1"},
		},
		{
			"PCMU", "m=audio 0 RTP/AVP 0\r\n",
			camgate.TrackOptions{Kind: camgate.Audio, Codec: camgate.PCMU, ClockRate: 8000, Channels: 1, PayloadType: 0},
			[]string{"m=audio 0 RTP/AVP 0", "a=rtpmap:0 PCMU/8000"},
		},
		{
			"PCMA at 16 kHz", "m=audio 0 RTP/AVP 98\r\na=rtpmap:98 PCMA/16000\r\n",
			camgate.TrackOptions{Kind: camgate.Audio, Codec: camgate.PCMA, ClockRate: 16000, Channels: 1, PayloadType: 98},
			[]string{"a=rtpmap:98 PCMA/16000"},
		},
		{
			"VP8", "m=video 0 RTP/AVP 100\r\na=rtpmap:100 VP8/90000\r\na=fmtp:100 max-fr=30; max-fs=3600\r\n",
			camgate.TrackOptions{Kind: camgate.Video, Codec: camgate.VP8, ClockRate: 90000, PayloadType: 96},
			[]string{"a=rtpmap:96 VP8/90000"},
		},
		{
			"AV1", "m=video 0 RTP/AVP 100\r\na=rtpmap:100 AV1/90000\r\na=fmtp:100 profile=0; level-idx=8; tier=0\r\n",
			camgate.TrackOptions{Kind: camgate.Video, Codec: camgate.AV1, ClockRate: 90000, PayloadType: 96},
			[]string{"a=rtpmap:96 AV1/90000"},
		},
		{
			"H263", "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H263-1998/90000\r\na=fmtp:96 max-fr=30; max-fs=3600\r\n",
			camgate.TrackOptions{Kind: camgate.Video, Codec: "H263-1998", ClockRate: 90000, PayloadType: 96, RTPMap: "H263-1998/90000", FMTP: "max-fr=30; max-fs=3600"},
			[]string{"a=rtpmap:96 H263-1998/90000", "a=fmtp:96 max-fr=30; max-fs=3600"},
		},
		{
			"L16", "m=audio 0 RTP/AVP 98\r\na=rtpmap:98 L16/48000/2\r\n",
			camgate.TrackOptions{Kind: camgate.Audio, Codec: camgate.LPCM, ClockRate: 48000, Channels: 2, PayloadType: 98, RTPMap: "L16/48000/2"},
			[]string{"a=rtpmap:98 L16/48000/2"},
		},
		{
			"G722", "m=audio 0 RTP/AVP 9\r\n",
			camgate.TrackOptions{Kind: camgate.Audio, Codec: camgate.G722, ClockRate: 8000, Channels: 1, PayloadType: 9, RTPMap: "G722/8000"},
			[]string{"m=audio 0 RTP/AVP 9", "a=rtpmap:9 G722/8000"},
		},
		{
			"KLV", "m=application 0 RTP/AVP 100\r\na=rtpmap:100 SMPTE336M/90000\r\n",
			camgate.TrackOptions{Kind: camgate.Data, Codec: camgate.KLV, ClockRate: 90000, PayloadType: 100, RTPMap: "SMPTE336M/90000"},
			[]string{"m=application 0 RTP/AVP 100", "a=rtpmap:100 SMPTE336M/90000"},
		},
		{
			"MPEG video without an rtpmap", "m=video 0 RTP/AVP 32\r\n",
			camgate.TrackOptions{Kind: camgate.Video, Codec: "MPV", ClockRate: 90000, PayloadType: 32, RTPMap: "MPV/90000"},
			[]string{"a=rtpmap:32 MPV/90000"},
		},
		{
			"a codec that nobody knows", "m=video 0 RTP/AVP 99\r\na=rtpmap:99 x-future/90000\r\n",
			camgate.TrackOptions{Kind: camgate.Video, Codec: "X-FUTURE", ClockRate: 90000, PayloadType: 99, RTPMap: "x-future/90000"},
			[]string{"a=rtpmap:99 x-future/90000"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ins := inputsOf(t, head+c.media)
			if len(ins) != 1 {
				t.Fatalf("%d tracks, want 1", len(ins))
			}
			track := ins[0].track
			got := track.TrackOptions
			got.Packetizer, got.Params = nil, nil
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			out, err := description.Session{Medias: []*description.Media{mediaOf(track)}}.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range c.out {
				if !strings.Contains(string(out), line) {
					t.Errorf("%q is not in\n%s", line, out)
				}
			}
			again := inputsOf(t, string(out))[0].track
			if diff := cmp.Diff(*track.Params(), *again.Params()); diff != "" || again.Codec != track.Codec ||
				again.ClockRate != track.ClockRate || again.Channels != track.Channels || again.FMTP != track.FMTP {
				t.Errorf("it comes back as %+v\n%s", again.TrackOptions, diff)
			}
		})
	}
}

func TestInputs(t *testing.T) {
	const (
		h264     = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n"
		back     = "m=audio 0 RTP/AVP 0\r\na=sendonly\r\n"
		clueless = "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 what/0\r\n"
		choice   = "m=audio 0 RTP/AVP 97 8\r\na=rtpmap:97 what/0\r\na=rtpmap:8 PCMA/8000\r\n"
	)
	cases := []struct {
		name, body string
		want       []camgate.Codec
		err        error
	}{
		{"one of two works", head + clueless + h264, []camgate.Codec{camgate.H264}, nil},
		{"the second format works", head + choice, []camgate.Codec{camgate.PCMA}, nil},
		{"the channel to the camera is not ours", head + h264 + back, []camgate.Codec{camgate.H264}, nil},
		{"nothing works", head + clueless, nil, camgate.ErrUnsupportedCodec},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			desc, err := parseSDP(c.body)
			if err != nil {
				t.Fatal(err)
			}
			ins, err := inputs(desc, []byte(c.body))
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			var got []camgate.Codec
			for _, in := range ins {
				got = append(got, in.track.Codec)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, err := inputs(&description.Session{}, nil); !errors.Is(err, camgate.ErrNoVideoTrack) {
		t.Errorf("no media at all: %v", err)
	}
}

func TestOffersPLI(t *testing.T) {
	for body, want := range map[string]bool{
		"a=rtcp-fb:96 nack pli\r\n": true, "a=rtcp-fb:* nack pli": true,
		"a=rtcp-fb:96 nack\r\n": false, "": false, "s=nack pli\r\n": false,
	} {
		if got := offersPLI([]byte(head + body)); got != want {
			t.Errorf("offersPLI(%q) = %v", body, got)
		}
	}
}

// Whatever a camera describes, it is refused or taken, and described again.
func FuzzDescribe(f *testing.F) {
	for _, media := range []string{
		"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 sprop-parameter-sets=" + base64Of(testSPS) + "," + base64Of(testPPS) + "\r\n",
		"m=video 0 RTP/AVP 98\r\na=rtpmap:98 H265/90000\r\na=fmtp:98 sprop-max-don-diff=2\r\n",
		"m=audio 0 RTP/AVP 96\r\na=rtpmap:96 mpeg4-generic/44100/2\r\na=fmtp:96 mode=AAC-hbr; sizelength=13; config=1210\r\n",
		"m=audio 0 RTP/AVP 96\r\na=rtpmap:96 MP4A-LATM/44100/2\r\na=fmtp:96 cpresent=0; config=400024203fc0\r\n",
		"m=audio 0 RTP/AVP 0 8 9 14\r\n", "m=video 0 RTP/AVP 26 32 33\r\n",
		"m=audio 0 RTP/AVP 98\r\na=rtpmap:98 multiopus/48000/6\r\na=fmtp:98 num_streams=4\r\n",
		"m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\na=sendonly\r\n",
	} {
		f.Add(head + media)
	}
	f.Fuzz(func(t *testing.T, body string) {
		desc, err := parseSDP(body)
		if err != nil {
			return
		}
		ins, err := inputs(desc, []byte(body))
		if err != nil {
			return
		}
		for _, in := range ins {
			newDepacketizer(in.format, in.track, nil)
			if in.track.ClockRate <= 0 || in.track.Kind == "" || in.track.Codec == "" {
				t.Errorf("%+v", in.track.TrackOptions)
			}
			if _, err := (description.Session{Medias: []*description.Media{mediaOf(in.track)}}).Marshal(); err != nil {
				t.Error(err)
			}
		}
	})
}

func mustHex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
