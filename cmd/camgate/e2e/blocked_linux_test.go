package e2e

import (
	"fmt"
	"os/exec"
	"testing"
)

// TestPlayerInABadNetwork plays where a firewall drops UDP, then TCP, then WHEP, then HLS, and
// where the cable is pulled: nothing between the page and the gateway is made up.
func TestPlayerInABadNetwork(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	cable(t)
	g := startOn(t, ourEnd, nil, nil, "allow_anonymous: true\n"+demoConfig)
	g.awaitLive("demo")
	ice := fmt.Sprint(g.webrt)
	performBy(t, func(cmd *exec.Cmd) error { return startFar(t, cmd) }, "blocked.mjs", g.url(""), "worse="+ice, "refused", "back="+ice)
}
