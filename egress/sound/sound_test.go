package sound

import (
	"math"
	"testing"
	"time"

	"github.com/thesyncim/gopus"
	goaac "github.com/tphakala/go-aac"

	"github.com/camgate/camgate"
)

// The tests make a sound of an origin, as units of a codec, and listen to what comes
// out.

// unit is what goes in or comes out.
type unit struct {
	at time.Duration
	au []byte
}

// beep is silence with a tone from one second on, for a tenth of one.
func beep(rate int, length time.Duration) []float32 {
	s := make([]float32, int(length.Seconds()*float64(rate)))
	for i := rate; i < rate+rate/10 && i < len(s); i++ {
		s[i] = float32(0.5 * math.Sin(2*math.Pi*1000*float64(i)/float64(rate)))
	}
	return s
}

// pcma codes samples as A-law units of 20 ms.
func pcma(s []float32, rate int) []unit {
	var out []unit
	n, table := rate/50, alaw()
	for i := 0; i+n <= len(s); i += n {
		u := unit{at: start + time.Duration(i)*time.Second/time.Duration(rate)}
		for _, v := range s[i : i+n] {
			best, dist := 0, float32(9)
			for k, x := range table {
				if d := float32(math.Abs(float64(x - v))); d < dist {
					best, dist = k, d
				}
			}
			u.au = append(u.au, byte(best))
		}
		out = append(out, u)
	}
	return out
}

// start is when all sounds begin.
const start = 10 * time.Second

// aacLC codes samples as AAC-LC units whose times are those of what a decoder makes of
// them.
func aacLC(t testing.TB, s []float32, rate int) ([]unit, []byte) {
	t.Helper()
	e, err := goaac.NewEncoder(goaac.EncoderConfig{SampleRate: rate, Channels: 1, Bitrate: 96000})
	if err != nil {
		t.Fatal(err)
	}
	var out []unit
	for i := 0; i+1024 <= len(s); i += 1024 {
		au, err := e.EncodeFrame(nil, [][]float32{s[i : i+1024]})
		if err != nil {
			t.Fatal(err)
		}
		if len(au) > 0 {
			out = append(out, unit{start + time.Duration(i-2048)*time.Second/time.Duration(rate), au})
		}
	}
	return out, e.AudioSpecificConfig()
}

func track(c camgate.Codec, rate, channels int, config []byte) *camgate.Track {
	return camgate.NewTrack(camgate.TrackOptions{
		Kind: camgate.Audio, Codec: c, ClockRate: rate, Channels: channels, Params: &camgate.Params{Config: config},
	})
}

// transcode feeds all units and returns what comes out.
func transcode(t testing.TB, from *camgate.Track, to Settings, in []unit) ([]unit, *Transcoder) {
	t.Helper()
	tr, err := New(from, to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	var out []unit
	for _, u := range in {
		err := tr.Write(u.at, [][]byte{u.au}, false, func(at time.Duration, au []byte) error {
			out = append(out, unit{at, au})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out, tr
}

// heard is a sound with the time of its first sample.
type heard struct {
	at   time.Duration
	rate int
	s    []float32
}

// hear decodes what came out, of one channel, and checks that it has no holes.
func hear(t testing.TB, tr *Transcoder, out []unit) heard {
	t.Helper()
	if len(out) == 0 {
		t.Fatal("nothing came out")
	}
	o := tr.Track()
	h := heard{at: out[0].at, rate: o.ClockRate}
	var dec func([]byte) []float32
	if o.Codec == camgate.Opus {
		d, err := gopus.NewDecoder(gopus.DefaultDecoderConfig(48000, o.Channels))
		if err != nil {
			t.Fatal(err)
		}
		pcm := make([]float32, 5760*o.Channels)
		dec = func(au []byte) []float32 {
			n, err := d.Decode(au, pcm)
			if err != nil {
				t.Fatal(err)
			}
			return pcm[:n*o.Channels]
		}
	} else {
		d, err := newAAC(o.Params.Config)
		if err != nil {
			t.Fatal(err)
		}
		dec = func(au []byte) []float32 {
			var p planes
			p.reset(o.Channels)
			if err := d.decode(&p, au); err != nil {
				t.Fatal(err)
			}
			return p.of[0]
		}
	}
	for i, u := range out {
		due := h.at + time.Duration(float64(len(h.s))/float64(h.rate)*float64(time.Second))
		if d := u.at - due; d < -time.Microsecond || d > time.Microsecond {
			t.Fatalf("unit %d is heard at %v, the one before ends at %v", i, u.at, due)
		}
		h.s = append(h.s, dec(u.au)...)
	}
	return h
}

// onset is when it becomes loud for the first time.
func (h heard) onset(t testing.TB) time.Duration {
	t.Helper()
	for i, v := range h.s {
		if math.Abs(float64(v)) > 0.1 {
			return h.at + time.Duration(i)*time.Second/time.Duration(h.rate)
		}
	}
	t.Fatal("there is no beep")
	return 0
}

func TestBeepStaysWhereItIs(t *testing.T) {
	aac48, config48 := aacLC(t, beep(48000, 2*time.Second), 48000)
	aac44, config44 := aacLC(t, beep(44100, 2*time.Second), 44100)
	tests := []struct {
		name string
		from *camgate.Track
		in   []unit
	}{
		{"PCMA", track(camgate.PCMA, 8000, 1, nil), pcma(beep(8000, 2*time.Second), 8000)},
		{"PCMA at 16 kHz", track(camgate.PCMA, 16000, 1, nil), pcma(beep(16000, 2*time.Second), 16000)},
		{"AAC at 48 kHz", track(camgate.AAC, 48000, 1, config48), aac48},
		{"AAC at 44.1 kHz", track(camgate.AAC, 44100, 1, config44), aac44},
	}
	for _, test := range tests {
		for _, to := range []camgate.Codec{camgate.Opus, camgate.AAC} {
			t.Run(test.name+" to "+string(to), func(t *testing.T) {
				out, tr := transcode(t, test.from, Settings{Codec: to}, test.in)
				got := hear(t, tr, out).onset(t)
				if d := got - start - time.Second; d < -3*time.Millisecond || d > 3*time.Millisecond {
					t.Errorf("the beep is %v late", d)
				} else {
					t.Logf("the beep is %v late", d)
				}
			})
		}
	}
}
