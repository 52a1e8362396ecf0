package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// inNetwork is set for the test that runs in a network of its own.
const inNetwork = "CAMGATE_TEST_IN_NETWORK"

// TestMulticastOfGStreamer takes multicast from a server that shares no code with us.
// Both bind the same ports, so each has a network of its own, with a cable between them.
func TestMulticastOfGStreamer(t *testing.T) {
	if os.Getenv(inNetwork) != "" {
		multicastInside(t)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestMulticastOfGStreamer$", "-test.v")
	cmd.Env = append(os.Environ(), inNetwork+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
	}
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestMulticastOfGStreamer") {
		t.Errorf("%v\n%s", err, out)
	}
}

func multicastInside(t *testing.T) {
	configure(t, "link set lo up", "link add gate type veth peer name cam", "addr add 10.9.9.2/24 dev gate",
		"link set gate up", "route add default dev gate")
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
	cmd := exec.Command("sh", "-ec", `until ip link show cam; do sleep 0.05; done
ip link set lo up; ip addr add 10.9.9.1/24 dev cam; ip link set cam up; ip route add default dev cam
exec /usr/bin/python3 "$0" 8555 --address 10.9.9.1 --multicast`, script)
	log := &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	configure(t, fmt.Sprintf("link set cam netns %d", cmd.Process.Pid))
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(log.String(), "ready"); {
		if time.Now().After(deadline) {
			t.Fatalf("the camera does not start:\n%s", log)
		}
		tick := time.NewTimer(20 * time.Millisecond)
		<-tick.C
	}
}

// configure runs the ip command, which must be there.
func configure(t *testing.T, commands ...string) {
	t.Helper()
	for _, c := range commands {
		if out, err := exec.Command("ip", strings.Fields(c)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v\n%s", c, err, out)
		}
	}
}
