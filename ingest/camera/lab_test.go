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
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
	"github.com/camgate/camgate/internal/v4l2"
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

func TestLabRaw(t *testing.T) {
	for _, format := range []string{"YUYV", "NV12", "YU12", "GREY", "RGB3"} {
		t.Run(format, func(t *testing.T) {
			g := serve(t, Options{Target: vivid, Format: format, Width: 320, Height: 180, FPS: 15})
			g.await(t, "live", 15*time.Second, live)
			r := g.reader(t)
			distinct := map[[32]byte]bool{}
			var first, last *camgate.Unit
			const count = 20
			for range count {
				u := next(t, r)
				if !u.Hold() {
					continue
				}
				distinct[sha256.Sum256(u.AU[0])] = true
				p := u.Track.Params()
				f, _ := v4l2.ParseFourCC(format)
				want := map[string]int{"YUYV": 2 * 320 * 180, "NV12": 320 * 180 * 3 / 2, "YU12": 320 * 180 * 3 / 2, "GREY": 320 * 180, "RGB3": 3 * 320 * 180}[format]
				if len(u.AU[0]) != want || p.Width != 320 || p.Height != 180 || p.Pixels != layouts[f].name || u.Track.Codec != camgate.Raw {
					t.Fatalf("%d bytes, want %d; %+v", len(u.AU[0]), want, p)
				}
				u.Release()
				if first == nil {
					first = u
				}
				last = u
			}
			if age := time.Since(last.NTP); age < -time.Second || age > 5*time.Second { // the clock is the right one
				t.Errorf("a picture says that it was taken %s ago", age)
			}
			rate := float64(count-1) / (last.Time() - first.Time()).Seconds()
			t.Logf("%d pictures, %d of them different, %.1f a second by their times; the last was taken %s ago", count, len(distinct), rate, time.Since(last.NTP).Round(time.Millisecond))
			if len(distinct) < count*9/10 {
				t.Errorf("%d of %d pictures differ", len(distinct), count)
			}
			if fps := last.Track.Params().FPS; fps < rate*0.7 || fps > rate*1.4 {
				t.Errorf("the camera says %v a second, by the times of its pictures it is %.2f", fps, rate)
			}
		})
	}
}

