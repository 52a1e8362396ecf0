package main

import (
	"bufio"
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
		build := exec.Command("go", "build", "-trimpath", "-tags", "nomsgpack", "-ldflags", "-s -w -X main.version=v1.2.3-test", "-o", program, ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
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

func TestEndsCleanlyAtASignal(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Fatal("ffmpeg is needed: ", err)
	}
	p := launch(t, nil)
	for _, want := range []string{
		"http://" + p.http + "/\n", "http://" + p.http + "/demo\n", "rtsp://" + p.rtsp + "/demo\n", "/demo/whep\n", "/demo/index.m3u8\n",
		"/demo/mjpeg\n", "/demo/snapshot.jpg\n", "serving this machine only",
	} {
		if !strings.Contains(p.printed.String(), want) {
			t.Errorf("it does not print %q", want)
		}
	}

	rtsp := exec.Command("ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-i", "rtsp://"+p.rtsp+"/demo", "-c", "copy", "-f", "null", "-")
	if err := rtsp.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = rtsp.Process.Kill()
		_ = rtsp.Wait()
	}()
	viewer, err := http.Get("http://" + p.http + "/demo/mjpeg")
	if err != nil {
		t.Fatal(err)
	}
	defer viewer.Body.Close()
	if _, err := io.CopyN(io.Discard, viewer.Body, 10_000); err != nil {
		t.Fatal(err)
	}
	p.await(t, "there is an RTSP viewer", func() bool {
		_, body := p.get("/api/v1/streams/demo")
		return strings.Contains(body, `"protocol":"rtsp"`)
	})
	kids := children(t, p.Process.Pid)
	if len(kids) == 0 {
		t.Error("an MJPEG viewer, but no ffmpeg")
	}

	began := time.Now()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		t.Fatal("it did not end within 10 s of SIGTERM")
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %s to end", took)
	}
	if p.err != nil {
		t.Errorf("it ended with %v", p.err)
	}
	for _, pid := range kids {
		if err := syscall.Kill(pid, 0); err == nil {
			t.Errorf("its child %d is still there", pid)
		}
	}
}

func TestPortTaken(t *testing.T) {
	for key, variable := range map[string]string{
		"http.address": "CAMGATE_HTTP_ADDRESS", "rtsp.address": "CAMGATE_RTSP_ADDRESS",
		"rtsp.rtp_address": "CAMGATE_RTSP_RTP_ADDRESS", "webrtc.address": "CAMGATE_WEBRTC_ADDRESS",
	} {
		t.Run(key, func(t *testing.T) {
			web, rtsp, webrtc, rtp := ports(t)
			port, protocol := map[string]int{"http.address": web, "rtsp.address": rtsp, "webrtc.address": webrtc, "rtsp.rtp_address": rtp}[key], "TCP"
			var taken io.Closer
			var err error
			if key == "rtsp.rtp_address" {
				protocol = "UDP"
				taken, err = net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port))
			} else {
				taken, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			}
			if err != nil {
				t.Fatal(err)
			}
			defer taken.Close()
			cmd := exec.Command(program, "--demo")
			cmd.Env = append(os.Environ(),
				fmt.Sprintf("CAMGATE_HTTP_ADDRESS=:%d", web), fmt.Sprintf("CAMGATE_RTSP_ADDRESS=:%d", rtsp), fmt.Sprintf("CAMGATE_WEBRTC_ADDRESS=:%d", webrtc),
				fmt.Sprintf("CAMGATE_RTSP_RTP_ADDRESS=:%d", rtp), fmt.Sprintf("CAMGATE_RTSP_RTCP_ADDRESS=:%d", rtp+1))
			var errs strings.Builder
			cmd.Stderr = &errs
			err = cmd.Run()
			want := fmt.Sprintf("camgate: %s: %s port %d is taken by another program: set another one with that key or %s\n", key, protocol, port, variable)
			if cmd.ProcessState.ExitCode() != exitFailed || errs.String() != want {
				t.Errorf("%v: %swant %s", err, errs.String(), want)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one.yaml", "streams: {a: {source: publish}}\n")
	write("camgate.yaml", "streams: {a: {source: publish}, b: {source: demo}}\n")
	write("bad.yaml", "rtps: {}\nstreams:\n  cam: {source: 'rtsp://u:s3cret@/x', transprot: tcp}\nlog: {level: \"${NONE}\"}\n")
	for name, tt := range map[string]struct {
		args    string
		environ string
		code    int
		want    string
	}{
		"ok":       {"check one.yaml", "", 0, "one.yaml: ok, 1 stream\n"},
		"ok by -c": {"check -c one.yaml", "", 0, "one.yaml: ok, 1 stream\n"},
		"found":    {"check", "", 0, "camgate.yaml: ok, 2 streams\n"},
		"named":    {"check", "CAMGATE_CONFIG=one.yaml", 0, "one.yaml: ok, 1 stream\n"},
		"warning":  {"check one.yaml", "CAMGATE_LOG_LEVL=x", 0, "warning: CAMGATE_LOG_LEVL: camgate knows no such variable: did you mean CAMGATE_LOG_LEVEL?\none.yaml: ok, 1 stream\n"},
		"missing":  {"check none.yaml", "", 1, "none.yaml: there is no such file\n"},
		"bad": {"check bad.yaml", "", 1, `bad.yaml:1:1: unknown key "rtps": did you mean "rtsp"?
bad.yaml:3:39: streams.cam: unknown key "transprot": did you mean "transport"?
bad.yaml:4:14: log.level: the environment has no NONE: set it, write ${NONE:default}, or $${NONE} for these characters themselves
`},
		"bad variable": {"check one.yaml", "CAMGATE_HLS_PART=soon", 1, "CAMGATE_HLS_PART: hls.part: is no duration: write a number with its unit, as in 200ms, 10s, 1m30s, 1h\n"},
		"bad to run":   {"-c bad.yaml", "", 1, "bad.yaml:1:1: unknown key"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(program, strings.Fields(tt.args)...)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), tt.environ)
			out, err := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != tt.code || string(out) != tt.want && (name != "bad to run" || !strings.HasPrefix(string(out), tt.want)) {
				t.Errorf("exit %d (%v), printed:\n%swant %d:\n%s", code, err, out, tt.code, tt.want)
			}
		})
	}
}

