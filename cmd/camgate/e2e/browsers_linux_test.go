package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// h265Config has a stream that some browsers cannot decode, and one to publish.
func h265Config(t *testing.T) string {
	t.Helper()
	port := freeTCP(t)
	camera(t, port)
	return fmt.Sprintf("streams: {demo: {source: demo}, obs: {source: publish}, h265: {source: \"rtsp://127.0.0.1:%d/h265\", transport: tcp}}\n", port)
}

// TestPlayerInFirefox plays in the Firefox of the system, which has no H264 in WebRTC: that
// plug-in is fetched from the internet. It watches by WebRTC what it published itself, as VP8.
// It is at the other end of a cable, as Firefox connects to nothing on its own machine.
func TestPlayerInFirefox(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	cable(t)
	g := startOn(t, ourEnd, nil, nil, "allow_anonymous: true\n"+h265Config(t))
	g.awaitLive("h265")
	scenes := []string{"firefox=/demo@hls", "firefox=/demo?via=mjpeg@mjpeg", "firefox=/h265@hls", "publish=obs@webrtc"}
	got := performBy(t, func(cmd *exec.Cmd) error { return startFar(t, cmd) }, "others.mjs", g.url(""), scenes...)
	if why := got[scenes[0]].Reasons["webrtc"]; !strings.Contains(why, "the viewer offers AV1 VP8 VP9 only") {
		t.Errorf("why no WebRTC: %q", why)
	}
	if r := got[scenes[3]]; !r.Picture || !r.Sound || r.Codec != "VP8" {
		t.Errorf("what it published: %+v", r)
	}
}
