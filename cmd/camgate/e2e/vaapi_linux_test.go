package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// maxPause is how long pictures may stay away when an encoder fails.
const maxPause = 3 * time.Second

// TestEncoderOfHardwareFails has the driver of a graphics device fail in each of its
// ways, under viewers: the next encoder goes on, and they stay. The device is a driver
// that is a program (testdata/fakeva).
func TestEncoderOfHardwareFails(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("it needs root, for a mount namespace")
	}
	wrapper, err := filepath.Abs("../../../testdata/fakeva/with-fake-vaapi.sh")
	if err != nil {
		t.Fatal(err)
	}
	driver, state := t.TempDir(), t.TempDir() // what was proved once is good for all rows
	fail := filepath.Join(driver, "fail")
	for _, row := range []struct {
		fail string
		anew bool // it fails when a session begins, so there has to be a new one
	}{{"init", true}, {"profiles", true}, {"context", true}, {"frame:10", false}, {"coded:10", false}, {"hang:10", false}, {"empty:10", false}, {"slow:10", false}} {
		t.Run(row.fail, func(t *testing.T) {
			if err := os.WriteFile(fail, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			g := startBy(t, []string{"FAKEVA_CACHE=" + driver}, []string{wrapper},
				fmt.Sprintf("state_dir: %q\nstreams: {cam: {source: demo, profiles: {sub: {size: 320x180, bitrate: 2M}}}}\n", state))
			readers := map[string]counter{"RTSP": startReader(t, g.rtspURL("cam/sub"), "tcp"), "WebRTC": startWHEP(t, g.url("/cam/sub/whep"))}
			for name, r := range readers {
				g.await(name+" plays", 20*time.Second, func() bool { return r.frames() > 20 })
			}
			if s := g.stream("cam/sub"); s.Encoder != "h264_vaapi" {
				t.Fatalf("auto takes %q", s.Encoder)
			}
			steady := map[string]time.Duration{}
			for name, r := range readers {
				steady[name] = r.pause()
			}
			if err := os.WriteFile(fail, []byte(row.fail), 0o600); err != nil {
				t.Fatal(err)
			}
			if row.anew {
				g.patch("cam/sub", `{"video": {"bitrate": "1M"}}`)
			}
			g.await("another encoder is at work", 10*time.Second, func() bool { return g.stream("cam/sub").Encoder == "libx264" })
			for name, r := range readers {
				n := r.frames()
				g.await(name+" goes on", 6*time.Second, func() bool { return r.frames() > n+25 })
				pause := r.pause()
				t.Logf("%s: %s: %d ms between two pictures (%d ms before, the beginning included)", row.fail, name, pause.Milliseconds(), steady[name].Milliseconds())
				if pause > maxPause {
					t.Errorf("%s had no picture for %s", name, pause)
				}
				if err := r.ended(); err != nil {
					t.Errorf("%s had to connect again: %v", name, err)
				}
			}
			s := g.stream("cam/sub")
			if w := strings.Join(s.Warnings, "\n"); s.State != "live" || !strings.Contains(w, "h264_vaapi failed") || !strings.Contains(w, "libx264 encodes in its place") {
				t.Errorf("it is %s, with the warnings %q", s.State, w)
			}
			if !strings.Contains(g.log.String(), "encoder failed") {
				t.Error("the log does not tell of it")
			}
		})
	}
}
