package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is the real program, built once.
var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "camgate-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "camgate")
		build := exec.Command("make", "-s", "-C", "../..", "build", "OUT="+program, "VERSION=v1.2.3-test")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "make build: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// output collects what a process prints.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// process is a camgate that runs.
type process struct {
	*exec.Cmd
	printed output
	ended   chan struct{}
	err     error // valid after ended
	http    string
	rtsp    string
}

// ports are four free ports: HTTP, RTSP, WebRTC, and a pair for RTP.
func ports(t *testing.T) (web, rtsp, webrtc, rtp int) {
	t.Helper()
	free := func() int {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().(*net.TCPAddr).Port
	}
	for range 100 {
		a, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := a.LocalAddr().(*net.UDPAddr).Port
		b, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port+1))
		a.Close()
		if err != nil {
			continue
		}
		b.Close()
		if port%2 == 0 {
			return free(), free(), free(), port
		}
	}
	t.Fatal("no free ports")
	return
}

// launch starts camgate on free ports, with the variables of environ, and waits
// until it is ready.
func launch(t *testing.T, environ []string, args ...string) *process {
	t.Helper()
	web, rtsp, webrtc, rtp := ports(t)
	p := &process{Cmd: exec.Command(program, args...), ended: make(chan struct{})}
	p.http, p.rtsp = fmt.Sprintf("127.0.0.1:%d", web), fmt.Sprintf("127.0.0.1:%d", rtsp)
	p.Env = append(os.Environ(),
		fmt.Sprintf("CAMGATE_HTTP_ADDRESS=:%d", web), fmt.Sprintf("CAMGATE_RTSP_ADDRESS=:%d", rtsp),
		fmt.Sprintf("CAMGATE_WEBRTC_ADDRESS=:%d", webrtc),
		fmt.Sprintf("CAMGATE_RTSP_RTP_ADDRESS=:%d", rtp), fmt.Sprintf("CAMGATE_RTSP_RTCP_ADDRESS=:%d", rtp+1))
	p.Env = append(p.Env, environ...)
	p.Dir = t.TempDir()
	p.Stdout, p.Stderr = &p.printed, &p.printed
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("camgate printed:\n%s", p.printed.String())
		}
	})
	p.await(t, "it is ready", func() bool {
		status, _ := p.get("/readyz")
		return status == http.StatusOK
	})
	return p
}

// await polls until cond holds.
func (p *process) await(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-p.ended:
			t.Fatalf("camgate ended (%v) before %s", p.err, what)
		case <-deadline:
			t.Fatalf("not in 30 s: %s", what)
		}
	}
}

// get asks for a page and returns what comes.
func (p *process) get(path string, login ...string) (status int, body string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.http+path, nil)
	if err != nil {
		return 0, err.Error()
	}
	if len(login) == 2 {
		req.SetBasicAuth(login[0], login[1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return res.StatusCode, string(b)
}

// children lists the processes that a process started.
func children(t *testing.T, pid int) []int {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	var out []int
	for _, f := range files {
		data, _ := os.ReadFile(f) // a thread may have gone
		for _, word := range strings.Fields(string(data)) {
			if n, err := strconv.Atoi(word); err == nil {
				out = append(out, n)
			}
		}
	}
	return out
}
