package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// playerResult is a line of testdata/player.mjs.
type playerResult struct {
	Scenario string            `json:"scenario"`
	Failures []string          `json:"failures"`
	Median   float64           `json:"medianMs"`
	Rung     string            `json:"rung"`
	Picture  bool              `json:"picture"`
	Sound    bool              `json:"sound"`
	Reasons  map[string]string `json:"reasons"`
	Codec    string            `json:"codec"`
	Managed  bool              `json:"managed"` // ManagedMediaSource
}

// scenarios plays testdata/player.mjs in a real Chromium; what fails there fails here.
func scenarios(t *testing.T, url string, names ...string) map[string]playerResult {
	t.Helper()
	return perform(t, "player.mjs", url, names...)
}

// perform plays the scenarios of a script in testdata.
func perform(t *testing.T, file, url string, names ...string) map[string]playerResult {
	t.Helper()
	return performBy(t, (*exec.Cmd).Start, file, url, names...)
}

// performBy is perform, for a script that is started in another way.
func performBy(t *testing.T, start func(*exec.Cmd) error, file, url string, names ...string) map[string]playerResult {
	t.Helper()
	script, err := filepath.Abs("../../../testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", append([]string{script, url}, names...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it ends its browsers
	cmd.WaitDelay = 5 * time.Second
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := start(cmd); err != nil {
		t.Fatal(err)
	}
	err = cmd.Wait()
	results := map[string]playerResult{}
	for line := range strings.Lines(out.String()) {
		t.Log(strings.TrimSpace(line))
		var r playerResult
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		results[r.Scenario] = r
		for _, f := range r.Failures {
			t.Errorf("%s: %s", r.Scenario, f)
		}
	}
	if len(results) != len(names) {
		t.Errorf("%d scenarios of %d ended: %v\n%s", len(results), len(names), err, &errs)
	}
	return results
}

func TestPlayer(t *testing.T) {
	g := start(t, "streams:\n  demo: {source: demo}\n  away: {source: \"rtsp://127.0.0.1:9/main\"}\n")
	g.awaitLive("demo")
	got := scenarios(t, g.url(""), "first=5", "ladder", "latency", "sound", "keys", "hidden", "audit=/,/?view=grid,/demo?stats=1,/away,/nosuch")
	// A machine that runs other tests besides is slow; docs/player.md has what it is on one that does not.
	if m := got["first"].Median; m > 2000 {
		t.Errorf("the first live picture came after %.0f ms (median)", m)
	}
}

func TestPlayerGrid(t *testing.T) {
	config := "streams:\n  cam10: {source: demo, profiles: {sub: {size: 320x180, fps: 10, bitrate: 200k}}}\n"
	for i := 11; i < 22; i++ {
		config += fmt.Sprintf("  cam%d: {source: demo}\n", i)
	}
	g := start(t, config)
	g.awaitLive("cam21")
	scenarios(t, g.url(""), "grid=12")
}

func TestPlayerInAnotherPage(t *testing.T) {
	g := start(t, demoConfig+"users: [{name: viewer, password: secret, role: viewer}]\n")
	scenarios(t, g.url(""), "embed=viewer:secret")
}

// TestPlayerFindsAWay plays what no browser, or not this one, takes by WebRTC.
func TestPlayerFindsAWay(t *testing.T) {
	port := freeTCP(t)
	camera(t, port)
	g := start(t, fmt.Sprintf("streams:\n  h265: {source: \"rtsp://127.0.0.1:%d/h265\", transport: tcp}\n  sound: {source: publish}\n", port))
	background(t, "ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i", "sine=frequency=440", "-c:a", "libopus", "-ar", "48000", "-ac", "2",
		"-f", "rtsp", "-rtsp_transport", "tcp", g.rtspURL("sound"))
	g.awaitLive("h265")
	g.awaitLive("sound")
	if r := scenarios(t, g.url(""), "plays=/h265")["plays"]; !r.Picture {
		t.Errorf("H265: %+v", r)
	}
	for via, rung := range map[string]string{"": "webrtc", "?via=hls": "hls"} {
		if r := scenarios(t, g.url(""), "plays=/sound"+via)["plays"]; r.Picture || !r.Sound || r.Rung != rung {
			t.Errorf("sound alone: %+v, want it by %s", r, rung)
		}
	}
}

// TestPlayerHeals ends the gateway under a player, well and badly, and starts it again.
func TestPlayerHeals(t *testing.T) {
	web, rtsp, ice, rtp := freeTCP(t), freeTCP(t), freeTCP(t), freePair(t)
	file := filepath.Join(t.TempDir(), "camgate.yaml")
	config := fmt.Sprintf("http: {address: 127.0.0.1:%d}\nrtsp: {address: 127.0.0.1:%d, rtp_address: 127.0.0.1:%d, rtcp_address: 127.0.0.1:%d}\nwebrtc: {address: 127.0.0.1:%d}\n",
		web, rtsp, rtp, rtp+1, ice)
	if err := os.WriteFile(file, []byte(config+demoConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	scenarios(t, fmt.Sprintf("http://127.0.0.1:%d", web), "heal="+program+","+file)
}
