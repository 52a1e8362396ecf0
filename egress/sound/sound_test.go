package sound

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

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