// What ffmpeg makes of a raw picture is what is meant by it: a frame of vivid's colour
// bars, as our layouts describe them, has the same colours in all formats.
func TestLabLayouts(t *testing.T) {
	formats := []string{"RGB3", "YUYV", "UYVY", "NV12", "NV21", "YU12"}
	args, filter, stacked := []string{"-v", "error", "-nostdin"}, "", ""
	for i, format := range formats {
		g := serve(t, Options{Target: vivid, Format: format, Width: 320, Height: 180, FPS: 15})
		g.await(t, "live", 15*time.Second, live)
		u := next(t, g.reader(t))
		if !u.Hold() {
			t.Fatal("gone")
		}
		p := u.Track.Params()
		file := filepath.Join(t.TempDir(), format)
		if err := os.WriteFile(file, u.AU[0], 0o600); err != nil {
			t.Fatal(err)
		}
		u.Release()
		g.stop()
		args = append(args, "-f", "rawvideo", "-pix_fmt", p.Pixels, "-s", fmt.Sprintf("%dx%d", p.Width, p.Height), "-i", file)
		filter += fmt.Sprintf("[%d]scale=40:1,format=rgb24[a%d];", i, i)
		stacked += fmt.Sprintf("[a%d]", i)
	}
	filter += fmt.Sprintf("%svstack=inputs=%d", stacked, len(formats))
	args = append(args, "-filter_complex", filter, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
	out, err := exec.Command("ffmpeg", args...).Output()
	const row = 40 * 3
	if err != nil || len(out) != row*len(formats) {
		t.Fatalf("%v, %d bytes", err, len(out))
	}
	for i, format := range formats[1:] {
		worst := 0
		for x := range row {
			a, b := int(out[x]), int(out[(i+1)*row+x])
			worst = max(worst, a-b, b-a)
		}
		t.Logf("%s: colours differ by %d at the most", format, worst)
		if worst > 60 { // ranges and averages; another order of U and V is 200
			t.Errorf("%s: colours differ by %d: %v, %v", format, worst, out[(i+1)*row:][:row], out[:row])
		}
	}
}

func TestLabMultiPlanar(t *testing.T) {
	device := env("LAB_MPLANE")
	for _, format := range []string{"NM12", "YM12", "NV12"} {
		g := serve(t, Options{Target: device, Format: format, Width: 320, Height: 180, FPS: 15})
		g.await(t, "live", 15*time.Second, live)
		r := g.reader(t)
		for range 5 {
			if u := next(t, r); len(u.AU[0]) != 320*180*3/2 {
				t.Fatalf("%s: %d bytes", format, len(u.AU[0]))
			}
		}
		g.stop()
	}
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

func TestLabMJPEG(t *testing.T) {
	file := filepath.Join(folder, "a.mjpeg")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	feed(t, "-re", "-stream_loop", "-1", "-f", "mjpeg", "-framerate", "10", "-i", file, "-c", "copy", "-f", "v4l2", loopback)
	g := serve(t, Options{Target: loopback})
	g.await(t, "live", 20*time.Second, live)
	r := g.reader(t)
	const count = 30
	for range count {
		if u := next(t, r); u.Track.Codec != camgate.MJPEG || !bytes.Contains(data, u.AU[0]) {
			t.Fatalf("a %s picture of %d bytes is none of those that were fed", u.Track.Codec, len(u.AU[0]))
		}
	}
	st := g.source.Stats()
	t.Logf("%d pictures are byte for byte those that were fed; %+v", count, st)
	if st.Broken > 0 {
		t.Errorf("%d pictures came broken", st.Broken)
	}
}

func TestLabH264(t *testing.T) {
	file := filepath.Join(folder, "a.h264")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	feed(t, "-re", "-stream_loop", "-1", "-f", "h264", "-framerate", "10", "-i", file, "-c", "copy", "-f", "v4l2", loopback2)
	g := serve(t, Options{Target: loopback2, Format: "h264", Bitrate: 1_000_000})
	g.await(t, "live", 20*time.Second, live)
	r := g.reader(t)
	const count = 30
	for range count {
		u := next(t, r)
		if u.Track.Codec != camgate.H264 {
			t.Fatal(u.Track.Codec)
		}
		for _, nalu := range u.AU {
			if !bytes.Contains(data, nalu) {
				t.Fatalf("a NAL unit of %d bytes is none of those that were fed", len(nalu))
			}
		}
	}
	p := g.stream.Tracks()[0].Params()
	t.Logf("%d pictures are byte for byte those that were fed: %s, %dx%d", count, p.Profile, p.Width, p.Height)
	if p.Width != 320 || p.Height != 180 {
		t.Errorf("%+v", p)
	}
	if w := strings.Join(g.stream.Info().Warnings, "\n"); !strings.Contains(w, "cannot be told the bitrate") {
		t.Errorf("warnings: %q", w)
	}
}

// command runs what switches a fault on.
func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o200); err != nil {
		t.Fatal(err)
	}
}

func TestLabUnplugged(t *testing.T) {
	// By its name: the number may be another one afterwards.
	g := serve(t, Options{Target: "name=vivid*", Format: "YUYV", Width: 320, Height: 180, FPS: 15})
	g.await(t, "live", 15*time.Second, live)
	r := g.reader(t)
	next(t, r)
	const driver = "/sys/bus/platform/drivers/vivid/"
	write(t, driver+"unbind", "vivid.0")
	g.await(t, "away", 3*time.Second, func(st camgate.Status) bool { return !live(st) && st.Err != nil })
	gone := g.stream.Status().LastErr
	t.Logf("unplugged: %v", gone)
	if !errors.Is(gone, ErrUnplugged) || !errors.Is(gone, camgate.ErrConnectionFailed) {
		t.Errorf("the error is %v", gone)
	}
	time.Sleep(3 * time.Second) // as long as a hand takes; nothing is synchronised by it
	absent := g.stream.Status().Err
	t.Logf("meanwhile: %v", absent)
	write(t, driver+"bind", "vivid.0")
	healed := g.await(t, "live again", 10*time.Second, live)
	u := next(t, r)
	t.Logf("plugged in again: live after %s, and the reader goes on (%d bytes)", healed.Round(time.Millisecond), len(u.AU[0]))
}

