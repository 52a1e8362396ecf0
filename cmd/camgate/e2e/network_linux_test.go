package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// inNetwork is set for a test that runs in a network of its own.
const inNetwork = "CAMGATE_TEST_IN_NETWORK"

// The two ends of the cable in such a network.
const (
	ourEnd   = "10.9.9.2"
	otherEnd = "10.9.9.1"
)

// inOwnNetwork tells whether the test runs in a network of its own. Where it does not,
// it is run in one, and reported on. That takes no rights: who has none gets them
// in a namespace of users.
func inOwnNetwork(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inNetwork) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inNetwork+"=1", "CAMGATE_E2E_PROGRAM="+program)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("in a network of its own: %v", err)
	}
	return false
}

// cable lays a cable: our end is "gate", the other one "far", for startFar.
func cable(t *testing.T) {
	t.Helper()
	configure(t, "link set lo up", "link add gate type veth peer name far", "addr add "+ourEnd+"/24 dev gate",
		"link set gate up", "route add default dev gate")
}

// startFar starts a program in one more network, at the other end of the cable.
func startFar(t *testing.T, cmd *exec.Cmd) error {
	t.Helper()
	script := `until ip link show far >/dev/null 2>&1; do sleep 0.05; done
ip link set lo up; ip addr add ` + otherEnd + `/24 dev far; ip link set far up; ip route add default dev far
exec "$0" "$@"`
	cmd.Path, cmd.Args = "/bin/sh", append([]string{"sh", "-ec", script}, cmd.Args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	configure(t, fmt.Sprintf("link set far netns %d", cmd.Process.Pid))
	return nil
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
