//go:build v4l2lab

package camera

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/internal/v4l2"
)

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

// recording is a file of the lab, and what is in it.
func recording(t *testing.T, name string) (file string, data []byte) {
	t.Helper()
	file = filepath.Join(folder, name)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return file, data
}

func TestLabMJPEG(t *testing.T) {
	file, data := recording(t, "a.mjpeg")
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
	file, data := recording(t, "a.h264")
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
