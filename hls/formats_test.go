package hls

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// AAC with band replication is named, and timed by what is heard.
func TestHeaderOfAAC(t *testing.T) {
	for _, c := range []struct {
		name    string
		config  []byte
		rate    int // of the source, 0: it does not say
		want    string
		clock   int
		silence bool
	}{
		{"LC", []byte{0x12, 0x10}, 0, "mp4a.40.2", 44100, true},
		{"HE", []byte{0x2b, 0x11, 0x88, 0}, 0, "mp4a.40.5", 48000, false},
		{"HE v2", []byte{0xeb, 0x09, 0x88, 0}, 0, "mp4a.40.29", 48000, false},
		{"HE that is not told", []byte{0x13, 0x10}, 48000, "mp4a.40.2", 48000, false},
	} {
		track, err := ingest.NewTrack(camgate.TrackOptions{Codec: camgate.AAC, ClockRate: c.rate, Params: &camgate.Params{Config: c.config}})
		if err != nil {
			t.Fatal(err)
		}
		h, err := newHeader([]*camgate.Track{track}, sets{})
		if err != nil {
			t.Fatal(err)
		}
		if h.codecs[0] != c.want || track.ClockRate != c.clock || track.Channels != 2 {
			t.Errorf("%s: %s with a clock of %d and %d channels", c.name, h.codecs[0], track.ClockRate, track.Channels)
		}
		if got := (&lane{track: track}).silence() != nil; got != c.silence {
			t.Errorf("%s: silence %v", c.name, got)
		}
	}
}

func TestLeftOut(t *testing.T) {
	p, err := choose(tracksOf(camgate.PCMA, camgate.H264, camgate.MJPEG, camgate.H265, camgate.Opus, camgate.AAC))
	if err != nil || len(p.tracks) != 2 || p.tracks[0].Codec != camgate.H264 || p.tracks[1].Codec != camgate.Opus || len(p.left) != 4 {
		t.Errorf("%v %+v", err, p)
	}
	inBubble(t, Options{}, func(t *testing.T, g *gateway) {
		c := load(t, "h264-small")
		c.options = append(c.options, camgate.TrackOptions{Codec: camgate.PCMA})
		g.play(t, c)
		time.Sleep(3 * time.Second)
		w := g.do(t.Context(), http.MethodGet, indexName)
		if body := w.Body.String(); !strings.Contains(body, "\n# not served: PCMA: HLS cannot carry it\n") {
			t.Errorf("index:\n%s", body)
		}
		if missing := w.Header().Get(camgate.MissingHeader); missing != "PCMA: HLS cannot carry it" {
			t.Errorf("missing: %q", missing)
		}
	})
}

func tracksOf(codecs ...camgate.Codec) []*camgate.Track {
	var out []*camgate.Track
	for _, c := range codecs {
		kind := camgate.Audio
		if c.Decodable() {
			kind = camgate.Video
		}
		out = append(out, camgate.NewTrack(camgate.TrackOptions{Kind: kind, Codec: c}))
	}
	return out
}

// TestLacks: what HLS has no place for is made anew, but where there is another track of
// its kind.
func TestLacks(t *testing.T) {
	for _, c := range []struct {
		tracks []*camgate.Track
		want   camgate.Variant
	}{
		{tracksOf(camgate.H264, camgate.AAC), camgate.Variant{}},
		{tracksOf(camgate.VP9, camgate.Opus), camgate.Variant{}},
		{tracksOf(camgate.AV1), camgate.Variant{}},
		{tracksOf(camgate.VP8, camgate.Opus), camgate.Variant{Video: camgate.H264}},
		{tracksOf(camgate.MJPEG, camgate.PCMA), camgate.Variant{Video: camgate.H264, Audio: camgate.AAC}},
		{tracksOf(camgate.MJPEG, camgate.VP9, camgate.PCMU, camgate.AAC), camgate.Variant{}},
		{tracksOf(camgate.H265, camgate.G722), camgate.Variant{Audio: camgate.AAC}},
	} {
		if got := lacks(c.tracks); got != c.want {
			t.Errorf("%v: %v, want %v", c.tracks, got, c.want)
		}
	}
}
