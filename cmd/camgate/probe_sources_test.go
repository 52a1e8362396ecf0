package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/cmd/camgate/fakecam"
	"github.com/camgate/camgate/internal/onviffake"
	"github.com/camgate/camgate/rtsp"
)

// noise is a JPEG file with a long scan.
func noise(t *testing.T, width, height int) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	m := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	for i := range m.Y {
		m.Y[i] = byte(r.IntN(256))
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// webcam sends a JPEG file again and again, and returns its address.
func webcam(t *testing.T, file []byte) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/stream" {
			http.Error(w, "<title>Log in</title>", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=b")
		tick := time.NewTicker(40 * time.Millisecond)
		defer tick.Stop()
		for r.Context().Err() == nil {
			fmt.Fprintf(w, "--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n", len(file), file)
			w.(http.Flusher).Flush()
			<-tick.C
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// hold takes the one session that a camera has, until the test ends.
func hold(t *testing.T, address string) {
	t.Helper()
	u, err := url.Parse("rtsp://" + address)
	if err != nil {
		t.Fatal(err)
	}
	source, err := rtsp.NewSource(rtsp.SourceOptions{URL: u, Transport: rtsp.TransportTCP})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stream, done := camgate.NewRendition("hold", camgate.StreamLimits{}), make(chan struct{})
	go func() { defer close(done); _ = source.Run(ctx, stream) }()
	t.Cleanup(func() { cancel(); <-done })
	for stream.Units() == 0 {
		select {
		case <-stream.Changed():
		case <-time.After(10 * time.Second):
			t.Fatal("no picture")
		}
	}
}

// TestProbeOfAllSources asks for other sources than TestProbe, and for the failures that
// are told by their exit code.
func TestProbeOfAllSources(t *testing.T) {
	good := noise(t, 320, 240)
	broken := bytes.Clone(good)
	for i := len(broken) / 2; i+4 < len(broken); i += 2 {
		copy(broken[i:], "\xff\x00") // no Huffman code has so many ones
	}
	taken := fakeCamera(t, fakecam.Options{Faults: []string{"one-client"}})
	hold(t, taken)
	rtspCamera := fakeCamera(t, fakecam.Options{User: "ada", Password: "s3cret@x"})
	host, path, _ := strings.Cut(rtspCamera, "/")
	onvif := httptest.NewServer(&onviffake.Camera{
		Login: onviffake.Digest, User: "ada", Password: "s3cret@x", First: true, Second: true,
		StreamURI: "rtsp://" + host + "/", Profiles: []onviffake.Profile{{Token: path, Name: "Main", Codec: "H264", Width: 640, Height: 360}},
	})
	t.Cleanup(onvif.Close)
	onvifHost := strings.TrimPrefix(onvif.URL, "http://")
	config := filepath.Join(t.TempDir(), "camgate.yaml")
	text := fmt.Sprintf("users: [{name: a, password: b, role: admin}]\nstreams:\n  front: {source: 'rtsp://ada:s3cret@x@%s', transport: tcp}\n  obs: {source: publish}\n", rtspCamera)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
		code int
		want []string // in the JSON
	}{
		{"name of a stream", []string{"front", "-c", config}, 0, []string{`"transport": "tcp"`, `"login": "Digest`, `"failure": null`}},
		{"ONVIF", []string{"onvif://ada:s3cret@x@" + onvifHost + "?profile=Main"}, 0, []string{`"codec": "H264"`, `"transport": "udp"`, `"transport": "tcp"`, `"failure": null`}},
		{"ONVIF, wrong password", []string{"onvif://ada:s3cret-not@" + onvifHost}, 4, []string{`authentication_failed`}},
		{"ONVIF, no such profile", []string{"onvif://ada:s3cret@x@" + onvifHost + "?profile=sub"}, 9, []string{`no profile \"sub\"; it has 1: `}},
		{"webcam", []string{"http+mjpeg://" + webcam(t, good) + "/stream"}, 0, []string{`"codec": "MJPEG"`, `"width": 320`, `"output": "rtsp",` + "\n      " + `"result": "works"`}},
		{"webcam with large pictures", []string{"http+mjpeg://" + webcam(t, noise(t, 2048, 64)) + "/stream"}, 0, []string{`they have more than 2,040 pixels a side`, `"id": "jpeg"`}},
		{"webcam, broken pictures", []string{"http+mjpeg://" + webcam(t, broken) + "/stream"}, 7, []string{`decoder_error`, `ffmpeg: `}},
		{"webcam, another path", []string{"http+mjpeg://" + webcam(t, good) + "/video"}, 9, []string{`not_found`}},
		{"another path", []string{"rtsp://ada:s3cret@x@" + host + "/nowhere"}, 9, []string{`not_found`}},
		{"sound only", []string{"rtsp://" + fakeCamera(t, fakecam.Options{Faults: []string{"audio-only"}})}, 6, []string{`no_video_track`, `"result": "sound_only"`}},
		{"pictures stop", []string{"rtsp://" + fakeCamera(t, fakecam.Options{Faults: []string{"silence=1s"}}), "--transport", "tcp", "--time", "8s"}, 5, []string{`"kind": "timeout"`}},
		{"taken", []string{"rtsp://" + taken}, 8, []string{`too_many_streams`}},
		{"hangs up", []string{"rtsp://" + fakeCamera(t, fakecam.Options{Faults: []string{"hang-up=1s"}})}, 3, []string{`connection_failed`, `it ended after`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := do(t, "", append([]string{"probe", "--json", "--time", "2s"}, tt.args...)...)
			if got.code != tt.code {
				t.Errorf("exit code %d, want %d: %s", got.code, tt.code, got.err)
			}
			var report struct {
				OK      bool `json:"ok"`
				Failure *struct {
					Exit int `json:"exit"`
				} `json:"failure"`
			}
			if err := json.Unmarshal([]byte(got.out), &report); err != nil {
				t.Fatalf("no JSON: %v: %s", err, got.out)
			}
			if report.OK != (tt.code == 0) || !report.OK && (report.Failure == nil || report.Failure.Exit != tt.code) {
				t.Errorf("%+v", report)
			}
			for _, want := range tt.want {
				if !strings.Contains(got.out, want) {
					t.Errorf("%s is missing in %s", want, got.out)
				}
			}
			if strings.Contains(got.out+got.err, "s3cret") {
				t.Error("the password is told")
			}
		})
	}
	if got := do(t, "", "probe", "obs", "-c", config); got.code != 2 || !strings.Contains(got.err, "nobody to ask") {
		t.Errorf("a stream that is published: %+v", got)
	}
}