func TestLabBusy(t *testing.T) {
	other, err := v4l2.Open(vivid)
	if err != nil {
		t.Fatal(err)
	}
	_ = other.Close()
	stop := feed(t, "-f", "v4l2", "-input_format", "yuyv422", "-video_size", "320x180", "-i", vivid, "-f", "null", "-")
	host := thisHost()
	for begin := time.Now(); ; {
		if h := host.holders(vivid); len(h) > 0 && busyNow(vivid) {
			break
		}
		if time.Since(begin) > time.Minute {
			t.Fatal("ffmpeg does not take the camera")
		}
		<-time.After(100 * time.Millisecond) // it needs the processor
	}
	g := serve(t, Options{Target: vivid, Format: "YUYV", Width: 320, Height: 180})
	g.await(t, "refused", 5*time.Second, func(st camgate.Status) bool { return st.Err != nil })
	refused := g.stream.Status().LastErr
	t.Logf("busy: %v", refused)
	var busy *BusyError
	if !errors.As(refused, &busy) || len(busy.Holders) != 1 || busy.Holders[0].Command != "ffmpeg" || !strings.Contains(refused.Error(), "held by ffmpeg, pid ") {
		t.Errorf("the error is %v", refused)
	}
	time.Sleep(3 * time.Second)
	stop()
	healed := g.await(t, "live", 10*time.Second, live)
	t.Logf("free again: live after %s", healed.Round(time.Millisecond))
}

func busyNow(path string) bool {
	d, err := v4l2.Open(path)
	if err != nil {
		return false
	}
	defer d.Close()
	return errors.Is(d.Probe(v4l2.Capture), syscall.EBUSY)
}

func TestLabStreamOnError(t *testing.T) {
	command(t, "v4l2-ctl", "-d", vivid, "-c", "inject_vidioc_streamon_error=1")
	g := serve(t, Options{Target: vivid, Format: "YUYV", Width: 320, Height: 180, FPS: 15})
	g.await(t, "refused, then live", 10*time.Second, live)
	err := g.stream.Status().LastErr
	t.Logf("named: %v", err)
	if err == nil || !strings.Contains(err.Error(), "start the stream") {
		t.Errorf("the error is %v", err)
	}
}

func TestLabDropped(t *testing.T) {
	defer command(t, "v4l2-ctl", "-d", vivid, "-c", "percentage_of_dropped_buffers=0")
	g := serve(t, Options{Target: vivid, Format: "YUYV", Width: 320, Height: 180, FPS: 15})
	g.await(t, "live", 15*time.Second, live)
	if st := g.source.Stats(); st.Lost > 2 {
		t.Errorf("without a fault: %+v", st)
	}
	before := g.source.Stats()
	command(t, "v4l2-ctl", "-d", vivid, "-c", "percentage_of_dropped_buffers=30")
	r := g.reader(t)
	for range 60 {
		next(t, r)
	}
	st := g.source.Stats()
	lost, came := st.Lost-before.Lost, st.Pictures-before.Pictures
	share := 100 * float64(lost) / float64(lost+came)
	t.Logf("the device was told to drop 30 %%: counted %d of %d, which is %.0f %%", lost, lost+came, share)
	if share < 12 || share > 50 {
		t.Error("that is not what was dropped")
	}
}

func TestLabBroken(t *testing.T) {
	g := serve(t, Options{Target: vivid, Format: "YUYV", Width: 320, Height: 180, FPS: 15})
	g.await(t, "live", 15*time.Second, live)
	before := g.source.Stats()
	command(t, "v4l2-ctl", "-d", vivid, "-c", "inject_v4l2_buf_flag_error=1")
	r := g.reader(t)
	for range 10 {
		next(t, r)
	}
	if st := g.source.Stats(); st.Broken-before.Broken != 1 {
		t.Errorf("%+v after %+v: want one broken", st, before)
	}
	command(t, "v4l2-ctl", "-d", vivid, "-c", "inject_fatal_streaming_error=1")
	g.await(t, "fatal error", 5*time.Second, func(st camgate.Status) bool { return !live(st) })
	t.Logf("a fatal error: %v", g.stream.Status().LastErr)
	healed := g.await(t, "live again", 10*time.Second, live)
	t.Logf("live again after %s", healed.Round(time.Millisecond))
}

