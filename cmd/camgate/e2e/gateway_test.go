package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is the program under test, built once for all tests.
var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		if program = os.Getenv("CAMGATE_E2E_PROGRAM"); program != "" { // it is built already
			return m.Run()
		}
		dir, err := os.MkdirTemp("", "camgate-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "camgate")
		build := exec.Command("go", "build", "-tags", "nomsgpack", "-o", program, "..")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// gateway is a running camgate with ports of its own.
type gateway struct {
	t                      *testing.T
	cmd                    *exec.Cmd
	log                    *lockedBuffer
	host                   string
	http, rtsp, rtp, webrt int
	exited                 chan struct{}
	err                    error
}

// lockedBuffer collects what a process prints.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start runs camgate with the given streams section (and whatever other sections) and
// waits until it is ready. It is stopped, and its clean end is checked, with the test.
func start(t *testing.T, config string) *gateway {
	t.Helper()
	return startBy(t, nil, nil, config)
}

// startBy is start for a camgate that another program turns into (it execs what follows it).
func startBy(t *testing.T, env, wrapper []string, config string) *gateway {
	t.Helper()
	return startOn(t, "127.0.0.1", env, wrapper, config)
}

// startOn is startBy for an address of this machine.
func startOn(t *testing.T, host string, env, wrapper []string, config string) *gateway {
	t.Helper()
	g := &gateway{t: t, host: host, log: &lockedBuffer{}, http: freeTCP(t), rtsp: freeTCP(t), webrt: freeTCP(t), rtp: freePair(t), exited: make(chan struct{})}
	file := filepath.Join(t.TempDir(), "camgate.yaml")
	ports := fmt.Sprintf("http: {address: %[1]s:%[2]d}\nrtsp: {address: %[1]s:%[3]d, rtp_address: %[1]s:%[4]d, rtcp_address: %[1]s:%[5]d}\nwebrtc: {address: %[1]s:%[6]d}\n",
		host, g.http, g.rtsp, g.rtp, g.rtp+1, g.webrt)
	if err := os.WriteFile(file, []byte(ports+config), 0o600); err != nil {
		t.Fatal(err)
	}
	words := slices.Concat(wrapper, []string{program, "-c", file})
	g.cmd = exec.Command(words[0], words[1:]...)
	g.cmd.Env = append(os.Environ(), env...)
	g.cmd.Stdout, g.cmd.Stderr = g.log, g.log
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		g.err = g.cmd.Wait()
		close(g.exited)
	}()
	t.Cleanup(g.stop)
	g.await("the gateway is ready", 20*time.Second, func() bool {
		res, err := http.Get(g.url("/readyz"))
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	return g
}

func (g *gateway) url(path string) string { return fmt.Sprintf("http://%s:%d%s", g.host, g.http, path) }

func (g *gateway) rtspURL(name string) string {
	return fmt.Sprintf("rtsp://%s:%d/%s", g.host, g.rtsp, name)
}

// stop ends the program as a service manager does and checks that it ends well.
func (g *gateway) stop() {
	defer func() {
		if g.t.Failed() {
			g.t.Logf("camgate said:\n%s", g.log)
		}
	}()
	began := time.Now()
	if err := g.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		g.t.Errorf("SIGTERM: %v (camgate ended before: %v)", err, g.err)
		return
	}
	select {
	case <-g.exited:
	case <-time.After(15 * time.Second):
		_ = g.cmd.Process.Signal(syscall.SIGQUIT) // its goroutines go to the log
		<-g.exited
		g.t.Error("camgate did not end within 15 s of SIGTERM")
		return
	}
	if took := time.Since(began); took > 2*time.Second {
		g.t.Errorf("camgate took %s to end, more than 2 s", took)
	}
	if g.err != nil {
		g.t.Errorf("camgate ended with %v", g.err)
	}
	if log := g.log.String(); strings.Contains(log, "panic") || strings.Contains(log, "DATA RACE") {
		g.t.Errorf("camgate crashed:\n%s", log)
	}
}

// await polls until cond holds; it fails the test when that takes too long.
func (g *gateway) await(what string, limit time.Duration, cond func() bool) {
	g.t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-g.exited:
			g.t.Fatalf("waiting until %s: camgate ended: %v\n%s", what, g.err, g.log)
		case <-deadline:
			g.t.Fatalf("waited %s until %s\n%s", limit, what, g.log)
		}
	}
}

// streamInfo is what the tests read of the API's answer.
type streamInfo struct {
	Name     string   `json:"name"`
	State    string   `json:"state"`
	Error    string   `json:"error"`
	Encoder  string   `json:"encoder"`
	Units    uint64   `json:"units_in"`
	Warnings []string `json:"warnings"`
	Readers  []struct {
		Protocol string            `json:"protocol"`
		Bytes    uint64            `json:"bytes"`
		Skipped  map[string]uint64 `json:"skipped"`
	} `json:"readers"`
	Variants []struct {
		Made []string `json:"made"`
	} `json:"variants"`
	Tracks []struct {
		Codec string `json:"codec"`
	} `json:"tracks"`
}

func (g *gateway) stream(name string) streamInfo {
	var info streamInfo
	body, status := g.get("/api/v1/streams/" + name)
	if status == http.StatusOK {
		if err := json.Unmarshal(body, &info); err != nil {
			g.t.Fatalf("%s: %v", body, err)
		}
	}
	return info
}

func (g *gateway) awaitLive(name string) {
	g.t.Helper()
	g.await(name+" is live", 20*time.Second, func() bool { return g.stream(name).State == "live" })
}

func (g *gateway) get(path string) (body []byte, status int) {
	g.t.Helper()
	res, err := http.Get(g.url(path))
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err = io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		g.t.Fatal(err)
	}
	return body, res.StatusCode
}

// run runs a client to its end and returns what it printed.
func run(t *testing.T, limit time.Duration, env []string, name string, args ...string) (stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = 5 * time.Second
	cmd.Env = append(os.Environ(), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String(), errs.String()
}

// background starts a process that is ended with the test.
func background(t *testing.T, name string, args ...string) (stop func(), log *lockedBuffer) {
	t.Helper()
	cmd := exec.Command(name, args...)
	log = &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	t.Cleanup(stop)
	return stop, log
}

func freeTCP(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// freePair returns an even UDP port that is free together with the next one.
func freePair(t *testing.T) int {
	t.Helper()
	for range 100 {
		a, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := a.LocalAddr().(*net.UDPAddr).Port
		var b net.PacketConn
		if port%2 == 0 {
			b, err = net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port+1))
		}
		a.Close()
		if b != nil && err == nil {
			b.Close()
			return port
		}
	}
	t.Fatal("no free pair of UDP ports")
	return 0
}
