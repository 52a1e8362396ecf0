//go:build v4l2lab

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"
)

// feeds has programs of the guest write to loopback cameras: 720p30 as H264 and as
// MJPEG; and pictures with sound, of which both are empty but for a tenth of each other
// second.
const feeds = `cd /tmp/out
insmod ./v4l2loopback.ko devices=3 video_nr=7,8,9 exclusive_caps=1,1,1 card_label=Sync,Jpeg,Avc
feed() { nice -n 5 ffmpeg -v error -nostdin "$@" >feed.$$.log 2>&1 & }
feed -re -f h264 -framerate 30 -i a.h264 -c copy -f v4l2 /dev/video9
feed -re -stream_loop -1 -f mjpeg -framerate 30 -i a.mjpeg -c copy -f v4l2 /dev/video8
feed -re -f lavfi -i "color=black:s=160x96:r=20,drawbox=color=white:t=fill:enable='lt(mod(t,2),0.1)'" \
  -re -f lavfi -i "aevalsrc='if(lt(mod(t,2),0.1),0.5*sin(6283*t),0)':s=48000" \
  -map 0 -c:v rawvideo -pix_fmt yuv420p -f v4l2 /dev/video7 -map 1 -c:a pcm_s16le -ac 2 -f alsa hw:0,0
for i in $(seq 900); do [ "$(lsof -t /dev/video7 /dev/video8 /dev/video9 | sort -u | wc -l)" = 3 ] && exit 0; sleep 0.1; done
cat feed.*.log; exit 1
`

