package hls

import (
	"testing"

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
