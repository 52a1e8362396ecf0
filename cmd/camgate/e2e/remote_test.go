package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// camera runs testdata/gstcam.py, an RTSP server that shares no code with camgate.
func camera(t *testing.T, port int, flags ...string) (stop func()) {
	t.Helper()
	script, err := filepath.Abs("../../../testdata/gstcam.py")
	if err != nil {
		t.Fatal(err)
	}
	stop, log := background(t, "/usr/bin/python3", append([]string{script, fmt.Sprint(port)}, flags...)...)
	deadline := time.Now().Add(20 * time.Second)
	for !strings.Contains(log.String(), "ready") {
		if time.Now().After(deadline) {
			t.Fatalf("the camera does not start:\n%s", log)
		}
		tick := time.NewTimer(20 * time.Millisecond)
		<-tick.C
	}
	return stop
}

func TestRemoteCameraOnAllOutputs(t *testing.T) {
	port := freeTCP(t)
	camera(t, port)
	g := start(t, fmt.Sprintf(`streams:
  tcp:  {source: "rtsp://127.0.0.1:%[1]d/h264", transport: tcp}
  udp:  {source: "rtsp://127.0.0.1:%[1]d/h264", transport: udp}
  h265: {source: "rtsp://127.0.0.1:%[1]d/h265", transport: tcp}
  h265udp: {source: "rtsp://127.0.0.1:%[1]d/h265", transport: udp}
`, port))
	for _, name := range []string{"tcp", "udp"} {
		g.awaitLive(name)
		for _, transport := range []string{"tcp", "udp"} {
			wantFrames(t, name+" by "+transport, probeRTSP(t, transport, g.rtspURL(name), 3), 50, 50)
		}
		got := browse(t, g, "whep=/"+name+"/whep", "hlsjs=/"+name+"/index.m3u8", "mjpeg=/"+name+"/mjpeg")
		for check, r := range got {
			if r.Frames < 50 {
				t.Errorf("%s %s: %+v", name, check, r)
			}
		}
		if r := got["whep"]; r.AudioPackets == 0 || r.Missing != "" {
			t.Errorf("%s: Opus does not reach the browser: %+v", name, r)
		}
	}
	for _, name := range []string{"h265", "h265udp"} {
		g.awaitLive(name)
		wantFrames(t, name, probeRTSP(t, "tcp", g.rtspURL(name), 3), 50, 0)
		wantFrames(t, name+" by HLS", ffprobe(t, 3, g.url("/"+name+"/index.m3u8")), 50, 0)
		if r := browse(t, g, "mjpeg=/"+name+"/mjpeg")["mjpeg"]; r.Frames < 50 {
			t.Errorf("%s mjpeg: %+v", name, r)
		}
		if n := gstRTSP(t, g.rtspURL(name), "tcp", gstH265, 5); n < 50 {
			t.Errorf("%s: GStreamer showed %d pictures", name, n)
		}
	}
}

func TestPublishedByFFmpeg(t *testing.T) {
	g := start(t, "streams: {obs: {source: publish}}\n")
	for _, transport := range []string{"tcp", "udp"} {
		stop, log := background(t, "ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25", "-f", "lavfi", "-i", "sine=frequency=440",
			"-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "25", "-pix_fmt", "yuv420p", "-c:a", "libopus", "-ar", "48000",
			"-f", "rtsp", "-rtsp_transport", transport, g.rtspURL("obs"))
		g.awaitLive("obs")
		wantFrames(t, "published by "+transport, probeRTSP(t, "tcp", g.rtspURL("obs"), 3), 50, 50)
		got := browse(t, g, "whep=/obs/whep", "hlsjs=/obs/index.m3u8", "mjpeg=/obs/mjpeg")
		for check, r := range got {
			if r.Frames < 50 {
				t.Errorf("%s by %s: %+v", check, transport, r)
			}
		}
		stop()
		if s := log.String(); s != "" {
			t.Errorf("the publisher complains: %s", s)
		}
		g.await("the stream waits again", 15*time.Second, func() bool { return g.stream("obs").State == "idle" })
	}
}

// TestSourceComesBack ends the source under readers of all kinds: each goes on within
// 5 s of its return, without connecting again.
func TestSourceComesBack(t *testing.T) {
	for _, transport := range []string{"tcp", "udp"} {
		t.Run("camera by "+transport, func(t *testing.T) {
			port := freeTCP(t)
			source := fmt.Sprintf("{source: \"rtsp://127.0.0.1:%d/h264\", transport: %s}", port, transport)
			comesBack(t, source, func(*gateway) (stop func()) { return camera(t, port) })
		})
	}
	for name, source := range map[string]string{"publisher": "{source: publish}", "publisher with slate": "{source: publish, slate: true}"} {
		t.Run(name, func(t *testing.T) {
			comesBack(t, source, func(g *gateway) (stop func()) {
				stop, _ = background(t, "ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25",
					"-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "25", "-pix_fmt", "yuv420p", "-f", "rtsp", "-rtsp_transport", "tcp", g.rtspURL("cam"))
				return stop
			})
		})
	}
}

func comesBack(t *testing.T, source string, begin func(*gateway) (stop func())) {
	g := start(t, "streams:\n  cam: "+source+"\n")
	stop := begin(g)
	g.awaitLive("cam")
	readers := map[string]counter{
		"rtsp tcp": startReader(t, g.rtspURL("cam"), "tcp"),
		"rtsp udp": startReader(t, g.rtspURL("cam"), "udp"),
		"whep":     startWHEP(t, g.url("/cam/whep")),
		"mjpeg":    startMJPEG(t, g.url("/cam/mjpeg")),
		"hls":      startHLS(t, g.url("/cam/index.m3u8")),
	}
	for name, r := range readers {
		g.await(name+" plays", 15*time.Second, func() bool { return r.frames() > 20 })
	}
	stop()
	g.await("the outage is noticed", 15*time.Second, func() bool { return g.stream("cam").State != "live" })
	before := map[string]int64{}
	note := func() {
		for name, r := range readers {
			before[name] = r.frames()
		}
	}
	note()
	if strings.Contains(source, "slate") {
		for name, r := range readers {
			g.await(name+" has the last picture, again and again", 15*time.Second, func() bool { return r.frames() > before[name]+4 })
		}
		note()
	}
	begin(g)
	back := time.Now()
	for name, r := range readers {
		g.await(name+" goes on", 5*time.Second-time.Since(back), func() bool { return r.frames() > before[name]+5 })
	}
	t.Logf("all readers went on %s after the source's return", time.Since(back).Round(time.Millisecond))
	for name, r := range readers {
		if err := r.ended(); err != nil {
			t.Errorf("%s had to connect again: %v", name, err)
		}
	}
}
