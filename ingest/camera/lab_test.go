//go:build v4l2lab

// What the devices of the virtual machine prove; scripts/cameralab/lab.sh runs it there.
// It is told by the environment which device plays which part:
//
//	LAB_OUT       a folder with clips and the program
//	LAB_VIVID     a vivid webcam, whose faults can be switched on
//	LAB_MPLANE    another one whose planes have memory of their own
//	LAB_CARD      a third one, whose input 0 is HDMI and whose input 1 is a TV tuner
//	LAB_LOOPBACK1, 2, 3, 4  v4l2loopbacks, which list the format that they are fed
package camera

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

var (
	vivid = env("LAB_VIVID")
	// A loopback keeps the first format that it is given.
	folder                                    = env("LAB_OUT")
	loopback, loopback2, loopback3, loopback4 = env("LAB_LOOPBACK1"), env("LAB_LOOPBACK2"), env("LAB_LOOPBACK3"), env("LAB_LOOPBACK4")
)

func env(name string) string { return os.Getenv(name) }

// gateway is a stream that a supervisor fills from a camera.
type gateway struct {
	stream *camgate.Stream
	source *Source
	ended  chan struct{}
	stop   func()
}

func serve(t *testing.T, o Options) *gateway {
	t.Helper()
	o.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	source, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{source: source, ended: make(chan struct{})}
	registry := camgate.NewRegistry(0)
	if g.stream, err = registry.Add("cam", camgate.StreamLimits{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	sup := ingest.NewSupervisor(g.stream, []camgate.Source{source}, ingest.Options{Logger: o.Logger})
	go func() {
		defer close(g.ended)
		_ = sup.Run(ctx)
	}()
	g.stop = func() { cancel(); <-g.ended }
	t.Cleanup(g.stop)
	return g
}

// await waits until the stream's status is as wanted, for four times the limit: the
// processors of the virtual machine are a program, on a machine that may be busy.
func (g *gateway) await(t *testing.T, what string, limit time.Duration, ok func(camgate.Status) bool) time.Duration {
	t.Helper()
	begin := time.Now()
	for timer := time.After(4 * limit); ; {
		changed := g.stream.Changed()
		if ok(g.stream.Status()) {
			return time.Since(begin)
		}
		select {
		case <-changed:
		case <-time.After(50 * time.Millisecond):
		case <-timer:
			t.Fatalf("%s: not within %s: %+v", what, limit, g.stream.Status())
		}
	}
}

func live(st camgate.Status) bool { return st.State == camgate.StateLive }

func (g *gateway) reader(t *testing.T) *camgate.Reader {
	t.Helper()
	r, err := g.stream.Subscribe(t.Context(), camgate.SubscribeOptions{Internal: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// next reads a unit in time.
func next(t *testing.T, r *camgate.Reader) *camgate.Unit {
	t.Helper()
	timer := time.AfterFunc(40*time.Second, r.Close)
	defer timer.Stop()
	u, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// feed has ffmpeg write to the loopback until the test ends, or stop is called.
func feed(t *testing.T, args ...string) (stop func()) {
	t.Helper()
	var log bytes.Buffer
	cmd := exec.Command("ffmpeg", append([]string{"-v", "error", "-nostdin"}, args...)...)
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := false
	stop = func() {
		if !done {
			done = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			if text := strings.TrimSpace(log.String()); text != "" {
				t.Logf("ffmpeg: %.300s", text)
			}
		}
	}
	t.Cleanup(stop)
	return stop
}

func TestLabDevices(t *testing.T) {
	out := t.Output()
	found := Devices()
	for _, d := range found {
		fmt.Fprintf(out, "%s %s (%s): %d formats, %d controls, error %q\n", d.Path, d.Name, d.Driver, len(d.Formats), len(d.Controls), d.Err)
	}
	d := found[0]
	if d.Path != vivid || d.Driver != "vivid" || len(d.Formats) < 20 || len(d.Controls) < 20 || d.Err != "" {
		t.Errorf("%+v", d)
	}
	for _, f := range d.Formats {
		if f.Name == "YUYV" && (f.Codec != "Raw" || len(f.Sizes) < 3 || len(f.Sizes[0].FPS) == 0) {
			t.Errorf("%+v", f)
		}
	}
}

// The program itself: a raw camera is encoded, and watched by RTSP; a camera that
// compresses goes through as it is; one that is missing is told of.
func TestLabProgram(t *testing.T) {
	feed(t, "-re", "-stream_loop", "-1", "-f", "mjpeg", "-framerate", "10", "-i", filepath.Join(folder, "a.mjpeg"), "-c", "copy", "-f", "v4l2", loopback4)
	config := filepath.Join(t.TempDir(), "camgate.yaml")
	text := fmt.Sprintf(`
state_dir: %s
streams:
  raw: {source: "v4l2://%s", video: {size: 320x180, fps: 15, format: yuyv422}, controls: {brightness: 100}}
  jpeg: {source: "v4l2://%s"}
  away: {source: "v4l2://name=Nobody*"}
`, t.TempDir(), vivid, loopback4)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command(filepath.Join(folder, "camgate"), "-c", config)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("camgate:\n%s", log.String())
		}
	}()
	for name, codec := range map[string]string{"raw": "h264,320,180,", "jpeg": "mjpeg,320,184,"} { // RTP counts JPEG by eights (RFC 2435)
		begin := time.Now()
		var out []byte
		for time.Since(begin) < 3*time.Minute { // until it has an encoder
			probe := exec.Command("timeout", "60", "ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-count_frames", "-read_intervals", "%+2",
				"-show_entries", "stream=codec_name,width,height,nb_read_frames", "-of", "csv=p=0", "rtsp://127.0.0.1:8554/"+name)
			if out, _ = probe.Output(); bytes.HasPrefix(out, []byte(codec)) {
				break
			}
		}
		frames := 0
		if _, err := fmt.Sscanf(strings.TrimPrefix(string(out), codec), "%d", &frames); err != nil || frames < 10 {
			t.Errorf("%s: %q", name, out)
		}
		t.Logf("%s: ffprobe reads %d pictures of %s", name, frames, codec)
	}
	if out, err := exec.Command(filepath.Join(folder, "camgate"), "devices").CombinedOutput(); err != nil || !bytes.Contains(out, []byte("held by   camgate, pid ")) {
		t.Errorf("devices: %v: %.2000s", err, out)
	}
	if !strings.Contains(log.String(), `no camera with the name \"Nobody*\"`) {
		t.Error("the log says nothing of the camera that is missing")
	}
}
