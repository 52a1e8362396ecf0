package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestServesThisMachineOnly looks at the sockets that the program really has.
func TestServesThisMachineOnly(t *testing.T) {
	p := launch(t, nil)
	own := map[string]bool{}
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if link, err := os.Readlink(fd); err == nil && strings.HasPrefix(link, "socket:[") {
			own[strings.Trim(strings.TrimPrefix(link, "socket:"), "[]")] = true
		}
	}
	listening := 0
	for table, state := range map[string]string{"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"} { // LISTEN; not connected
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", p.Process.Pid, table))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			f := strings.Fields(line)
			if len(f) < 10 || f[3] != state || !own[f[9]] {
				continue
			}
			listening++
			if !strings.HasPrefix(f[1], "0100007F:") {
				t.Errorf("%s: it listens on %s, want 127.0.0.1", table, f[1])
			}
		}
	}
	if listening != 6 { // HTTP, RTSP, WebRTC by TCP; RTP, RTCP, WebRTC by UDP
		t.Errorf("it listens on %d ports, want 6", listening)
	}
}
