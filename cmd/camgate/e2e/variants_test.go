package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestDemoInSync: the browser decodes sound that was made of AAC, and from a second after
// the first picture on the beep is heard with the flash: at most 45 ms late or 15 ms early.
func TestDemoInSync(t *testing.T) {
	g := start(t, demoConfig)
	g.awaitLive("demo")
	var offsets [][]float64
	for range 2 { // a busy machine delays what the browser hands out
		r := browse(t, g, "sync=/demo@20")["sync"]
		offsets = append(offsets, r.Offsets)
		if len(r.Offsets) < 15 || r.Beeps < 15 {
			t.Fatalf("%+v", r)
		}
		if inSync(r.Offsets) {
			return
		}
	}
	t.Errorf("the sound is off by, in ms, in two attempts: %.0f", offsets)
}

// inSync looks at three offsets at a time: one that stands alone is the machine's.
func inSync(offsets []float64) bool {
	for i := range len(offsets) - 2 {
		if middle := slices.Sorted(slices.Values(offsets[i : i+3]))[1]; middle < -15 || middle > 45 {
			return false
		}
	}
	return true
}

// TestSoundAlone: a browser that asks for a picture first is answered in a way that it can
// take when there is none.
func TestSoundAlone(t *testing.T) {
	port := freeTCP(t)
	camera(t, port)
	g := start(t, fmt.Sprintf("streams:\n  sound: {source: \"rtsp://127.0.0.1:%d/l16\"}\n", port))
	g.awaitLive("sound")
	if r := browse(t, g, "sound=/sound/whep")["sound"]; r.Frames < 50 || r.Deleted != http.StatusOK {
		t.Errorf("%+v", r)
	}
}

// made is a source for variants, by ffmpeg.
func made(video string) string {
	return `{source: "exec:ffmpeg -hide_banner -loglevel error -re -f lavfi -i testsrc=size=640x360:rate=25 -f lavfi -i sine=frequency=1000 ` + video + ` -f mpegts -"}`
}

// TestVariants: a browser without H265, and WebRTC, which has no B-frames, see and hear
// what cameras send all the same. One picture and one sound are made for all.
func TestVariants(t *testing.T) {
	const x264 = "-c:v libx264 -preset ultrafast -g 25 -bf 2 -x264-params "
	g := start(t, "streams:\n"+
		"  h265: "+made("-c:v libx265 -preset ultrafast -x265-params keyint=25:log-level=error -c:a aac")+"\n"+
		"  drop: "+made(x264+"b-pyramid=none -c:a aac")+"\n"+
		"  encode: "+made(x264+"b-pyramid=normal:b-adapt=0 -bf 3 -c:a aac")+"\n"+
		"  jpeg: {source: \"exec:ffmpeg -hide_banner -loglevel error -re -f lavfi -i testsrc=size=640x360:rate=15 -c:v mjpeg -f mjpeg -\"}\n")
	for name, want := range map[string]string{
		"h265":   "video H265 -> H264, audio AAC -> Opus",
		"drop":   "video H264, B-frames left out, audio AAC -> Opus",
		"encode": "video H264 -> H264, without B-frames, audio AAC -> Opus",
		"jpeg":   "video MJPEG -> H264",
	} {
		g.awaitLive(name)
		r := browse(t, g, "whep=/"+name+"/whep")["whep"]
		if r.Frames < 50 || r.Made != want || r.Missing != "" || r.W != 640 {
			t.Errorf("%s: %+v", name, r)
		}
		if strings.Contains(want, "audio") && r.AudioSamples == 0 {
			t.Errorf("%s is not heard", name)
		}
		if n := len(g.stream(name).Variants); n != 1 {
			t.Errorf("%s has %d variants", name, n)
		}
	}
	if r := browse(t, g, "hlsjs=/jpeg/index.m3u8")["hlsjs"]; r.Frames < 50 || r.W != 640 {
		t.Errorf("HLS of JPEG: %+v", r)
	}
	if r := browse(t, g, "hlsjs=/drop/index.m3u8")["hlsjs"]; r.Frames < 50 || r.AudioBytes == 0 || len(r.Errs) > 0 {
		t.Errorf("HLS with B-frames: %+v", r)
	}
	res, err := http.Get(g.url("/jpeg/index.m3u8"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if made := res.Header.Values("X-Camgate-Made"); res.StatusCode != http.StatusOK || !slices.Equal(made, []string{"video MJPEG -> H264"}) {
		t.Errorf("HLS of JPEG: status %d, made: %q", res.StatusCode, made)
	}
}

// TestVariantsOfRichPictures: H264 of 4:2:2, which no browser offers, is H264 for it none the less.
func TestVariantsOfRichPictures(t *testing.T) {
	g := start(t, "streams:\n  rich: "+made("-c:v libx264 -preset ultrafast -g 25 -bf 0 -pix_fmt yuv422p -an")+"\n")
	g.awaitLive("rich")
	r := browse(t, g, "whep=/rich/whep")["whep"]
	if r.Frames < 50 || r.Made != "video H264 -> H264, of 8 bits and 4:2:0" || r.Missing != "" || r.W != 640 {
		t.Errorf("%+v", r)
	}
}

// TestPicturesByRTSP: RTP carries the pictures of every stream as JPEG, made once for all.
func TestPicturesByRTSP(t *testing.T) {
	g := start(t, "streams:\n  demo: {source: demo}\n"+
		"  h265: "+made("-c:v libx265 -preset ultrafast -x265-params keyint=25:log-level=error -an")+"\n"+
		"  jpeg: {source: \"exec:ffmpeg -hide_banner -loglevel error -re -f lavfi -i testsrc=size=640x360:rate=15 -pix_fmt yuvj420p -c:v mjpeg -huffman default -f mjpeg -\"}\n")
	for name, made := range map[string]string{"demo": "video H264 -> MJPEG", "h265": "video H265 -> MJPEG", "jpeg": ""} {
		g.awaitLive(name)
		for _, transport := range []string{"tcp", "udp"} {
			sound := 0
			if name == "demo" {
				sound = 25 // it begins with the first picture that is made
			}
			wantFrames(t, name+" by "+transport, probeRTSP(t, transport, g.rtspURL(name+"/mjpeg"), 2), 25, sound)
		}
		if got := madeOf(g.stream(name)); got != made {
			t.Errorf("%s: made is %q, want %q", name, got, made)
		}
	}
	if n := gstRTSP(t, g.rtspURL("demo/mjpeg"), "tcp", "rtpjpegdepay ! jpegdec", 4); n < 50 {
		t.Errorf("GStreamer shows %d pictures", n)
	}
}

// madeOf is what the only variant of a stream is made of; empty: it has none.
func madeOf(s streamInfo) string {
	if len(s.Variants) != 1 {
		return ""
	}
	return strings.Join(s.Variants[0].Made, ", ")
}
