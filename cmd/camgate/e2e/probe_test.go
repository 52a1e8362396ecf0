package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// TestProbe asks servers that share no code with camgate, for people and for machines.
func TestProbe(t *testing.T) {
	plain, digest := freeTCP(t), freeTCP(t)
	camera(t, plain)
	camera(t, digest, "--user", "ada:secret")
	udp := freePair(t)
	background(t, "ffmpeg", "-v", "quiet", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25", "-c:v", "libx264", "-preset", "ultrafast",
		"-bf", "0", "-g", "25", "-pix_fmt", "yuv420p", "-f", "mpegts", fmt.Sprintf("udp://127.0.0.1:%d?pkt_size=1316", udp))
	for _, tt := range []struct {
		name, url string
		code      int
		text      []string // for people
		outputs   string   // for machines
	}{
		{"H264 and Opus", fmt.Sprintf("rtsp://127.0.0.1:%d/h264", plain), 0, []string{"H264", "Opus", "The source works."}, "rtsp works webrtc works hls works mjpeg works"},
		{"H265", fmt.Sprintf("rtsp://127.0.0.1:%d/h265", plain), 0, []string{"made anew: video H265 -> H264"}, "rtsp works webrtc works hls works_if mjpeg works"},
		{"MJPEG", fmt.Sprintf("rtsp://127.0.0.1:%d/mjpeg", plain), 0, []string{"made anew: video MJPEG -> H264"}, "rtsp works webrtc works hls works mjpeg works"},
		{"with a password", fmt.Sprintf("rtsp://ada:secret@127.0.0.1:%d/h264", digest), 0, []string{"Digest"}, "rtsp works webrtc works hls works mjpeg works"},
		{"wrong password", fmt.Sprintf("rtsp://ada:secretly@127.0.0.1:%d/h264", digest), 4, []string{"authentication_failed:"}, ""},
		{"no such path", fmt.Sprintf("rtsp://127.0.0.1:%d/none", plain), 9, []string{"not_found:"}, ""},
		{"sound only", fmt.Sprintf("rtsp://127.0.0.1:%d/l16", plain), 6, []string{"no_video_track:", "made anew: audio LPCM -> AAC"}, "rtsp works webrtc sound_only hls sound_only mjpeg cannot"},
		{"ffmpeg by UDP", fmt.Sprintf("udp+mpegts://127.0.0.1:%d", udp), 0, []string{"H264", "320x240"}, "rtsp works webrtc works hls works mjpeg works"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			probe := func(args ...string) string {
				b, err := exec.CommandContext(t.Context(), program, append([]string{"probe", "--time", "3s", tt.url}, args...)...).Output()
				code, failed := 0, (*exec.ExitError)(nil)
				if errors.As(err, &failed) {
					code = failed.ExitCode()
				} else if err != nil {
					t.Fatal(err)
				}
				if code != tt.code {
					t.Errorf("exit code %d, want %d: %s", code, tt.code, b)
				}
				if strings.Contains(string(b), "secret") {
					t.Errorf("the password is told: %s", b)
				}
				return string(b)
			}
			text := probe()
			for _, want := range tt.text {
				if !strings.Contains(text, want) {
					t.Errorf("%q is missing in %s", want, text)
				}
			}
			var report struct {
				OK      bool `json:"ok"`
				Outputs []struct{ Output, Result string }
				Decoder struct{ Result string }
			}
			machine := probe("--json")
			if err := json.Unmarshal([]byte(machine), &report); err != nil {
				t.Fatalf("%v: %s", err, machine)
			}
			var verdicts []string
			for _, o := range report.Outputs {
				verdicts = append(verdicts, o.Output, o.Result)
			}
			if got := strings.Join(verdicts, " "); got != tt.outputs || report.OK != (tt.code == 0) || report.OK && report.Decoder.Result != "ok" {
				t.Errorf("%s, want %s: %s", got, tt.outputs, machine)
			}
		})
	}
}
