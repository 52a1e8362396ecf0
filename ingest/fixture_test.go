package ingest

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// nal names the NAL units that tests write: V S P parameter sets (s, p other ones),
// D delimiter, F filler, E supplemental information, I key picture, N other
// picture, B one that is shown earlier, 0 an empty one.
var nal = map[camgate.Codec]map[byte][]byte{
	camgate.H264: {
		'S': {0x67, 0x64, 0x00, 0x0c, 0xac, 0x3b, 0x50, 0xb0, 0x4b, 0x42, 0x00, 0x00, 0x03, 0x00, 0x02, 0x00, 0x00, 0x03, 0x00, 0x3d, 0x08},
		's': {0x67, 0x42, 0xc0, 0x28, 0xd9, 0x00, 0x78, 0x02, 0x27, 0xe5, 0x84, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc9, 0x20},
		'X': {0x67, 0x64}, // a sequence parameter set that cannot be read
		'P': {0x68, 0xee, 0x3c, 0x80},
		'p': {0x68, 0x5b, 0x8f, 0x20},
		'D': {0x09, 0xf0},
		'F': {0x0c, 0xff, 0xff},
		'E': {0x06, 0x05, 0x01, 0x2a},
		'I': {0x65, 0x88, 0x84},
		'N': {0x41, 0x9a, 0x24},
		'B': {0x01, 0x9e, 0x24},                         // shown before what came before it
		'A': {0x41, 0x88, 0x84},                         // complete in itself, and no keyframe
		'R': {0x06, 0x05, 0x01, 0x2a, 0x06, 0x01, 0xc4}, // recovery point: at this picture
		'G': {0x06, 0x06, 0x01, 0x24},                   // recovery point: some pictures later
		'T': {0x18, 0x00, 0x02, 0x41, 0x9a},             // a STAP-A, which is no NAL unit
		'0': {},
	},
	camgate.H265: {
		'V': {0x40, 0x01, 0x0c, 0x01, 0xff, 0xff, 0x02, 0x20, 0x00, 0x00, 0x03, 0x00, 0xb0, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x7b, 0x18, 0xb0, 0x24},
		'S': {
			0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x78, 0xa0, 0x03, 0xc0, 0x80,
			0x10, 0xe5, 0x96, 0x66, 0x69, 0x24, 0xca, 0xe0, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x01, 0xe0, 0x80,
		},
		'P': {0x44, 0x01, 0xc0, 0x25, 0x2f, 0x05, 0x32, 0x40},
		'p': {0x44, 0x01, 0xc1, 0x72, 0xb4, 0x62, 0x40},
		'D': {35 << 1, 0x01, 0x50},
		'F': {38 << 1, 0x01, 0xff},
		'E': {39 << 1, 0x01, 0x05},
		'I': {19 << 1, 0x01, 0xaf},
		'C': {21 << 1, 0x01, 0xae}, // clean random access picture
		'N': {1 << 1, 0x01, 0xd0},
		'T': {48 << 1, 0x01, 0x00}, // an aggregation packet, which is no NAL unit
		'1': {19 << 1},             // half a header
		'0': {},
	},
}

// auOf makes an access unit of the letters of nal.
func auOf(c camgate.Codec, letters string) (au [][]byte) {
	for i := range len(letters) {
		au = append(au, nal[c][letters[i]])
	}
	return au
}

// lettersOf is the opposite of auOf.
func lettersOf(c camgate.Codec, au [][]byte) string {
	var out strings.Builder
	for _, nalu := range au {
		letter := byte('?')
		for l, b := range nal[c] {
			if bytes.Equal(b, nalu) {
				letter = l
			}
		}
		out.WriteByte(letter)
	}
	return out.String()
}

// paramsOf makes Params of the letters of nal.
func paramsOf(c camgate.Codec, letters string) *camgate.Params {
	p := &camgate.Params{}
	for i := range len(letters) {
		b := nal[c][letters[i]]
		switch letters[i] {
		case 'V':
			p.VPS = b
		case 'S', 's', 'X':
			p.SPS = b
		case 'P', 'p':
			p.PPS = b
		}
	}
	return p
}

