package mjpeg

import (
	"bytes"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/cmd/camgate/demo"
	"github.com/camgate/camgate/ingest"
)

// clip is a piece of video that can be looped. Picture n shows the number n.
type clip struct {
	codec camgate.Codec
	size  image.Point
	aus   [][][]byte
	pts   []time.Duration // of the pictures in the order of decoding
}

const frame = time.Second / demo.FPS

// makeClip encodes the demo clip anew, as args of ffmpeg say.
func makeClip(t testing.TB, codec camgate.Codec, size image.Point, args ...string) *clip {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.mp4"), filepath.Join(dir, "out.mkv")
	if err := os.WriteFile(in, demo.Clip(), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "ffmpeg", append(append([]string{"-v", "error", "-i", in, "-an"}, args...), out)...)
	format := map[camgate.Codec]string{camgate.H264: "h264", camgate.H265: "hevc"}[codec]
	raw := run(t, "ffmpeg", "-v", "error", "-i", out, "-c", "copy", "-bsf:v", format+"_mp4toannexb,"+format+"_metadata=aud=insert", "-f", format, "-")
	c := &clip{codec: codec, size: size}
	for _, nalu := range bytes.Split(bytes.ReplaceAll(raw, []byte{0, 0, 0, 1}, []byte{0, 0, 1}), []byte{0, 0, 1})[1:] {
		if codec == camgate.H264 && nalu[0]&31 == 9 || codec == camgate.H265 && nalu[0]>>1 == 35 {
			c.aus = append(c.aus, nil)
		}
		c.aus[len(c.aus)-1] = append(c.aus[len(c.aus)-1], nalu)
	}
	for _, line := range strings.Fields(string(run(t, "ffprobe", "-v", "error", "-show_entries", "packet=pts_time", "-of", "csv=p=0", out))) {
		s, err := strconv.ParseFloat(strings.Trim(line, ","), 64)
		if err != nil {
			t.Fatal(err)
		}
		c.pts = append(c.pts, (time.Duration(s*float64(time.Second)) + frame/2).Truncate(frame))
	}
	if len(c.aus) != demo.Frames || len(c.pts) != demo.Frames {
		t.Fatalf("%d access units, %d timestamps, want %d", len(c.aus), len(c.pts), demo.Frames)
	}
	return c
}

func run(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(name, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, errs.String())
	}
	return out
}

// The clips are made once for all tests.
var (
	demoClip = once(camgate.H264, 1280, 720, "-c", "copy")
	h264Clip = once(camgate.H264, 640, 360, "-vf", "scale=640:360", "-c:v", "libx264",
		"-preset", "ultrafast", "-tune", "zerolatency", "-g", "25")
	bframesClip = once(camgate.H264, 640, 360, "-vf", "scale=640:360", "-c:v", "libx264",
		"-preset", "veryfast", "-bf", "3", "-g", "50")
	h265Clip = once(camgate.H265, 640, 360, "-vf", "scale=640:360", "-c:v", "libx265",
		"-preset", "ultrafast", "-x265-params", "log-level=error:bframes=0:keyint=25")
	// Open GOPs: pictures that come after a keyframe need the one before it, too.
	openClip = once(camgate.H265, 640, 360, "-vf", "scale=640:360", "-c:v", "libx265",
		"-preset", "ultrafast", "-x265-params", "log-level=error:bframes=3:keyint=50:min-keyint=50:open-gop=1:scenecut=0")
)

func once(codec camgate.Codec, width, height int, args ...string) func(testing.TB) *clip {
	var mu sync.Mutex
	var c *clip
	return func(t testing.TB) *clip {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if c == nil {
			c = makeClip(t, codec, image.Pt(width, height), args...)
		}
		return c
	}
}

// play publishes a clip in a loop, in real time, until stop is called.
func play(t testing.TB, s *camgate.Stream, c *clip) (stop func()) {
	t.Helper()
	track, err := ingest.NewTrack(camgate.TrackOptions{Codec: c.codec})
	if err != nil {
		t.Fatal(err)
	}
	w, err := ingest.NewWriter(s, []*camgate.Track{track})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer w.Close()
		begin := time.Now()
		for i := 0; ; i++ {
			n := i % len(c.aus)
			at := c.pts[n] + time.Duration(i/len(c.aus)*len(c.aus))*frame
			if err := w.Write(ingest.Sample{PTS: track.Ticks(at), AU: c.aus[n]}); err != nil {
				t.Errorf("picture %d: %v", i, err)
			}
			select {
			case <-done:
				return
			case <-time.After(time.Until(begin.Add(time.Duration(i+1) * frame))):
			}
		}
	})
	stop = sync.OnceFunc(func() {
		close(done)
		wg.Wait()
	})
	t.Cleanup(stop)
	return stop
}
