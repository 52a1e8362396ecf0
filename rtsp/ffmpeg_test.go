package rtsp

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// ffmpeg publishes by TCP and UDP, and reads back what it has published.
func TestPublishFFmpeg(t *testing.T) {
	for _, transport := range []string{"tcp", "udp"} {
		t.Run(transport, func(t *testing.T) {
			g := newGateway(t, func(o *Options) {
				withUDP(o)
				o.Users = camgate.Users{{Name: "a", Password: "b c", Role: camgate.RoleAdmin}}
			})
			s := g.waiting(t, "cam")
			url := fmt.Sprintf("rtsp://a:b%%20c@%s/cam", g.Addr())
			ctx, cancel := context.WithCancel(t.Context())
			cmd := exec.CommandContext(ctx, tool(t, "ffmpeg"), "-v", "error", "-re",
				"-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
				"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-bf", "0", "-g", "25", "-pix_fmt", "yuv420p",
				"-c:a", "aac", "-f", "rtsp", "-rtsp_transport", transport, url)
			var out strings.Builder
			cmd.Stderr = &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			end := sync.OnceFunc(func() { cancel(); _ = cmd.Wait() })
			defer end()
			eventually(t, "the stream is live", func() bool { return s.Status().State == camgate.StateLive })
			probe(t, url, "tcp", map[string]int{"h264": 50, "aac": 50})
			probe(t, url, "udp", map[string]int{"h264": 50, "aac": 50})
			if end(); out.Len() > 0 {
				t.Error(out.String())
			}
		})
	}
}

// probe has ffprobe decode two seconds of a stream; want is the least number of
// frames by codec. Nothing but the counts may be said.
func probe(t testing.TB, url, transport string, want map[string]int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, tool(t, "ffprobe"), "-v", "error", "-rtsp_transport", transport, "-count_frames",
		"-read_intervals", "%+2.5", "-show_entries", "stream=codec_name,nb_read_frames", "-of", "csv=p=0", url).CombinedOutput()
	if err != nil {
		t.Fatalf("ffprobe: %v\n%s", err, out)
	}
	// Tests run at the same time, and ffmpeg tries port after port.
	out = regexp.MustCompile(`\[udp @ \w+\] bind failed: Address already in use`).ReplaceAll(out, nil)
	lines := strings.Fields(string(out))
	for codec, least := range want {
		found := false
		for i, line := range lines {
			var n int
			if _, err := fmt.Sscanf(line, codec+",%d", &n); err == nil {
				found = true
				lines[i] = ""
				if n < least {
					t.Errorf("%s: %d frames of %s, want %d", transport, n, codec, least)
				}
			}
		}
		if !found {
			t.Errorf("%s: no %s in\n%s", transport, codec, out)
		}
	}
	if rest := strings.Join(lines, ""); rest != "" {
		t.Errorf("%s: ffprobe says\n%s", transport, out)
	}
}
