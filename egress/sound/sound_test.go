package sound

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
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

func TestBeepStaysWhereItIs(t *testing.T) {
	long := 2 * time.Second
	aac48, config48 := aacLC(t, beep(48000, long), 48000)
	aac44, config44 := aacLC(t, beep(44100, long), 44100)
	tests := []struct {
		name string
		from *camgate.Track
		in   []unit
	}{
		{"PCMA", track(camgate.PCMA, 8000, 1, nil), pcma(beep(8000, long), 8000)},
		{"PCMA at 16 kHz", track(camgate.PCMA, 16000, 1, nil), pcma(beep(16000, long), 16000)},
		{"AAC at 48 kHz", track(camgate.AAC, 48000, 1, config48), aac48},
		{"AAC at 44.1 kHz", track(camgate.AAC, 44100, 1, config44), aac44},
		{"L16 at 44.1 kHz", track(camgate.LPCM, 44100, 1, nil), l16(beep(44100, long), 44100)},
		{"L16 at 22.05 kHz", track(camgate.LPCM, 22050, 1, nil), l16(beep(22050, long), 22050)},
		{"L16 at 32 kHz", track(camgate.LPCM, 32000, 1, nil), l16(beep(32000, long), 32000)},
		{"L16 at 96 kHz", track(camgate.LPCM, 96000, 1, nil), l16(beep(96000, long), 96000)},
		{"G722", track(camgate.G722, 8000, 1, nil), inG722(t, beep(16000, long))},
	}
	for _, test := range tests {
		for _, to := range []camgate.Codec{camgate.Opus, camgate.AAC} {
			t.Run(test.name+" to "+string(to), func(t *testing.T) {
				out, tr := transcode(t, test.from, Settings{Codec: to}, test.in)
				late := hear(t, tr, out).onset(t) - start - time.Second
				if late < -3*time.Millisecond || late > 3*time.Millisecond {
					t.Errorf("the beep is %v late", late)
				}
				t.Logf("the beep is %v late", late)
			})
		}
	}
}

