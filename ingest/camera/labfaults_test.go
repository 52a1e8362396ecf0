//go:build v4l2lab

package camera

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/internal/v4l2"
)

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
	time.Sleep(3 * time.Second) // attempts fail meanwhile; nothing is synchronised by it
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
