package fakecam_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/url"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/camgate/camgate/cmd/camgate/fakecam"
)

// tool runs a real client.
func tool(t *testing.T, name string, args ...string) (out, errs string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", name, err, o.String(), e.String())
	}
	return o.String(), e.String()
}

// withUser is the URL of a camera with a name and password.
func withUser(t *testing.T, cam *fakecam.Cam, user, password string) string {
	t.Helper()
	u, err := url.Parse(cam.URL())
	if err != nil {
		t.Fatal(err)
	}
	if user != "" {
		u.User = url.UserPassword(user, password)
	}
	return u.String()
}

// The whole is worth nothing if a good camera is not one: clients that share no code
// with us decode it without a complaint.
func TestHealthy(t *testing.T) {
	tests := []struct {
		name      string
		transport string
		o         fakecam.Options
	}{
		{"tcp", "tcp", fakecam.Options{}},
		{"udp", "udp", fakecam.Options{}},
		{"tls", "tcp", fakecam.Options{TLS: true}},
		{"digest", "tcp", fakecam.Options{User: "admin", Password: "p@ss:/%w"}},
		{"basic", "udp", fakecam.Options{User: "admin", Password: "secret", Faults: []string{"basic"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name+" ffprobe", func(t *testing.T) {
			t.Parallel()
			cam := start(t, tt.o)
			// Of UDP it reads what waits in the socket of the pictures before that of the sound:
			// together, where it has to wait for a processor, there would be less sound.
			media := []string{"video+audio"}
			if tt.transport == "udp" {
				media = []string{"video", "audio"}
			}
			frames := map[string]int{}
			for _, allowed := range media {
				out, errs := tool(t, "ffprobe", "-v", "warning", "-rtsp_transport", tt.transport, "-allowed_media_types", allowed, "-count_frames", "-read_intervals", "%+2",
					"-show_entries", "stream=codec_name,nb_read_frames", "-of", "csv=p=0", withUser(t, cam, tt.o.User, tt.o.Password))
				if errs != "" {
					t.Errorf("ffprobe complains: %s", errs)
				}
				for line := range strings.Lines(out) {
					codec, n, _ := strings.Cut(strings.TrimSpace(line), ",")
					frames[codec], _ = strconv.Atoi(n)
				}
			}
			if frames["h264"] < 45 || frames["aac"] < 85 {
				t.Errorf("decoded %v", frames)
			}
		})
		t.Run(tt.name+" GStreamer", func(t *testing.T) {
			t.Parallel()
			cam := start(t, tt.o)
			gstreamer(t, withUser(t, cam, tt.o.User, tt.o.Password), tt.transport)
		})
	}
}

var rendered = regexp.MustCompile(`rendered: (\d+)`)

// gstreamer plays pictures and sound until some pictures were shown.
func gstreamer(t *testing.T, location, protocols string) {
	t.Helper()
	const want = 40
	pipeline := "rtspsrc location=" + location + " protocols=" + protocols + " tls-validation-flags=0 latency=100 name=s " +
		"s. ! application/x-rtp,media=video ! rtph264depay ! h264parse ! avdec_h264 ! fpsdisplaysink video-sink=fakesink text-overlay=false sync=true " +
		"s. ! application/x-rtp,media=audio ! decodebin ! fakesink sync=true"
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "gst-launch-1.0", append([]string{"-v"}, strings.Fields(pipeline)...)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for lines := bufio.NewScanner(out); n < want && lines.Scan(); {
		if m := rendered.FindStringSubmatch(lines.Text()); m != nil {
			n, _ = strconv.Atoi(m[1])
		}
	}
	cmd.Process.Kill()
	io.Copy(io.Discard, out)
	cmd.Wait()
	if n < want {
		t.Errorf("GStreamer showed %d pictures: %s", n, errs.String())
	}
}