func TestVersionOfTheBuild(t *testing.T) {
	out, err := exec.Command(program, "version").Output()
	if err != nil || !strings.HasPrefix(string(out), "camgate v1.2.3-test (go1.") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestSecretsStayInside runs a config full of secrets, with sources that fail in
// several ways and viewers with right and wrong passwords, and looks through all
// that comes out.
func TestSecretsStayInside(t *testing.T) {
	refused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	defer served.Wait()
	defer refused.Close()
	served.Go(func() { refuse(refused) })
	camera := refused.Addr().String()

	file := filepath.Join(t.TempDir(), "secrets.yaml")
	text := `
log: {level: debug}
webrtc: {ice_servers: [{url: "turn:127.0.0.1:9", username: turner, credential: "s3cret-turn"}]}
users:
- {name: admin, password: "s3cret-admin", role: admin}
- {name: tv, password: "${TV_PASSWORD}", role: viewer}
streams:
  refused: {source: "rtsp://user:s3cret-refused@` + camera + `/x"}
  closed: {source: "rtsp://user:s3cret/closed@x@127.0.0.1:9/y?password=s3cret-query"}
  nohost: {source: ["rtsp://user:s3cret-nohost@no-such-host.invalid/y", "rtsps://user:s3cret-tls@` + camera + `/z"], tls: {insecure: true}}
  demo: {source: demo}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := launch(t, []string{"TV_PASSWORD=s3cret-tv", "CAMGATE_S3CRET=s3cret-unknown"}, "-c", file)
	var pages strings.Builder
	p.await(t, "all three sources failed", func() bool {
		_, body := p.get("/api/v1/streams", "admin", "s3cret-admin")
		pages.WriteString(body)
		return strings.Count(body, `"state":"retrying"`)+strings.Count(body, `"state":"failed"`) == 3
	})
	for _, path := range []string{"/", "/demo", "/refused", "/api/v1/streams", "/api/v1/streams/refused", "/metrics", "/healthz", "/refused/snapshot.jpg", "/closed/index.m3u8"} {
		for _, login := range [][]string{nil, {"admin", "s3cret-admin"}, {"tv", "s3cret-tv"}, {"tv", "s3cret-wrong"}} {
			_, body := p.get(path, login...)
			pages.WriteString(body)
		}
	}
	for _, login := range []string{"tv:s3cret-tv", "tv:s3cret-wrong", "nobody:s3cret-nobody"} {
		probe := exec.Command("ffprobe", "-v", "quiet", "-rtsp_transport", "tcp", "-show_streams", "rtsp://"+login+"@"+p.rtsp+"/demo")
		if out, err := probe.Output(); (err == nil) != (login == "tv:s3cret-tv") {
			t.Errorf("%s: %v: %s", login, err, out)
		}
	}
	_ = p.Process.Signal(syscall.SIGTERM)
	<-p.ended
	for from, text := range map[string]string{"the log": p.printed.String(), "a page": pages.String()} {
		if at := strings.Index(strings.ToLower(strings.ReplaceAll(text, "CAMGATE_S3CRET", "")), "s3cret"); at >= 0 {
			t.Errorf("%s shows a secret: ...%s...", from, text[max(0, at-200):min(len(text), at+200)])
		}
	}
}

// refuse is a camera that wants another password.
func refuse(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		r := bufio.NewReader(conn)
		cseq := ""
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				break
			}
			if strings.HasPrefix(line, "CSeq") {
				cseq = strings.TrimSpace(line)
			}
			if strings.TrimSpace(line) == "" {
				fmt.Fprintf(conn, "RTSP/1.0 401 Unauthorized\r\n%s\r\nWWW-Authenticate: Digest realm=\"cam\", nonce=\"1\"\r\n\r\n", cseq)
			}
		}
		conn.Close()
	}
}

// TestProgramIsSmall guards against a dependency that makes the linker keep
// everything, as text/template does.
func TestProgramIsSmall(t *testing.T) {
	const most = 20 << 20
	info, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > most {
		t.Errorf("the program has %d bytes, more than %d", info.Size(), most)
	}
}
