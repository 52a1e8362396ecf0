package sound

import (
	"bytes"
	"encoding/binary"
	"math"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/matroska"
)

// run runs ffmpeg from and to a pipe.
func run(t testing.TB, in []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("ffmpeg", append([]string{"-hide_banner", "-nostdin", "-loglevel", "error"}, args...)...)
	var out, log bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &log
	if err := cmd.Run(); err != nil {
		t.Fatalf("ffmpeg %v: %v: %s", args, err, log.String())
	}
	return out.Bytes()
}

// pcm16 are samples as ffmpeg takes them.
func pcm16(s []float32) []byte {
	var b []byte
	for _, v := range s {
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(v*32767)))
	}
	return b
}

func floats(b []byte) []float32 {
	var s []float32
	for ; len(b) >= 2; b = b[2:] {
		s = append(s, float32(int16(binary.LittleEndian.Uint16(b)))/32768)
	}
	return s
}

// speech is no speech, but rich in tones, with pauses and attacks.
func speech(t testing.TB, rate string, seconds string) []byte {
	t.Helper()
	return run(t, nil, "-f", "lavfi", "-i",
		"aevalsrc=0.4*sin(2*PI*(300+200*sin(2*PI*1.3*t))*t)*(0.6+0.4*sin(2*PI*3*t))+0.2*sin(2*PI*1730*t)*gt(mod(t\\,0.4)\\,0.2)+0.05*(random(0)-0.5):s="+rate+":d="+seconds,
		"-f", "s16le", "-")
}

func TestG722IsThatOfFFmpeg(t *testing.T) {
	coded := run(t, speech(t, "16000", "5"), "-f", "s16le", "-ar", "16000", "-ac", "1", "-i", "-", "-c:a", "g722", "-f", "g722", "-")
	want := floats(run(t, coded, "-f", "g722", "-i", "-", "-f", "s16le", "-"))
	var got planes
	got.reset(1)
	d := newG722()
	if err := d.decode(&got, coded); err != nil {
		t.Fatal(err)
	}
	if got.len() != len(want) {
		t.Fatalf("%d samples, want %d", got.len(), len(want))
	}
	for i, v := range got.of[0] {
		if v != want[i] {
			t.Fatalf("sample %d is %v, want %v", i, v, want[i])
		}
	}
}

// heardByFFmpeg decodes what came out by ffmpeg's decoders.
func heardByFFmpeg(t testing.TB, tr *Transcoder, out []unit) heard {
	t.Helper()
	o := tr.Track()
	f := matroska.Format{Codec: camgate.AAC, Rate: o.ClockRate, Channels: o.Channels, Private: o.Params.Config, Tick: time.Microsecond}
	decoder := "aac"
	if o.Codec == camgate.Opus {
		f.Codec, decoder = "A_OPUS", "libopus"
		f.Private = append([]byte("OpusHead\x01"), byte(o.Channels), 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0)
	}
	var b bytes.Buffer
	w, err := matroska.NewWriter(&b, f)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range out {
		if err := w.Picture([][]byte{u.au}, true, uint64((u.at-out[0].at)/time.Microsecond)); err != nil {
			t.Fatal(err)
		}
	}
	return heard{at: out[0].at, rate: o.ClockRate, s: floats(run(t, b.Bytes(),
		"-f", "matroska", "-c:a", decoder, "-i", "-", "-ac", "1", "-f", "s16le", "-"))}
}

// snr is how far a sound is from what it should be, in dB, at the best of a few
// places near one; place is where that is, in samples.
func snr(want, got []float32, near int) (best float64, place int) {
	best = -100
	for shift := near - 50; shift <= near+50; shift++ {
		var signal, noise float64
		for i := 2000; i < len(want)-2000; i += 3 {
			if i+shift < 0 || i+shift >= len(got) {
				continue
			}
			w, d := float64(want[i]), float64(want[i]-got[i+shift])
			signal += w * w
			noise += d * d
		}
		if s := 10 * math.Log10(signal/noise); s > best {
			best, place = s, shift
		}
	}
	return best, place
}

// What we make is heard by ffmpeg as well as what ffmpeg makes itself of the same, at
// the same rate, or nearly so; and at the same time as the original.
func TestQuality(t *testing.T) {
	original := speech(t, "48000", "5")
	want := floats(original)
	tests := []struct {
		codec   camgate.Codec
		bitrate int
		args    []string
		skip    int // samples that ffmpeg's own decoder leaves in
	}{
		{camgate.Opus, 48000, []string{"-c:a", "libopus", "-b:a", "48k", "-f", "ogg", "-"}, 0},
		{camgate.AAC, 64000, []string{"-c:a", "aac", "-b:a", "64k", "-f", "adts", "-"}, 1024},
	}
	for _, test := range tests {
		out, tr := transcode(t, track(camgate.LPCM, 48000, 1, nil), Settings{Codec: test.codec, Bitrate: test.bitrate}, l16(want, 48000))
		h := heardByFFmpeg(t, tr, out)
		lead := int((start - h.at) * 48000 / time.Second)
		ours, place := snr(want, h.s[max(0, lead):], 0)
		bytes := 0
		for _, u := range out {
			bytes += len(u.au)
		}
		theirs, _ := snr(want, floats(run(t, run(t, original, append([]string{"-f", "s16le", "-ar", "48000", "-ac", "1", "-i", "-"}, test.args...)...), "-i", "-", "-f", "s16le", "-")), test.skip)
		t.Logf("%s: %.1f dB at %+d samples, %d bit/s; ffmpeg's %.1f dB", test.codec, ours, place, bytes*8/5, theirs)
		if place < -48 || place > 48 {
			t.Errorf("%s: %d samples off", test.codec, place)
		}
		if ours < theirs-4 {
			t.Errorf("%s: %.1f dB, ffmpeg's %.1f", test.codec, ours, theirs)
		}
	}
}

