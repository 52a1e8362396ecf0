//go:build v4l2lab

// The program in a virtual machine that has cameras and a sound card, watched from
// outside of it. scripts/cameralab/lab.sh runs this.
package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	pion "github.com/pion/webrtc/v4"
)

// guest is a camgate in a virtual machine.
type guest struct {
	*gateway
	dir string
	n   int
}

// boot starts the guest with the given streams.
func boot(t *testing.T, streams string) *guest {
	t.Helper()
	cache := os.Getenv("QEMU_V4L2_CACHE") // what lab.sh keeps
	if cache == "" {
		t.Fatal("scripts/cameralab/lab.sh is to run this")
	}
	g := &guest{gateway: &gateway{t: t, host: "127.0.0.1", log: &lockedBuffer{}, http: freeTCP(t), rtsp: freeTCP(t), webrt: freeTCP(t), exited: make(chan struct{})},
		dir: t.TempDir()}
	lab, err := filepath.Abs("../../../scripts/cameralab")
	if err != nil {
		t.Fatal(err)
	}
	// The guest has the root of this machine, but a /tmp of its own: what it needs goes with it.
	run(t, time.Minute, nil, "cp", program, filepath.Join(lab, "serve-in-guest.sh"), filepath.Join(cache, "modules", "v4l2loopback.ko"), g.dir)
	config := fmt.Sprintf("allow_anonymous: true\nstate_dir: /tmp/state\nwebrtc: {address: \":%d\", public_hosts: [127.0.0.1]}\n%s", g.webrt, streams)
	if err := os.WriteFile(filepath.Join(g.dir, "camgate.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	limit := "900"
	g.cmd = exec.Command(filepath.Join(lab, "run-in-guest.sh"), "-r", "-S", "2", "-M", "1024", "-t", limit, "-o", g.dir,
		"-p", fmt.Sprintf("%d:8889", g.http), "-p", fmt.Sprintf("%d:8554", g.rtsp), "-p", fmt.Sprintf("%d:%d", g.webrt, g.webrt),
		"-m", "vivid n_devs=2 node_types=0x1,0x1 num_inputs=1,1 input_types=0x0,0x0 no_error_inj=0", "-m", "snd-aloop", "-m", "videobuf2-v4l2", "-m", "videobuf2-vmalloc",
		"-x", filepath.Join(cache, "modules", "v4l2-mem2mem.ko"), "-x", filepath.Join(cache, "modules", "vh264enc.ko"), "--",
		"/bin/sh", "/tmp/out/serve-in-guest.sh", "/tmp/out")
	g.cmd.Stdout, g.cmd.Stderr = g.log, g.log
	g.cmd.Env = append(os.Environ(), "QEMU_NICE=0") // it has pictures to make in time
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		g.err = g.cmd.Wait()
		close(g.exited)
	}()
	t.Cleanup(g.end)
	g.await("the guest serves", 120*time.Second, func() bool {
		_, err := os.Stat(filepath.Join(g.dir, "pid"))
		return err == nil && exec.Command("curl", "-sf", "-m", "2", g.url("/readyz")).Run() == nil
	})
	return g
}

// patience is how much longer everything may take than on a machine of its own: the
// guest's processor is a program, and what is looked at is not how fast it is.
const patience = 4

func (g *guest) await(what string, limit time.Duration, cond func() bool) {
	g.t.Helper()
	g.gateway.await(what, patience*limit, cond)
}

// says has somebody ask for a picture until the answer has all the parts.
func (g *guest) says(path string, limit time.Duration, parts ...string) {
	g.t.Helper()
	var out []byte
	for end := time.Now().Add(patience * limit); ; {
		out, _ = exec.Command("curl", "-si", "-m", "120", g.url(path)).Output()
		if !slices.ContainsFunc(parts, func(part string) bool { return !bytes.Contains(out, []byte(part)) }) {
			return
		}
		if time.Now().After(end) {
			g.t.Errorf("%s: not %q: %.500s", path, parts, out)
			return
		}
	}
}

// end ends the program as a service manager does, and the guest with it.
func (g *guest) end() {
	if g.t.Failed() {
		log, _ := os.ReadFile(filepath.Join(g.dir, "log"))
		g.t.Logf("camgate said:\n%s", log)
	}
	if err := os.WriteFile(filepath.Join(g.dir, "quit"), nil, 0o600); err != nil {
		g.t.Error(err)
	}
	select {
	case <-g.exited:
		if g.err != nil {
			g.t.Errorf("the guest ended with %v\n%s", g.err, g.log)
		}
	case <-time.After(patience * 20 * time.Second):
		_ = g.cmd.Process.Signal(syscall.SIGTERM)
		<-g.exited
		g.t.Error("the guest does not end")
	}
}

// do runs lines of the shell in the guest, and returns what they print.
func (g *guest) do(script string) string {
	g.t.Helper()
	g.n++
	name := filepath.Join(g.dir, "do", strconv.Itoa(g.n))
	if err := os.WriteFile(name+".new", []byte(script), 0o600); err != nil {
		g.t.Fatal(err)
	}
	if err := os.Rename(name+".new", name+".sh"); err != nil {
		g.t.Fatal(err)
	}
	g.await("the guest did "+script, 40*time.Second, func() bool {
		_, err := os.Stat(name + ".rc")
		return err == nil
	})
	out, _ := os.ReadFile(name + ".out")
	if rc, err := os.ReadFile(name + ".rc"); err != nil || strings.TrimSpace(string(rc)) != "0" {
		g.t.Fatalf("%s: %v, status %s: %s", script, err, rc, out)
	}
	return strings.TrimSpace(string(out))
}

// goOn has viewers get another few pictures, without a new connection.
func (g *guest) goOn(what string, readers map[string]counter) {
	g.t.Helper()
	for name, r := range readers {
		n := r.frames()
		g.await(name+" goes on "+what, 20*time.Second, func() bool { return r.frames() > n+10 })
		if err := r.ended(); err != nil {
			g.t.Errorf("%s had to connect again %s: %v", name, what, err)
		}
	}
}

// startWHEPTCP is a WebRTC viewer whose media come by TCP.
func startWHEPTCP(t *testing.T, url string) counter {
	t.Helper()
	var settings pion.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetNetworkTypes([]pion.NetworkType{pion.NetworkTypeTCP4})
	return whep(t, url, settings)
}

// TestLabOutside is a camera of a guest, seen by viewers outside.
func TestLabOutside(t *testing.T) {
	g := boot(t, `streams:
  raw:
    source: "v4l2:///dev/video0"
    video: {size: 320x180, fps: 15, format: YU12, encoder: v4l2m2m}
    profiles: {sub: {size: 160x90, fps: 8, bitrate: 100k, encoder: h264_v4l2m2m}, mjpeg: {codec: mjpeg, size: 160x96, fps: 5}}
  taken: {source: "v4l2:///dev/video1", video: {size: 320x180, fps: 8, format: YUYV, encoder: libx264}, on_demand: true, linger: 60s}
  late: {source: "v4l2://name=Latecomer*", video: {format: h264}}
`)
	// What is not there is told, to the viewer too, and heals.
	const missing = `no camera with the name "Latecomer*"`
	g.await("the missing camera is told of", 10*time.Second, func() bool { return strings.Contains(g.stream("late").Error, missing) })
	g.says("/late/snapshot.jpg", 20*time.Second, " 503 ", "no camera with the name")

	g.await("the camera is live", 60*time.Second, func() bool { return g.stream("raw").State == "live" })
	if by := g.stream("raw").Encoder; by != "v4l2m2m" {
		t.Errorf("encoded by %s", by)
	}
	if got := pictureOf(t, g.rtspURL("raw")); got != "h264,320,180" {
		t.Errorf("ffprobe sees %s", got)
	}
	frames := probeRTSP(t, "tcp", g.rtspURL("raw"), 3)
	wantFrames(t, "ffprobe by RTSP", frames, 5, 0)          // of 45; a slow guest leaves some out
	for _, name := range []string{"raw/sub", "raw/mjpeg"} { // an encoder begins in this guest after 15 s
		g.await(name+" begins", 60*time.Second, func() bool {
			return exec.Command("timeout", "60", "ffprobe", "-v", "error", "-rtsp_transport", "tcp", g.rtspURL(name)).Run() == nil
		})
	}
	readers := map[string]counter{
		"RTSP": startReader(t, g.rtspURL("raw"), "tcp"), "WHEP": startWHEPTCP(t, g.url("/raw/whep")),
		"sub": startReader(t, g.rtspURL("raw/sub"), "tcp"), "mjpeg": startReader(t, g.rtspURL("raw/mjpeg"), "tcp"),
	}
	g.goOn("at first", readers)
	if by := g.stream("raw/sub").Encoder; by != "h264_v4l2m2m" { // as long as it has viewers
		t.Errorf("its sub is encoded by %s", by)
	}
	t.Logf("ffprobe decoded %d pictures of 3 s", frames["video"])

	// One camera, opened once.
	open := g.do("lsof -t /dev/video0; lsof -F f /dev/video0 | grep -c ^f[0-9]")
	pid := g.do("cat /tmp/out/pid")
	if open != pid+"\n1" {
		t.Errorf("the camera is opened by (pids, then how often) %q; camgate is %s", open, pid)
	}
	g.patch("raw", `{"controls": {"brightness": 90}}`)
	if got := g.do("v4l2-ctl -d /dev/video0 -C brightness"); got != "brightness: 90" {
		t.Errorf("after the change: %s", got)
	}
	g.do("cd /tmp/out; ./camgate devices >devices; ./camgate devices --json >devices.json; ./camgate encoders --size 320x180 --fps 15 --codec h264 >encoders")
	for file, want := range map[string]string{"devices": "held by   camgate, pid " + pid, "encoders": "taken by auto"} {
		if out, err := os.ReadFile(filepath.Join(g.dir, file)); err != nil || !bytes.Contains(out, []byte(want)) {
			t.Errorf("%s: %v: %s", file, err, out)
		}
	}
	var list []struct{ Path, Driver string }
	if data, err := os.ReadFile(filepath.Join(g.dir, "devices.json")); err != nil || json.Unmarshal(data, &list) != nil || len(list) != 2 || list[0].Driver != "vivid" {
		t.Errorf("devices.json: %v: %+v", err, list)
	}

	// Unplugged under viewers.
	for _, r := range readers {
		r.pause()
	}
	g.do("echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind")
	g.await("it is away", 5*time.Second, func() bool { return g.stream("raw").State != "live" })
	t.Logf("unplugged: %s", g.stream("raw").Error)
	time.Sleep(2 * time.Second) // as long as a hand takes; nothing is synchronised by it
	g.do("echo vivid.0 >/sys/bus/platform/drivers/vivid/bind")
	bound := time.Now()
	g.goOn("when it is plugged in again", readers)
	t.Logf("plugged in again: all viewers have pictures %s later", time.Since(bound).Round(10*time.Millisecond))
	for name, r := range readers {
		t.Logf("%s: %s without a picture", name, r.pause().Round(10*time.Millisecond))
	}

	// Switched off and on again: the other program is let in, and nobody is sent away.
	g.patch("raw", `{"enabled": false}`)
	g.await("it is off", 10*time.Second, func() bool { return g.stream("raw").Error == "it is switched off" })
	if n := g.do("lsof -t /dev/video0 | wc -l"); n != "0" {
		t.Errorf("switched off, the camera is held by %s", n)
	}
	g.patch("raw", `{"enabled": true}`)
	g.goOn("when it is switched on again", readers)
	for _, r := range readers {
		r.pause()
	}

	// Another program has a camera: whoever wants to see it is told which.
	g.do("cd /tmp; ffmpeg -v error -nostdin -f v4l2 -input_format yuyv422 -video_size 320x180 -i /dev/video1 -f rawvideo -y /tmp/other.raw >/tmp/other.log 2>&1 & echo $! >/tmp/other")
	g.do(`for i in $(seq 900); do [ -s /tmp/other.raw ] && exit 0; sleep 0.1; done; cat /tmp/other.log; exit 1`)
	held := "/dev/video1 is held by ffmpeg, pid " + g.do("cat /tmp/other")
	g.says("/taken/snapshot.jpg", 20*time.Second, " 503 ", held)
	g.do("kill -9 $(cat /tmp/other); rm /tmp/other.raw")
	g.says("/taken/snapshot.jpg", 60*time.Second, " 200 ") // refused while the encoder begins, which takes it 15 s here
	g.await("the camera that is free again is live", 40*time.Second, func() bool { return g.stream("taken").State == "live" })

	// The camera that was missing comes, with H264 of its own.
	g.do("insmod /tmp/out/v4l2loopback.ko devices=1 video_nr=9 exclusive_caps=1 card_label=Latecomer")
	g.do("ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=320x180:rate=10:duration=10 -c:v libx264 -preset ultrafast -g 10 -pix_fmt yuv420p -y /tmp/10s.h264")
	g.do("for i in $(seq 120); do cat /tmp/10s.h264; done >/tmp/a.h264") // ffmpeg cannot loop it
	g.do("cd /tmp; ffmpeg -v error -nostdin -re -f h264 -framerate 10 -i /tmp/a.h264 -c copy -f v4l2 /dev/video9 >/tmp/feed.log 2>&1 &")
	came := time.Now()
	g.await("the late camera is live", 20*time.Second, func() bool { return g.stream("late").State == "live" })
	t.Logf("the late camera is live %s after it came", time.Since(came).Round(10*time.Millisecond))
	if s := g.stream("late"); s.Encoder != "" {
		t.Errorf("it is encoded by %s", s.Encoder)
	}
	readers = map[string]counter{"late by RTSP": startReader(t, g.rtspURL("late"), "tcp"), "late by WHEP": startWHEPTCP(t, g.url("/late/whep"))}
	g.goOn("late", readers)

	// What the camera was not asked for is made of what it gives, for as long as it is wanted.
	// A trial that runs out of time here is made again when somebody asks again.
	g.await("its encoder is tried", 60*time.Second, func() bool {
		code, said := g.tryPatch("late", `{"video": {"bitrate": "200k", "encoder": "libx264"}}`)
		if code != http.StatusOK {
			t.Logf("refused: %s", said)
		}
		return code == http.StatusOK
	})
	g.await("it is encoded", 40*time.Second, func() bool { return g.stream("late").Encoder != "" })
	g.goOn("encoded", readers)
	g.patch("late", `{"video": {"bitrate": 0, "encoder": "auto"}}`)
	g.await("it goes on as it is", 20*time.Second, func() bool { return g.stream("late").Encoder == "" })
	g.goOn("as it is", readers)
}
