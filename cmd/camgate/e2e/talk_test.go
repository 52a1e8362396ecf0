package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/cmd/camgate/demo"
	"github.com/camgate/camgate/cmd/camgate/fakecam"
)

// TestTalkInTheBrowser talks by the page's button, with a microphone that beeps, to a
// camera with a loudspeaker, which hears it by UDP and by TCP.
func TestTalkInTheBrowser(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) { talkInTheBrowser(t, transport) })
	}
}

func talkInTheBrowser(t *testing.T, transport string) {
	var mu sync.Mutex
	sound, loud := 0, 0
	cam, err := fakecam.New(fakecam.Options{Clip: demo.Clip(), BackChannel: "pcma", Heard: func(h fakecam.Heard) {
		if h.Packet == nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if sound++; !camgate.Silent(camgate.PCMA, h.Packet.Payload) && h.Transport == transport {
			loud++
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- cam.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	g := start(t, fmt.Sprintf("streams:\n  door: {source: %q, transport: %s, talk: true}\n", cam.URL(), transport))
	g.awaitLive("door")
	script, err := filepath.Abs("../../../testdata/talk.mjs")
	if err != nil {
		t.Fatal(err)
	}
	limited, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	cmd := exec.CommandContext(limited, "node", script, g.url("/door"))
	cmd.WaitDelay = 5 * time.Second
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	var result struct{ Failures []string }
	if err != nil || json.Unmarshal(out, &result) != nil {
		t.Fatalf("%v: %s\n%s", err, out, &errs)
	}
	for _, failure := range result.Failures {
		t.Error(failure)
	}
	mu.Lock()
	if sound < 100 || loud < 20 {
		t.Errorf("the camera heard %d packets, %d with sound", sound, loud)
	}
	mu.Unlock()
	if metrics, _ := g.get("/metrics"); !strings.Contains(string(metrics), `camgate_stream_talks_refused_total{stream="door"} 1`) {
		t.Error("the metrics do not know of the refusal")
	}
}