// split cuts a file of frames that tell their length.
func split(t testing.TB, b []byte, length func([]byte) int, each time.Duration) []unit {
	t.Helper()
	var out []unit
	for len(b) > 0 {
		n := length(b)
		if n == 0 || n > len(b) {
			break
		}
		out = append(out, unit{start + each*time.Duration(len(out)), b[:n]})
		b = b[n:]
	}
	if len(out) < 10 {
		t.Fatalf("only %d frames", len(out))
	}
	return out
}

// What a program decodes lies where it was, too, and is not late for long.
func TestProgramDecodes(t *testing.T) {
	original := pcm16(beep(48000, 3*time.Second))
	in := []string{"-f", "s16le", "-ar", "48000", "-ac", "1", "-i", "-"}
	mp3 := run(t, original, append(in, "-c:a", "libmp3lame", "-b:a", "64k", "-write_xing", "0", "-id3v2_version", "0", "-f", "mp3", "-")...)
	ac3 := run(t, original, append(in, "-c:a", "ac3", "-b:a", "96k", "-f", "ac3", "-")...)
	six := run(t, original, append(in, "-ac", "6", "-c:a", "aac", "-b:a", "192k", "-f", "adts", "-")...)
	half := run(t, original, append(in, "-ar", "24000", "-c:a", "aac", "-b:a", "64k", "-f", "adts", "-")...)
	adts := func(b []byte) int { return int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5]>>5) }
	tests := []struct {
		name, format string
		file         []byte
		from         *camgate.Track
		units        []unit
		head         int    // bytes of each frame that are not in the unit
		payload      []byte // before each
		delay        time.Duration
	}{
		{"MP3", "mp3", mp3, track("MPA", 90000, 1, nil), split(t, mp3, mpegFrame, 24*time.Millisecond), 0, []byte{0, 0, 0, 0}, 0},
		{"AC-3", "ac3", ac3, track(camgate.AC3, 48000, 1, nil), split(t, ac3, func([]byte) int { return 384 }, 32*time.Millisecond), 0, []byte{0, 1}, 0},
		{"AAC of 6 channels", "aac", six, track(camgate.AAC, 48000, 6, []byte{0x11, 0xb0}), split(t, six, adts, 1024*time.Second/48000), 7, nil, 0},
		// No encoder for HE-AAC is at hand: the lower half is AAC-LC, and the upper half is empty. A
		// decoder delays by 962 samples (its filter banks, ISO/IEC 14496-3 section 4.6.18), which an encoder would allow for.
		{"HE-AAC", "aac", half, track(camgate.AAC, 48000, 1, []byte{0x2b, 0x09, 0x88, 0}), split(t, half, adts, 2048*time.Second/48000), 7, nil, 962 * time.Second / 48000},
		{"Opus", "", nil, track(camgate.Opus, 48000, 1, nil), inOpus(t, beep(48000, 3*time.Second)), 0, nil, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := start + time.Second
			if test.file != nil {
				want = test.delay + heard{at: start, rate: 48000, s: floats(run(t, test.file, "-f", test.format, "-i", "-", "-ac", "1", "-ar", "48000", "-f", "s16le", "-"))}.onset(t)
			}
			tr, err := New(test.from, Settings{Codec: camgate.Opus})
			if err != nil {
				t.Fatal(err)
			}
			defer tr.Close()
			var out []unit
			take := func(at time.Duration, au []byte) error { out = append(out, unit{at, au}); return nil }
			for i, u := range test.units {
				if i == len(test.units)-20 {
					// Let it end, so that all is there; the rest begins anew.
					tr.outside.process.Stdin.Close()
					tr.outside.running.Wait()
					tr.pcm.reset(tr.channels)
					at, err := tr.outside.take(&tr.pcm)
					if err != nil {
						t.Fatal(err)
					}
					if err := tr.line.write(at, &tr.pcm, false, take); err != nil {
						t.Fatal(err)
					}
					break
				}
				if err := tr.Write(u.at, [][]byte{append(slices.Clone(test.payload), u.au[test.head:]...)}, false, take); err != nil {
					t.Fatal(err)
				}
			}
			if tr.Decoder() != "ffmpeg" {
				t.Errorf("decoded by %s", tr.Decoder())
			}
			h := hear(t, tr, out)
			late := h.onset(t) - want
			if hz := h.pitch(t); hz < 950 || hz > 1050 {
				t.Errorf("the beep has %.0f Hz", hz)
			}
			if late < -5*time.Millisecond || late > 5*time.Millisecond {
				t.Errorf("the beep is %v late", late)
			}
			t.Logf("the beep is %v late", late)
		})
	}
}
