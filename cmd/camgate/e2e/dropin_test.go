package e2e

import "testing"

// TestDropIns views the gateway as pages made for other programs do.
func TestDropIns(t *testing.T) {
	g := start(t, demoConfig)
	g.awaitLive("demo")
	perform(t, "dropin.mjs", g.url(""), "mjpg-streamer", "camera-streamer", "go2rtc", "go2rtc-json")
}