// A capture card takes the timings of its signal, or its TV standard: those that it has
// at the beginning, and those that it changes to. That there is no signal is told.
func TestLabSignal(t *testing.T) {
	device := env("LAB_CARD")
	const noSignal, selected = "1", "4"
	for input, of := range []struct{ name, mode, control, get, first, second string }{
		{"HDMI", "dv_timings_signal_mode", "dv_timings", "--get-dv-timings", "8", "0"},    // 1280x720p50, 640x480p59
		{"TV", "standard_signal_mode", "standard", "--get-standard", "NTSC-M", "PAL-BGH"}, // see choice
	} {
		t.Run(of.name, func(t *testing.T) {
			control := func(name, value string) { command(t, "v4l2-ctl", "-d", device, "-c", name+"="+value) }
			choice := func(name string) string { // of the menu
				if of.name == "HDMI" {
					return name
				}
				out, err := exec.Command("v4l2-ctl", "-d", device, "-L").CombinedOutput()
				m := regexp.MustCompile(`(?m)^\s*(\d+): ` + name + `$`).FindSubmatch(out)
				if err != nil || m == nil {
					t.Fatalf("%s: %v: %s", name, err, out)
				}
				return string(m[1])
			}
			set := func() string {
				out, err := exec.Command("v4l2-ctl", "-d", device, of.get).CombinedOutput()
				if err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				return strings.Join(strings.Fields(string(out)), " ")
			}
			command(t, "v4l2-ctl", "-d", device, "-i", strconv.Itoa(input))
			control(of.mode, noSignal)
			g := serve(t, Options{Target: device, Format: "YUYV", Width: 640, Height: 480, Stall: 2 * time.Second})
			g.await(t, "no signal", time.Minute, func(st camgate.Status) bool {
				return strings.Contains(fmt.Sprint(st.Err, g.stream.Info().Warnings), "no signal")
			})
			t.Logf("without a signal: %v %q", g.stream.Status().Err, g.stream.Info().Warnings)
			before := set()
			for _, name := range []string{of.first, of.second} {
				control(of.control, choice(name))
				control(of.mode, selected)
				d := g.await(t, "followed", time.Minute, func(camgate.Status) bool { return set() != before })
				before = set()
				g.await(t, "live", time.Minute, func(st camgate.Status) bool {
					return live(st) && !strings.Contains(fmt.Sprint(g.stream.Info().Warnings), "no signal")
				})
				next(t, g.reader(t))
				t.Logf("another signal, %s: followed after %s, and there are pictures; %.80s", name, d.Round(10*time.Millisecond), before)
			}
			control(of.mode, "0")
			g.stop()
		})
	}
}

func TestLabControls(t *testing.T) {
	g := serve(t, Options{Target: vivid, Format: "YUYV", Width: 320, Height: 180, FPS: 15, Controls: map[string]string{"brightness": "77", "nonsense": "1"}})
	g.await(t, "live", 15*time.Second, live)
	value := func(name string) int64 {
		all, err := g.source.Controls()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range all {
			if c.Name == name {
				return c.Value
			}
		}
		t.Fatalf("no %s", name)
		return 0
	}
	if n := value("brightness"); n != 77 {
		t.Errorf("brightness is %d", n)
	}
	if w := strings.Join(g.stream.Info().Warnings, "\n"); !strings.Contains(w, `no control "nonsense"`) || !strings.Contains(w, "brightness (0..255)") {
		t.Errorf("warnings: %.400s", w)
	}
	if err := g.source.SetControls(map[string]string{"contrast": "99", "horizontal_flip": "on"}); err != nil || value("contrast") != 99 || value("horizontal_flip") != 1 {
		t.Error(err, value("contrast"), value("horizontal_flip"))
	}
	if err := g.source.SetControls(map[string]string{"contrast": "9999"}); !errors.Is(err, camgate.ErrBadRequest) || !strings.Contains(err.Error(), "contrast (0..255)") {
		t.Error(err)
	}
	if err := g.source.SetControls(map[string]string{"horizontal_flip": "default", "contrast": "default", "brightness": "default"}); err != nil {
		t.Error(err)
	}
}

// A device that does not have what is wanted gives what is nearest, and the stream says so.
func TestLabNearest(t *testing.T) {
	g := serve(t, Options{Target: vivid, Format: "YUYV", Width: 330, Height: 190, FPS: 1000})
	g.await(t, "live", 15*time.Second, live)
	w := strings.Join(g.stream.Info().Warnings, "\n")
	t.Log(w)
	if !strings.Contains(w, "330x190") || !strings.Contains(w, "1000") {
		t.Errorf("warnings: %q", w)
	}
}

func TestLabSilent(t *testing.T) {
	file := filepath.Join(folder, "a.mjpeg")
	stop := feed(t, "-re", "-f", "mjpeg", "-framerate", "10", "-i", file, "-c", "copy", "-f", "v4l2", loopback3)
	g := serve(t, Options{Target: loopback3, Stall: 2 * time.Second})
	g.await(t, "live", 20*time.Second, live)
	stop()
	g.await(t, "stalled", 6*time.Second, func(st camgate.Status) bool { return !live(st) && st.State != camgate.StateStalled })
	err := g.stream.Status().LastErr
	t.Logf("a device that gives nothing any more: %v", err)
	if err == nil {
		t.Error("no error")
	}
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
