package pipe

import (
	"bytes"
	"math/rand/v2"
	"os/exec"
	"testing"

	"github.com/camgate/camgate"
)

// made returns what ffmpeg writes of a moving picture: a second, 25 pictures.
func made(t testing.TB, args ...string) []byte {
	t.Helper()
	all := append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=1", "-pix_fmt", "yuv420p"}, append(args, "-")...)
	out, err := exec.CommandContext(t.Context(), "ffmpeg", all...).Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v", err)
	}
	return out
}

// What encoders really write, whatever the pieces in which it comes.
func TestEncoders(t *testing.T) {
	for _, tt := range []struct {
		name  string
		codec camgate.Codec
		args  []string
	}{
		{"x264", camgate.H264, x264},
		{"x264, delimiters", camgate.H264, append([]string{"-x264-params", "aud=1"}, x264...)},
		{"x264, 4 slices", camgate.H264, append([]string{"-x264-params", "slices=4"}, x264...)},
		{"x264, B pictures", camgate.H264, []string{"-c:v", "libx264", "-bf", "3", "-g", "10", "-f", "h264"}},
		{"x265", camgate.H265, x265},
		{"x265, slices", camgate.H265, []string{"-c:v", "libx265", "-x265-params", "keyint=10:slices=2:log-level=error", "-preset", "ultrafast", "-f", "hevc"}},
		{"JPEG", camgate.MJPEG, mjpeg},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := made(t, tt.args...)
			random := rand.New(rand.NewPCG(1, 2))
			for _, most := range []int{1, 7, 1000, len(in)} {
				var pieces [][]byte
				for rest := in; len(rest) > 0; {
					n := min(1+random.IntN(most), len(rest))
					pieces = append(pieces, rest[:n])
					rest = rest[n:]
				}
				w := &window{}
				var s splitter = &h26x{window: w, codec: tt.codec}
				if tt.codec == camgate.MJPEG {
					s = &jpegs{window: w}
				}
				units, err := split(t, s, w, append(pieces, nil)...)
				if err != nil {
					t.Fatal(err)
				}
				if len(units) != 25 {
					t.Errorf("in pieces of up to %d: %d pictures, want 25", most, len(units))
				}
				if tt.codec == camgate.MJPEG {
					continue
				}
				var again []byte
				for _, u := range units {
					for _, nalu := range u.au {
						again = append(append(again, startCode...), nalu...)
					}
				}
				if want := bytes.ReplaceAll(in, []byte{0, 0, 0, 1}, startCode); !bytes.Equal(again, want) {
					t.Errorf("in pieces of up to %d: bytes are missing or too many: %d, want %d", most, len(again), len(want))
				}
			}
		})
	}
}
