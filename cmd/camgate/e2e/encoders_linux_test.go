package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestEncoderFails takes the encoder away under viewers: another one goes on, and they
// stay.
func TestEncoderFails(t *testing.T) {
	g := start(t, "state_dir: "+t.TempDir()+"\nstreams: {cam: {source: demo, profiles: {sub: {size: 320x180, bitrate: 200k}}}}\n")
	readers := map[string]counter{"RTSP": startReader(t, g.rtspURL("cam/sub"), "tcp"), "WebRTC": startWHEP(t, g.url("/cam/sub/whep"))}
	for name, r := range readers {
		g.await(name+" plays", 20*time.Second, func() bool { return r.frames() > 20 })
	}
	for _, what := range []struct {
		name   string
		signal syscall.Signal
	}{{"it dies", syscall.SIGKILL}, {"it hangs", syscall.SIGSTOP}} {
		before := g.children()
		if len(before) != 1 {
			t.Fatalf("not one encoder: %v", before)
		}
		began := time.Now()
		if err := syscall.Kill(before[0], what.signal); err != nil {
			t.Fatal(err)
		}
		g.await(what.name+": another one is there", 6*time.Second, func() bool {
			now := g.children()
			return len(now) == 1 && now[0] != before[0]
		})
		for name, r := range readers {
			n := r.frames()
			g.await(name+" goes on after "+what.name, 6*time.Second, func() bool { return r.frames() > n+5 })
			if err := r.ended(); err != nil {
				t.Errorf("%s had to connect again: %v", name, err)
			}
		}
		t.Logf("%s: viewers went on %s later", what.name, time.Since(began).Round(10*time.Millisecond))
		if s := g.stream("cam/sub"); s.State != "live" {
			t.Errorf("%s: it is %s: %s", what.name, s.State, s.Error)
		}
	}
	if !strings.Contains(g.log.String(), "encoder failed") {
		t.Error("the log does not tell of it")
	}
}
