package webrtc

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	pion "github.com/pion/webrtc/v4"
)

const turnSecret = "north"

// coturn runs a TURN server that shares turnSecret, and returns its URL.
func coturn(t *testing.T) string {
	t.Helper()
	port := freeUDP(t)
	dir := t.TempDir()
	cmd := exec.Command("turnserver", "-n", "--listening-ip=127.0.0.1", fmt.Sprintf("--listening-port=%d", port), "--relay-ip=127.0.0.1",
		"--use-auth-secret", "--static-auth-secret="+turnSecret, "--realm=camgate", "--no-tcp", "--no-tls", "--no-dtls", "--no-cli", // the port is free for UDP, and may not be for TCP
		"--allow-loopback-peers", "--log-file=stdout", "--pidfile="+filepath.Join(dir, "pid"), "--userdb="+filepath.Join(dir, "db"))
	log := &turnLog{ready: make(chan struct{})}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = log, log, time.Second
	if err := cmd.Start(); err != nil {
		t.Fatalf("coturn: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("coturn said:\n%s", log.text())
		}
	})
	select {
	case <-log.ready:
	case <-time.After(10 * time.Second):
		t.Fatalf("coturn does not begin:\n%s", log.text())
	}
	return fmt.Sprintf("turn:127.0.0.1:%d?transport=udp", port)
}

type turnLog struct {
	mu    sync.Mutex
	b     bytes.Buffer
	once  sync.Once
	ready chan struct{}
}

func (l *turnLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Write(p)
	if strings.Contains(l.b.String(), "Total General servers") { // its sockets are bound
		l.once.Do(func() { close(l.ready) })
	}
	return len(p), nil
}

func (l *turnLog) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func freeUDP(t *testing.T) int {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}

var turnLink = regexp.MustCompile(`^<(turn:[^>]+)>; rel="ice-server"; username="([^"]+)"; credential="([^"]+)"; credential-type="password"$`)

// relayOnly is a viewer that reaches nothing but the TURN server of which it is told.
func relayOnly(t *testing.T, h http.Header) pion.Configuration {
	t.Helper()
	m := turnLink.FindStringSubmatch(h.Get("Link"))
	if m == nil {
		t.Fatalf("Link %q", h.Get("Link"))
	}
	return pion.Configuration{
		ICEServers:         []pion.ICEServer{{URLs: []string{m[1]}, Username: m[2], Credential: m[3]}},
		ICETransportPolicy: pion.ICETransportPolicyRelay,
	}
}

// A viewer that reaches nothing but a TURN server sees by it, with the credentials
// that OPTIONS gave it, also after an ICE restart.
func TestRelay(t *testing.T) {
	url := coturn(t)
	stream := newStream(t)
	p := newProgram(t, stream, true)
	p.next()
	g := newGateway(t, stream, logTo(t), func(o *Options) { o.ICEServers = []ICEServer{{URL: url, Secret: turnSecret}} })
	p.run()
	config := relayOnly(t, g.request(t, "OPTIONS", g.url, "", "").header)
	v := g.join(t, clientOptions{config: config})
	relayOnly(t, v.header) // POST tells of it, too
	seen := func(what string) {
		t.Helper()
		n := 0
		v.wait(what, func() bool {
			if n == 0 {
				n = len(v.packets["video"]) + 100
			}
			return len(v.packets["video"]) > n && len(v.packets["audio"]) > 20
		})
	}
	seen("pictures by the relay")
	readers := stream.Info().Readers
	if len(readers) != 1 || readers[0].Path == nil || !readers[0].Path.Relayed || readers[0].Path.Protocol != "udp" || readers[0].Path.RTT <= 0 {
		t.Errorf("readers %+v", readers)
	}
	relayOnly(t, g.restart(v, "*").header)
	eventually(t, "it is connected again", func() bool { return v.pc.ICEConnectionState() == pion.ICEConnectionStateConnected })
	seen("pictures by the relay after a restart")
	if readers := stream.Info().Readers; !readers[0].Path.Relayed {
		t.Errorf("after the restart: %+v", readers[0].Path)
	}
}

// Credentials end.
func TestRelayExpired(t *testing.T) {
	url := coturn(t)
	stream := newStream(t)
	newProgram(t, stream, false).next()
	g := newGateway(t, stream, func(o *Options) { o.ICEServers = []ICEServer{{URL: url, Secret: turnSecret, TTL: -time.Minute}} })
	config := relayOnly(t, g.request(t, "OPTIONS", g.url, "", "").header)
	if _, offer := offerOf(t, clientOptions{config: config}); strings.Contains(offer, "typ relay") {
		t.Errorf("the relay takes credentials that have ended:\n%s", offer)
	}
}
