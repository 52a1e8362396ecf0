package rtsp

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/bluenviron/gortsplib/v5"
)

// inNetwork is set for the test that runs in a network of its own.
const inNetwork = "CAMGATE_TEST_IN_NETWORK"

// Multicast needs an interface that has it, and must not leave the machine: the test
// runs itself again in an empty network.
func TestMulticast(t *testing.T) {
	if os.Getenv(inNetwork) != "" {
		multicastInside(t)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestMulticast$", "-test.v")
	cmd.Env = append(os.Environ(), inNetwork+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
	}
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestMulticast") {
		t.Errorf("%v\n%s", err, out)
	}
}

func multicastInside(t *testing.T) {
	for _, args := range []string{
		"link set lo up", "link add cam type veth peer name other", "addr add 10.9.9.1/24 dev cam",
		"link set cam up multicast on", "link set other up", "route add 224.0.0.0/4 dev cam",
	} {
		if out, err := exec.Command(tool(t, "ip"), strings.Fields(args)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v\n%s", args, err, out)
		}
	}
	address, _ := runLibrary(t, &gortsplib.Server{
		RTSPAddress: fmt.Sprintf("10.9.9.1:%d", freePort(t)), MulticastIPRange: "239.1.0.0/16", MulticastRTPPort: 8002, MulticastRTCPPort: 8003,
	})
	source, s, _ := live(t, SourceOptions{URL: parseURL(t, "rtsp://"+address+"/cam"), Transport: TransportMulticast})
	eventually(t, "pictures", func() bool { return s.Units() > 50 })
	if got := source.Session(); got.Transport != TransportMulticast || got.Tracks[0].Lost != 0 || got.Tracks[0].Received < 50 {
		t.Errorf("%+v", got)
	}
}
