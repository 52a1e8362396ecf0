package encode

import (
	"bytes"
	"context"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/camgate/camgate"
)

// TestInterlaced has pictures taken by halves made whole: ffmpeg finds combs in those that
// are only passed on, and none in those that were. Their times stay what they are.
func TestInterlaced(t *testing.T) {
	const count = 40
	for _, order := range []string{"tff", "bff"} {
		mode := map[string]string{"tff": "interleave_top", "bff": "interleave_bottom"}[order]
		data, err := exec.CommandContext(t.Context(), "ffmpeg", strings.Fields("-v error -f lavfi -i smptebars=s=320x240:r=50 -vf scroll=h=0.02,tinterlace="+mode+" -frames:v 40 -pix_fmt yuyv422 -f rawvideo -")...).Output()
		if err != nil {
			t.Fatal(err)
		}
		for fields, combed := range map[string]bool{"": true, order: false} {
			f := Format{Codec: camgate.Raw, Width: 320, Height: 240, Pixels: "yuyv422", FPS: 25, Fields: fields}
			s := open(t, choose(t, f, Settings{Encoder: "libx264"}), f, Settings{Bitrate: 8e6})
			size, made, got := len(data)/count, bytes.Buffer{}, 0
			err := s.Run(t.Context(), source(count, func(i int) Picture {
				return Picture{Time: odd(i), AU: [][]byte{data[i*size:][:size]}}
			}), func(p Picture) error {
				if p.Time != odd(got) {
					t.Errorf("picture %d has time %v, want %v", got, p.Time, odd(got))
				}
				got++
				for _, nalu := range p.AU {
					made.Write([]byte{0, 0, 0, 1})
					made.Write(nalu)
				}
				return nil
			})
			if err != nil || got != count {
				t.Fatalf("%d pictures, %v", got, err)
			}
			if n := combs(t.Context(), t, made.Bytes()); combed && n < count || !combed && n > 0 {
				t.Errorf("%s, told %q: combs in %d of %d", order, fields, n, count)
			}
		}
	}
}

// combs returns in how many pictures ffmpeg finds two halves.
func combs(ctx context.Context, t *testing.T, h264 []byte) (n int) {
	t.Helper()
	cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "info", "-nostdin", "-f", "h264", "-i", "pipe:0", "-vf", "idet", "-f", "null", "-")
	cmd.Stdin = bytes.NewReader(h264)
	out, err := cmd.CombinedOutput()
	m := regexp.MustCompile(`Multi frame detection: TFF: *(\d+) BFF: *(\d+)`).FindSubmatch(out)
	if err != nil || m == nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, digits := range m[1:] {
		sum := 0
		for _, d := range digits {
			sum = 10*sum + int(d-'0')
		}
		n += sum
	}
	return n
}
