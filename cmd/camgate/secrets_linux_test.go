package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

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
