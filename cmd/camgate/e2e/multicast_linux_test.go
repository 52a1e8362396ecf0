package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMulticastOfGStreamer takes multicast from a server that shares no code with us.
// Both bind the same ports, so each has a network of its own, with a cable between them.
func TestMulticastOfGStreamer(t *testing.T) {
	if inOwnNetwork(t) {
		multicastInside(t)
	}
}

func multicastInside(t *testing.T) {
	cable(t)
	multicastCamera(t)

	g := start(t, `streams:
  opus: {source: "rtsp://10.9.9.1:8555/h264", transport: multicast}
  pcma: {source: "rtsp://10.9.9.1:8555/pcma", transport: multicast}
  tcp:  {source: "rtsp://10.9.9.1:8555/h264", transport: tcp}
`)
	for name, sound := range map[string]int{"opus": 50, "pcma": 12} {
		g.awaitLive(name)
		for _, transport := range []string{"tcp", "udp"} {
			wantFrames(t, name+" by "+transport, probeRTSP(t, transport, g.rtspURL(name), 2), 25, sound)
		}
		if s := g.stream(name); s.State != "live" {
			t.Errorf("%s is %s: %s", name, s.State, s.Error)
		}
	}
	if log := g.log.String(); strings.Contains(log, "damaged") {
		t.Error("packets were lost on a cable")
	}
	// It is by multicast that they came: there is no other way.
	if s := g.stream("tcp"); s.State == "live" || !strings.Contains(s.Error, "461") {
		t.Errorf("by TCP: %s, %q", s.State, s.Error)
	}
}

// multicastCamera runs the camera at the other end of the cable.
func multicastCamera(t *testing.T) {
	t.Helper()
	script, err := filepath.Abs("../../../testdata/gstcam.py")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/bin/python3", script, "8555", "--address", otherEnd, "--multicast")
	log := &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := startFar(t, cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(log.String(), "ready"); {
		if time.Now().After(deadline) {
			t.Fatalf("the camera does not start:\n%s", log)
		}
		tick := time.NewTimer(20 * time.Millisecond)
		<-tick.C
	}
}