func TestTwoChannels(t *testing.T) {
	left, right := beep(48000, 2*time.Second), make([]float32, 96000)
	var in []unit
	for i := 0; i < len(left); i += 960 {
		u := unit{at: start + time.Duration(i)*time.Second/48000}
		for k := i; k < i+960; k++ {
			u.au = binary.BigEndian.AppendUint16(u.au, uint16(int16(left[k]*32767)))
			u.au = binary.BigEndian.AppendUint16(u.au, uint16(int16(right[k]*32767)))
		}
		in = append(in, u)
	}
	from := track(camgate.LPCM, 48000, 2, nil)
	for _, channels := range []int{0, 1, 2} {
		out, tr := transcode(t, from, Settings{Codec: camgate.AAC, Channels: channels}, in)
		want := channels
		if want == 0 {
			want = 2
		}
		if got := tr.Track().Channels; got != want {
			t.Errorf("%d channels, want %d", got, want)
		}
		if late := hear(t, tr, out).onset(t) - start - time.Second; late < -3*time.Millisecond || late > 3*time.Millisecond {
			t.Errorf("%d channels: the beep is %v late", channels, late)
		}
	}
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		name string
		from *camgate.Track
		to   Settings
		want error
	}{
		{"another codec", track("SPEEX", 8000, 1, nil), Settings{Codec: camgate.Opus}, camgate.ErrUnsupportedCodec},
		{"to another codec", track(camgate.PCMA, 8000, 1, nil), Settings{Codec: camgate.PCMU}, camgate.ErrUnsupportedCodec},
		{"a rate that cannot be", track(camgate.PCMA, 1, 1, nil), Settings{Codec: camgate.Opus}, camgate.ErrUnsupportedCodec},
		{"three channels", track(camgate.PCMA, 8000, 1, nil), Settings{Codec: camgate.Opus, Channels: 3}, camgate.ErrUnsupportedCodec},
		{"no program", track(camgate.AC3, 48000, 2, nil), Settings{Codec: camgate.Opus, FFmpeg: "no-such-program"}, camgate.ErrNotInstalled},
	}
	for _, test := range tests {
		if _, err := New(test.from, test.to); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

// What is broken is a hole, and the rest is where it was.
func TestCorruptUnits(t *testing.T) {
	aac48, config := aacLC(t, beep(48000, 2*time.Second), 48000)
	tests := []struct {
		from *camgate.Track
		in   []unit
	}{
		{track(camgate.AAC, 48000, 1, config), aac48},
		{track(camgate.LPCM, 48000, 1, nil), l16(beep(48000, 2*time.Second), 48000)},
	}
	for _, test := range tests {
		in := slices.Clone(test.in)
		for i := 5; i < 30; i += 5 {
			in[i].au = []byte{0xff, 0xff, 0xff, byte(i), 0x80}
		}
		in[3].au = nil
		out, tr := transcode(t, test.from, Settings{Codec: camgate.Opus}, in)
		if late := hear(t, tr, out).onset(t) - start - time.Second; late < -3*time.Millisecond || late > 3*time.Millisecond {
			t.Errorf("%s: the beep is %v late", test.from.Codec, late)
		}
		if c := tr.Counters(); c.Corrupt == 0 || c.Filled == 0 || c.Jumps != 0 {
			t.Errorf("%s: %+v", test.from.Codec, c)
		}
	}
}

func TestNoAllocationPerUnit(t *testing.T) {
	aac44, config := aacLC(t, beep(44100, 4*time.Second), 44100)
	tests := []struct {
		from *camgate.Track
		in   []unit
		max  float64 // per unit
	}{
		{track(camgate.PCMA, 8000, 1, nil), pcma(beep(8000, 4*time.Second), 8000), 0.3},
		{track(camgate.AAC, 44100, 1, config), aac44, 1.3}, // one is the library's
	}
	for _, test := range tests {
		for _, to := range []camgate.Codec{camgate.Opus, camgate.AAC} {
			tr, err := New(test.from, Settings{Codec: to})
			if err != nil {
				t.Fatal(err)
			}
			defer tr.Close()
			i, au := 0, make([][]byte, 1)
			write := func() {
				au[0] = test.in[i].au
				if err := tr.Write(test.in[i].at, au, false, func(time.Duration, []byte) error { return nil }); err != nil {
					t.Fatal(err)
				}
				i++
			}
			for range 60 {
				write()
			}
			if n := testing.AllocsPerRun(100, write); n > test.max {
				t.Errorf("%s to %s: %v allocations a unit", test.from.Codec, to, n)
			}
		}
	}
}

// BenchmarkSecond is the cost of a second of sound.
func BenchmarkSecond(b *testing.B) {
	rich := func(rate string) []float32 { return floats(speech(b, rate, "4")) }
	aac48, config48 := aacLC(b, rich("48000"), 48000)
	aac44, config44 := aacLC(b, rich("44100"), 44100)
	tests := []struct {
		name string
		from *camgate.Track
		in   []unit
	}{
		{"PCMA", track(camgate.PCMA, 8000, 1, nil), pcma(rich("8000"), 8000)},
		{"G722", track(camgate.G722, 8000, 1, nil), inG722(b, rich("16000"))},
		{"L16 48k", track(camgate.LPCM, 48000, 1, nil), l16(rich("48000"), 48000)},
		{"AAC 48k", track(camgate.AAC, 48000, 1, config48), aac48},
		{"AAC 44k", track(camgate.AAC, 44100, 1, config44), aac44},
	}
	for _, test := range tests {
		for _, to := range []camgate.Codec{camgate.Opus, camgate.AAC} {
			b.Run(test.name+" to "+string(to), func(b *testing.B) {
				tr, err := New(test.from, Settings{Codec: to})
				if err != nil {
					b.Fatal(err)
				}
				defer tr.Close()
				// The same again and again, a second an operation.
				each := test.in[1].at - test.in[0].at
				at, i, au := start, 0, make([][]byte, 1)
				b.ReportAllocs()
				for b.Loop() {
					for end := at + time.Second; at < end; at += each {
						au[0] = test.in[i%len(test.in)].au
						i++
						if err := tr.Write(at, au, false, func(time.Duration, []byte) error { return nil }); err != nil {
							b.Fatal(err)
						}
					}
				}
			})
		}
	}
}

func FuzzWrite(f *testing.F) {
	_, config := aacLC(f, beep(48000, 100*time.Millisecond), 48000)
	tracks := []*camgate.Track{
		track(camgate.AAC, 48000, 1, config), track(camgate.G722, 8000, 1, nil),
		track(camgate.PCMU, 8000, 2, nil), track(camgate.LPCM, 44100, 2, nil),
	}
	f.Add(byte(0), []byte{1, 2, 3}, int64(0))
	f.Add(byte(1), []byte{0xfc, 0xff, 0xfe}, int64(time.Second))
	f.Fuzz(func(t *testing.T, which byte, au []byte, step int64) {
		tr, err := New(tracks[int(which)%len(tracks)], Settings{Codec: camgate.Opus})
		if err != nil {
			t.Fatal(err)
		}
		defer tr.Close()
		at := start
		for range 4 {
			if err := tr.Write(at, [][]byte{au}, false, func(time.Duration, []byte) error { return nil }); err != nil && !errors.Is(err, camgate.ErrUnsupportedCodec) {
				t.Fatal(err)
			}
			at += time.Duration(step % int64(4*time.Second))
		}
	})
}

func FuzzAACConfig(f *testing.F) {
	f.Add([]byte{0x12, 0x10}, []byte{1, 2, 3})
	f.Fuzz(func(_ *testing.T, config, au []byte) {
		d, err := newAAC(config)
		if err != nil {
			return
		}
		var p planes
		p.reset(d.channels())
		_ = d.decode(&p, au)
	})
}

func FuzzMPEG(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0xff, 0xfb, 0x90, 0x64, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		m := &mpeg{}
		for range 2 {
			for _, frame := range m.strip([][]byte{b}) {
				if n := mpegFrame(frame); n == 0 || n > len(frame) {
					t.Fatalf("%d bytes of %d", n, len(frame))
				}
			}
		}
		stripAC3([][]byte{b})
	})
}
