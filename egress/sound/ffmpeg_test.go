package sound

import (
	"bytes"
	"encoding/binary"
	"os/exec"
	"testing"
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