// TestLabFigures measures what a camera costs that goes through as it is, how old its
// pictures are when they are sent, and whether the sound of a card fits the picture.
func TestLabFigures(t *testing.T) {
	g := boot(t, `streams:
  avc: {source: "v4l2:///dev/video9", video: {format: h264, size: 1280x720}, on_demand: true, linger: 1s}
  jpeg: {source: "v4l2:///dev/video8", video: {format: mjpeg, size: 1280x720}, on_demand: true, linger: 1s}
  raw: {source: "v4l2:///dev/video0", video: {size: 320x180, fps: 15, format: YU12, encoder: v4l2m2m}, on_demand: true, linger: 1s}
  sync: {source: "v4l2:///dev/video7", video: {size: 160x96, format: YU12, encoder: v4l2m2m}, audio: "hw:0,1", on_demand: true, linger: 1s}
`)
	clip := []string{"-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30:duration=4", "-pix_fmt", "yuv420p"}
	run(t, time.Minute, nil, "ffmpeg", append(clip, "-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-b:v", "2M", "-x264-params", "aud=1:sliced-threads=0", filepath.Join(g.dir, "a.h264"))...)
	run(t, time.Minute, nil, "ffmpeg", append(clip, "-c:v", "mjpeg", "-q:v", "12", "-huffman", "default", filepath.Join(g.dir, "a.mjpeg"))...)
	again, err := os.ReadFile(filepath.Join(g.dir, "a.h264")) // ffmpeg cannot loop it
	if err == nil {
		err = os.WriteFile(filepath.Join(g.dir, "a.h264"), bytes.Repeat(again, 40), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run(t, time.Minute, nil, "cp", own, filepath.Join(g.dir, "e2e.test"))
	g.do(feeds)

	for _, name := range []string{"avc", "jpeg"} {
		r := startReader(t, g.rtspURL(name), "tcp")
		g.await(name+" comes", 20*time.Second, func() bool { return r.frames() > 30 })
		ticks := "cat /proc/$(cat /tmp/out/pid)/stat /proc/uptime"
		before, frames := cpuOf(t, g.do(ticks)), r.frames()
		time.Sleep(8 * time.Second) // what is measured
		after := cpuOf(t, g.do(ticks))
		t.Logf("%s at 720p30 with a viewer by RTSP: %.1f pictures a second, %.1f %% of a CPU of this guest",
			name, float64(r.frames()-frames)/(after[1]-before[1]), 100*(after[0]-before[0])/(after[1]-before[1]))
	}
	for _, name := range []string{"avc", "raw"} {
		g.await(name+" begins", 60*time.Second, func() bool { // its encoder takes some time to
			return exec.Command("timeout", "60", "ffprobe", "-v", "error", "-rtsp_transport", "tcp", g.rtspURL(name)).Run() == nil
		})
		out := g.do("cd /tmp; CAMGATE_E2E_PROGRAM=./camgate CAMGATE_TEST_INSIDE=rtsp://127.0.0.1:8554/" + name + " /tmp/out/e2e.test -test.v -test.run ^TestInsideAge$")
		m := regexp.MustCompile(`age: median (\S+), .*`).FindStringSubmatch(out)
		if m == nil {
			t.Fatal(out)
		}
		t.Logf("%s, in the guest, from its time stamp to the last packet at an RTSP viewer: %s", name, m[0])
		if d, err := time.ParseDuration(m[1]); err != nil || d > 500*time.Millisecond {
			t.Errorf("that is late: %v", err)
		}
	}
	r := startReader(t, g.rtspURL("sync"), "tcp")
	g.await("sync comes", 20*time.Second, func() bool { return r.frames() > 20 })
	g.fits()
}

// played reads how much of its sound the feeding program has written and the card has not played
// yet: by so much the sound was late already.
func (g *guest) played() float64 {
	g.t.Helper()
	status := g.do("cat /proc/asound/card0/pcm0p/sub0/status")
	m := regexp.MustCompile(`delay\s*: (\d+)`).FindStringSubmatch(status)
	if m == nil {
		g.t.Fatal(status)
	}
	n, _ := strconv.ParseFloat(m[1], 64)
	return n / 48000
}

// cpuOf reads the seconds of CPU of a process, and those since the start of the machine.
func cpuOf(t *testing.T, text string) [2]float64 {
	t.Helper()
	_, rest, _ := strings.Cut(text, ") ")
	fields := strings.Fields(rest)
	if len(fields) < 52 {
		t.Fatal(text)
	}
	var n [3]float64
	for i, field := range []string{fields[11], fields[12], fields[50]} { // utime, stime; uptime
		f, err := strconv.ParseFloat(field, 64)
		if err != nil {
			t.Fatal(text)
		}
		n[i] = f
	}
	return [2]float64{(n[0] + n[1]) / 100, n[2]}
}

// fits records picture and sound as a viewer gets them, and compares when they tell of the same.
func (g *guest) fits() {
	t := g.t
	file := filepath.Join(t.TempDir(), "sync.mkv")
	run(t, time.Minute, nil, "ffmpeg", "-v", "error", "-nostdin", "-rtsp_transport", "tcp", "-i", g.rtspURL("sync"), "-t", "16", "-c", "copy", file)
	_, log := run(t, time.Minute, nil, "ffmpeg", "-v", "info", "-nostdin", "-i", file,
		"-vf", "signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=/dev/stderr", "-af", "silencedetect=noise=-25dB:d=0.5", "-f", "null", "-")
	var flashes, beeps, offs []float64
	at, bright := 0.0, true
	for line := range strings.Lines(log) {
		if m := regexp.MustCompile(`pts_time:([0-9.]+)`).FindStringSubmatch(line); m != nil {
			at, _ = strconv.ParseFloat(m[1], 64)
		}
		if m := regexp.MustCompile(`YAVG=([0-9.]+)`).FindStringSubmatch(line); m != nil {
			level, _ := strconv.ParseFloat(m[1], 64)
			if level > 100 && !bright {
				flashes = append(flashes, at)
			}
			bright = level > 100
		}
		if m := regexp.MustCompile(`silence_end: ([0-9.]+)`).FindStringSubmatch(line); m != nil {
			beep, _ := strconv.ParseFloat(m[1], 64)
			beeps = append(beeps, beep)
		}
	}
	for _, beep := range beeps {
		for _, flash := range flashes {
			if off := beep - flash; off > -1 && off < 1 {
				offs = append(offs, off)
			}
		}
	}
	slices.Sort(offs)
	late := g.played()
	if len(offs) < 3 {
		t.Fatalf("flashes %v, beeps %v\n%.3000s", flashes, beeps, log)
	}
	middle := offs[len(offs)/2]
	t.Logf("the sound comes %.0f ms after the picture that it belongs to (median of %d; from %.0f to %.0f ms), of which the card itself has %.0f ms in its buffer",
		1000*middle, len(offs), 1000*offs[0], 1000*offs[len(offs)-1], 1000*late)
	if middle -= late; middle < -0.15 || middle > 0.15 {
		t.Error("that can be seen")
	}
}

// TestInsideAge is run in the guest: how old are pictures when a viewer has them, by the
// one clock that there is?
func TestInsideAge(t *testing.T) {
	address := os.Getenv("CAMGATE_TEST_INSIDE")
	if address == "" {
		return
	}
	u, err := base.ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	tcp := gortsplib.ProtocolTCP
	c := &gortsplib.Client{Scheme: u.Scheme, Host: u.Host, Protocol: &tcp, ReadTimeout: 30 * time.Second}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	desc, _, err := c.Describe(u)
	if err != nil {
		t.Fatal(err)
	}
	var video *description.Media
	for _, m := range desc.Medias {
		if m.Type == description.MediaTypeVideo {
			video = m
		}
	}
	if _, err := c.Setup(desc.BaseURL, video, 0, 0); err != nil {
		t.Fatal(err)
	}
	const skip, count = 45, 150 // what a viewer gets at first is as old as the last keyframe
	ages, done, n := make([]time.Duration, 0, count), make(chan struct{}), 0
	c.OnPacketRTPAny(func(m *description.Media, _ format.Format, p *rtp.Packet) {
		at, ok := c.PacketNTP(m, p)
		if !p.Marker || !ok || len(ages) == count {
			return
		}
		if n++; n > skip {
			ages = append(ages, time.Since(at))
		}
		if len(ages) == count {
			close(done)
		}
	})
	if _, err := c.Play(nil); err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
	case <-time.After(100 * time.Second):
		t.Fatal("too few pictures")
	}
	slices.Sort(ages)
	fmt.Printf("age: median %s, 95 %% within %s, least %s, most %s\n", ages[count/2].Round(10*time.Microsecond),
		ages[count*95/100].Round(10*time.Microsecond), ages[0].Round(10*time.Microsecond), ages[count-1].Round(10*time.Microsecond))
}
