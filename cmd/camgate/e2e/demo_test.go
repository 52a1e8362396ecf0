package e2e

import (
	"bytes"
	"image/jpeg"
	"net/http"
	"testing"

	"github.com/camgate/camgate/internal/frameno"
)

const demoConfig = "streams: {demo: {source: demo}}\n"

func TestDemoOverRTSP(t *testing.T) {
	g := start(t, demoConfig)
	g.awaitLive("demo")
	for _, transport := range []string{"tcp", "udp"} {
		wantFrames(t, "ffprobe "+transport, probeRTSP(t, transport, g.rtspURL("demo"), 3), 50, 50)
		if n := gstRTSP(t, g.rtspURL("demo"), transport, gstH264, 5); n < 50 {
			t.Errorf("GStreamer %s showed %d pictures, want 50", transport, n)
		}
	}
	run(t, 30e9, nil, "mpv", "--no-config", "--vo=null", "--ao=null", "--frames=50", "--rtsp-transport=tcp", g.rtspURL("demo"))
}

func TestDemoInTheBrowser(t *testing.T) {
	g := start(t, demoConfig)
	g.awaitLive("demo")
	got := browse(t, g, "whep=/demo/whep", "hlsjs=/demo/index.m3u8", "mjpeg=/demo/mjpeg")
	for check, r := range got {
		if r.Frames < 50 || r.W != 1280 || r.H != 720 {
			t.Errorf("%s decoded %d frames of %dx%d, want 50 of 1280x720", check, r.Frames, r.W, r.H)
		}
	}
	if r := got["whep"]; r.Deleted != http.StatusOK || r.Lost != 0 || r.Missing != "" || r.Made != "audio AAC -> Opus" || r.AudioSamples < 4800 {
		t.Errorf("whep: %+v", r)
	}
	if r := got["hlsjs"]; r.Parts < 5 || r.Blocking < 5 || r.Latency > 1.5 || r.AudioBytes == 0 {
		t.Errorf("hls is not the low-latency kind, or late: %+v", r)
	}
}

func TestDemoPages(t *testing.T) {
	g := start(t, demoConfig)
	g.awaitLive("demo")
	for via, url := range map[string]string{"webrtc": "/demo", "hls": "/demo?via=hls", "mjpeg": "/demo?via=mjpeg"} {
		r := browse(t, g, "page="+url)["page"]
		if r.Rung != via || r.Frames < 50 {
			t.Errorf("%s plays by %q and decoded %d frames, want %q and 50", url, r.Rung, r.Frames, via)
		}
		if len(r.Foreign) > 0 || len(r.Errors) > 0 {
			t.Errorf("%s asks other hosts %v, errors %v", url, r.Foreign, r.Errors)
		}
	}
}

func TestDemoSnapshot(t *testing.T) {
	g := start(t, demoConfig)
	g.awaitLive("demo")
	body, status := g.get("/demo/snapshot.jpg")
	if status != http.StatusOK {
		t.Fatalf("status %d: %s", status, body)
	}
	img, err := jpeg.Decode(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if size := img.Bounds().Size(); size.X != 1280 || size.Y != 720 {
		t.Errorf("the snapshot has %v, want 1280x720", size)
	}
	if n, ok := frameno.Read(img); !ok || n%50 != 0 {
		t.Errorf("the snapshot shows frame %d (%v), want a keyframe", n, ok)
	}
}
