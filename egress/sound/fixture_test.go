package sound

import (
	"encoding/binary"
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
			for i := range n {
				pcm[i] = pcm[i*o.Channels]
			}
			return pcm[:n]
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

// pitch is how often it swings in a second, in 80 ms from the onset on.
func (h heard) pitch(t testing.TB) float64 {
	t.Helper()
	const length = 80 * time.Millisecond
	from := int((h.onset(t) - h.at) * time.Duration(h.rate) / time.Second)
	signs := 0
	for i := range int(length * time.Duration(h.rate) / time.Second) {
		if h.s[from+i] < 0 != (h.s[from+i+1] < 0) {
			signs++
		}
	}
	return float64(signs) / 2 / length.Seconds()
}

// l16 cuts samples into units of L16, of 20 ms.
func l16(s []float32, rate int) []unit {
	var out []unit
	n := rate / 50
	for i := 0; i+n <= len(s); i += n {
		u := unit{at: start + time.Duration(i)*time.Second/time.Duration(rate)}
		for _, v := range s[i : i+n] {
			u.au = binary.BigEndian.AppendUint16(u.au, uint16(int16(v*32767)))
		}
		out = append(out, u)
	}
	return out
}

// inOpus codes samples at 48 kHz as Opus; the times are those of what is heard.
func inOpus(t testing.TB, s []float32) []unit {
	t.Helper()
	e, err := newOpusEncoder(1, 64000, 48000)
	if err != nil {
		t.Fatal(err)
	}
	var out []unit
	for i := 0; i+e.frame() <= len(s); i += e.frame() {
		au, err := e.encode([][]float32{s}, i)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, unit{start + time.Duration(i-e.delay())*time.Second/48000, au})
	}
	return out
}

// inG722 codes samples at 16 kHz.
func inG722(t testing.TB, s []float32) []unit {
	coded := run(t, pcm16(s), "-f", "s16le", "-ar", "16000", "-ac", "1", "-i", "-", "-c:a", "g722", "-f", "g722", "-")
	var out []unit
	for i := 0; i+160 <= len(coded); i += 160 {
		out = append(out, unit{start + time.Duration(i)*time.Second/8000, coded[i : i+160]})
	}
	return out
}