func newTrack(t testing.TB, o camgate.TrackOptions) *camgate.Track {
	t.Helper()
	if o.Codec == camgate.AAC && o.Params == nil {
		o.Params = &camgate.Params{Config: []byte{0x11, 0x90}} // AAC-LC, 48 kHz, stereo
	}
	track, err := NewTrack(o)
	if err != nil {
		t.Fatal(err)
	}
	return track
}

func newH264(t testing.TB) *camgate.Track {
	return newTrack(t, camgate.TrackOptions{Codec: camgate.H264, Params: paramsOf(camgate.H264, "SP")})
}

func newAAC(t testing.TB) *camgate.Track {
	return newTrack(t, camgate.TrackOptions{Codec: camgate.AAC})
}

// bench is a stream, and a reader that takes each Unit as soon as it is published.
type bench struct {
	*camgate.Stream
	*Writer
	t      testing.TB
	reader *camgate.Reader
}

func newBench(t testing.TB, tracks ...*camgate.Track) *bench {
	t.Helper()
	b := &bench{Stream: camgate.NewRendition("test", camgate.StreamLimits{}), t: t}
	b.session(tracks...)
	var err error
	if b.reader, err = b.Subscribe(t.Context(), camgate.SubscribeOptions{}); err != nil {
		t.Fatal(err)
	}
	return b
}

// session makes a Writer for the next session of the source.
func (b *bench) session(tracks ...*camgate.Track) {
	b.t.Helper()
	var err error
	if b.Writer, err = NewWriter(b.Stream, tracks); err != nil {
		b.t.Fatal(err)
	}
}

// end ends the session.
func (b *bench) end() { b.Writer.Close() }

// put writes a sample and returns the Units that it became.
func (b *bench) put(sm Sample) []*camgate.Unit {
	b.t.Helper()
	if err := b.Write(sm); err != nil {
		b.t.Fatal(err)
	}
	return b.take()
}

// take returns the Units that were published since the last call.
func (b *bench) take() (out []*camgate.Unit) {
	b.t.Helper()
	for {
		u, ok := b.reader.Poll()
		if !ok {
			break
		}
		out = append(out, u)
	}
	if skipped := b.reader.Stats().Skipped; skipped != [len(skipped)]uint64{} {
		b.t.Fatalf("Units that nobody can start with: %v", skipped)
	}
	return out
}

// one writes a sample that becomes one Unit.
func (b *bench) one(sm Sample) *camgate.Unit {
	b.t.Helper()
	units := b.put(sm)
	if len(units) != 1 {
		b.t.Fatalf("%d Units of track %d, PTS %d", len(units), sm.Track, sm.PTS)
	}
	return units[0]
}

// none writes a sample that becomes nothing.
func (b *bench) none(sm Sample) {
	b.t.Helper()
	if units := b.put(sm); len(units) != 0 {
		b.t.Fatalf("%d Units of track %d, PTS %d", len(units), sm.Track, sm.PTS)
	}
}

// picture is a sample of the letters of nal, at a time of the source's clock.
func picture(letters string, at time.Duration) Sample {
	return Sample{Track: 0, PTS: at.Nanoseconds() * 9 / 100000, AU: auOf(camgate.H264, letters)}
}

// sound is a sample of AAC on track 1, at a time of the source's clock.
func sound(at time.Duration) Sample {
	return Sample{Track: 1, PTS: at.Nanoseconds() * 48 / 1000000, AU: [][]byte{{0x21, 0x10, 0x04}}}
}

// near fails unless got is want within a sample of sound.
func near(t testing.TB, what string, got, want time.Duration) {
	t.Helper()
	if d := got - want; d < -30*time.Microsecond || d > 30*time.Microsecond {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
