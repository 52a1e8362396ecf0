package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// clip makes a recording of 4 Mbit/s at 25 fps with a keyframe every 2 s.
func clip(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clip.mp4")
	run(t, 2*time.Minute, nil, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25,noise=alls=10:allf=t", "-t", "8",
		"-c:v", "libx264", "-preset", "ultrafast", "-b:v", "4M", "-minrate", "4M", "-maxrate", "4M", "-bufsize", "2M",
		"-g", "50", "-keyint_min", "50", "-sc_threshold", "0", "-bf", "0", "-pix_fmt", "yuv420p", path)
	return path
}

// descriptors returns the number of open descriptors of the program.
func (g *gateway) descriptors() int {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", g.cmd.Process.Pid))
	if err != nil {
		g.t.Fatal(err)
	}
	return len(entries)
}

func (g *gateway) goroutines() int {
	body, _ := g.get("/metrics")
	for line := range strings.Lines(string(body)) {
		var n int
		if _, err := fmt.Sscanf(line, "go_goroutines %d", &n); err == nil {
			return n
		}
	}
	g.t.Fatalf("no go_goroutines in the metrics")
	return 0
}

// TestManyReaders has 200 RTSP and 50 WebRTC viewers of one 4 Mbit/s stream at once.
func TestManyReaders(t *testing.T) {
	const rtspReaders, whepReaders, frames = 200, 50, 150
	g := start(t, fmt.Sprintf("streams: {big: {source: \"file:%s\"}}\n", clip(t)))
	g.awaitLive("big")
	fds, goroutines := g.descriptors(), g.goroutines()
	t.Run("viewers", func(t *testing.T) {
		var all []counter
		for range rtspReaders {
			all = append(all, startRaw(t, g.rtspURL("big")))
		}
		for range whepReaders {
			all = append(all, startWHEP(t, g.url("/big/whep")))
		}
		began := time.Now()
		start := make([]int64, len(all))
		for i, c := range all {
			start[i] = c.frames()
		}
		g.await("everybody has seen enough", 60*time.Second, func() bool {
			for i, c := range all {
				if c.frames()-start[i] < frames {
					return false
				}
			}
			return true
		})
		if took := time.Since(began); took > frames*40*time.Millisecond*3/2 {
			t.Errorf("%d frames took %s: somebody starves", frames, took)
		}
		lost := int64(0)
		for i, c := range all {
			if err := c.ended(); err != nil {
				t.Errorf("reader %d ended: %v", i, err)
			}
			lost += c.lost()
		}
		if lost > 0 {
			t.Errorf("%d packets are missing", lost)
		}
		for _, r := range g.stream("big").Readers {
			for reason, n := range r.Skipped {
				if n > 0 {
					t.Errorf("a reader by %s skipped %d units: %s", r.Protocol, n, reason)
				}
			}
		}
	})
	g.await("all sessions are gone", 30*time.Second, func() bool { return len(g.stream("big").Readers) == 0 })
	g.await("goroutines and descriptors are back", 30*time.Second, func() bool {
		return g.descriptors() <= fds+4 && g.goroutines() <= goroutines+8
	})
}
