package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// pictureOf returns codec, width and height as ffprobe sees them.
func pictureOf(t *testing.T, url string) string {
	t.Helper()
	out, errs := run(t, 30*time.Second, nil, "ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-select_streams", "v",
		"-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0", url)
	if errs != "" {
		t.Errorf("ffprobe %s complains: %s", url, errs)
	}
	return strings.TrimSpace(out)
}

// children returns the processes that the gateway has started.
func (g *gateway) children() (pids []int) {
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		g.t.Fatal(err)
	}
	for _, file := range all {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		if f := strings.Fields(rest); len(f) > 1 && f[1] == strconv.Itoa(g.cmd.Process.Pid) && f[0] != "Z" {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if err != nil {
				g.t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

func (g *gateway) patch(stream, body string) {
	g.t.Helper()
	if code, said := g.tryPatch(stream, body); code != http.StatusOK {
		g.t.Fatalf("PATCH %s %s: %d %s", stream, body, code, said)
	}
}

// tryPatch changes a stream, and returns what is said of it.
func (g *gateway) tryPatch(stream, body string) (code int, said string) {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), http.MethodPatch, g.url("/api/v1/streams/"+stream), strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(res.Body); err != nil {
		g.t.Fatal(err)
	}
	return res.StatusCode, b.String()
}

// TestProfiles takes an H265 camera once and shows it as H264, smaller, as JPEG, and
// as it is; each only while somebody looks.
func TestProfiles(t *testing.T) {
	port := freeTCP(t)
	stop := camera(t, port)
	g := start(t, fmt.Sprintf(`streams:
  cam:
    source: "rtsp://127.0.0.1:%d/h265"
    transport: tcp
    on_demand: true
    linger: 1s
    video: {codec: h264}
    profiles:
      native: {}
      sub: {size: 320x180, fps: 10, bitrate: 200k}
      mjpeg: {codec: mjpeg, size: 160x96, fps: 5}
hls: {warm: 1s}
state_dir: %q
`, port, t.TempDir()))
	asleep := func() bool {
		for _, name := range []string{"cam", "cam/native", "cam/sub", "cam/mjpeg"} {
			if g.stream(name).State != "idle" {
				return false
			}
		}
		return len(g.children()) == 0
	}
	if !asleep() {
		t.Error("something runs although nobody looks")
	}
	original := pictureOf(t, g.rtspURL("cam/native"))
	if n := len(g.children()); n != 0 || !strings.HasPrefix(original, "hevc,") {
		t.Errorf("native is %s, with %d processes", original, n)
	}
	size := strings.TrimPrefix(original, "hevc,")
	for name, want := range map[string]string{"cam": "h264," + size, "cam/sub": "h264,320,180", "cam/mjpeg": "mjpeg,160,96"} {
		if got := pictureOf(t, g.rtspURL(name)); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	for _, r := range browse(t, g, "whep=/cam/whep", "hlsjs=/cam/sub/index.m3u8", "mjpeg=/cam/mjpeg") {
		if want := map[string]int{"whep": 50, "hlsjs": 20, "mjpeg": 10}[r.Check]; r.Frames < want {
			t.Errorf("%+v", r)
		}
	}
	g.await("all sleep again", 20*time.Second, asleep)

	began := time.Now()
	readers := map[string]counter{"sub by RTSP": startReader(t, g.rtspURL("cam/sub"), "udp")}
	first := readers["sub by RTSP"]
	g.await("the first picture", 10*time.Second, func() bool { return first.frames() > 0 })
	t.Logf("from nothing to a picture of cam/sub: %s", time.Since(began).Round(10*time.Millisecond))
	readers["sub by WebRTC"] = startWHEP(t, g.url("/cam/sub/whep"))
	for name, r := range readers {
		g.await(name+" plays", 15*time.Second, func() bool { return r.frames() > 20 })
	}
	if n := len(g.children()); n != 1 {
		t.Errorf("%d processes for two viewers of one profile", n)
	}
	readers["native"] = startReader(t, g.rtspURL("cam/native"), "tcp")
	readers["main"] = startWHEP(t, g.url("/cam/whep"))

	goOn := func(what string) {
		t.Helper()
		for name, r := range readers {
			n := r.frames()
			g.await(name+" goes on "+what, 15*time.Second, func() bool { return r.frames() > n+10 })
			if err := r.ended(); err != nil {
				t.Errorf("%s had to connect again %s: %v", name, what, err)
			}
		}
	}
	goOn("at first")
	g.patch("cam/sub", `{"video": {"size": "160x90", "bitrate": "100k", "fps": 8}}`)
	goOn("with another size")
	if got := pictureOf(t, g.rtspURL("cam/sub")); got != "h264,160,90" {
		t.Errorf("after the change it is %s", got)
	}
	// Who sees the camera as it is does not suffer for an encoder that the machine does not have.
	if code, said := g.tryPatch("cam/native", `{"video": {"encoder": "h264_nvenc"}}`); code != http.StatusServiceUnavailable || !strings.Contains(said, "video: no encoder available: h264_nvenc: ") {
		t.Errorf("an encoder that is not here: %d %s", code, said)
	}
	if body, _ := g.get("/api/v1/streams/cam/native"); !bytes.Contains(body, []byte(`"encoder":"auto"`)) {
		t.Errorf("what was refused is set: %s", body)
	}
	goOn("after an encoder was refused")
	g.patch("cam", `{"enabled": false}`)
	g.await("it is off", 10*time.Second, func() bool { return g.stream("cam").Error == "it is switched off" })
	g.patch("cam", `{"enabled": true}`)
	goOn("when it is on again")
	stop()
	g.await("the outage is noticed", 15*time.Second, func() bool {
		return g.stream("cam").State != "live" && g.stream("cam/sub").State != "live" && g.stream("cam/sub").Error == g.stream("cam").Error
	})
	camera(t, port)
	goOn("when the camera is back")
}
