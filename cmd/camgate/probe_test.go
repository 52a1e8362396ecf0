package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/camgate/camgate/cmd/camgate/demo"
	"github.com/camgate/camgate/cmd/camgate/fakecam"
)

// fakeCamera runs until the test's end and returns its address.
func fakeCamera(t *testing.T, o fakecam.Options) string {
	t.Helper()
	o.Clip, o.Listen = demo.Clip(), "127.0.0.1:0"
	cam, err := fakecam.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- cam.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	})
	_, rest, _ := strings.Cut(cam.URL(), "://")
	return rest
}

// strangeCamera describes sound without a clock rate, and nothing else.
func strangeCamera(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() {
				defer conn.Close()
				for r := textproto.NewReader(bufio.NewReader(conn)); ; {
					line, err := r.ReadLine()
					if err != nil {
						return
					}
					header, err := r.ReadMIMEHeader()
					if err != nil {
						return
					}
					sdp := ""
					if strings.HasPrefix(line, "DESCRIBE ") {
						sdp = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=x\r\nt=0 0\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 what/0\r\n"
					}
					fmt.Fprintf(conn, "RTSP/1.0 200 OK\r\nCSeq: %s\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", header.Get("CSeq"), len(sdp), sdp)
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); served.Wait() })
	return l.Addr().String() + "/x"
}

func TestProbe(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String() + "/cam"
	l.Close()
	for _, tt := range []struct {
		name, url string // CAM stands for the camera
		camera    fakecam.Options
		code      int
		want      []string // in the JSON
	}{
		{"healthy", "rtsp://CAM", fakecam.Options{}, 0,
			[]string{`"output": "webrtc"`, `"result": "works"`, `"codec": "H264"`, `"codec": "AAC"`, `"audio AAC -> Opus"`, `"advice": []`, `"lost": 0`, `"failure": null`}},
		{"demo", "demo", fakecam.Options{}, 0, []string{`"ok": true`, `"codec": "H264"`}},
		{"B-frames without UDP", "rtsp://CAM", fakecam.Options{Faults: []string{"udp-461", "bframes"}}, 0,
			[]string{`"b_frames": true`, `461`, `"video H264, B-frames left out"`, `"result": "works"`}},
		{"wrong password", "rtsp://u:nottobetold@CAM", fakecam.Options{User: "u", Password: "p"}, 4, []string{`authentication_failed`}},
		{"self-signed", "rtsps://CAM", fakecam.Options{TLS: true}, 11, []string{`certificate_refused`, `fingerprint: `}},
		{"nothing in it", "rtsp://CAM", fakecam.Options{Faults: []string{"no-tracks"}}, 6, []string{`no_video_track`}},
		{"nothing that can be taken", "rtsp://" + strangeCamera(t), fakecam.Options{}, 10, []string{`unsupported_codec`}},
		{"nobody there", "rtsp://" + nobody, fakecam.Options{}, 3, []string{`connection_failed`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			url := strings.Replace(tt.url, "CAM", fakeCamera(t, tt.camera), 1)
			got := do(t, "", "probe", "--json", "--time", "3s", url)
			if got.code != tt.code {
				t.Errorf("exit code %d, want %d: %s", got.code, tt.code, got.err)
			}
			var report map[string]any
			if err := json.Unmarshal([]byte(got.out), &report); err != nil {
				t.Fatalf("no JSON: %v: %s", err, got.out)
			}
			for _, want := range tt.want {
				if !strings.Contains(got.out, want) {
					t.Errorf("%s is missing in %s", want, got.out)
				}
			}
			if strings.Contains(got.out+got.err, "nottobetold") {
				t.Error("the password is told")
			}
		})
	}
}

// What is made for viewers is what the config lets be made.
func TestProbePolicies(t *testing.T) {
	camera := fakeCamera(t, fakecam.Options{Faults: []string{"bframes"}})
	file := filepath.Join(t.TempDir(), "camgate.yaml")
	text := strings.ReplaceAll(`streams:
  refuse: {source: "rtsp://CAM", b_frames: refuse}
  encode: {source: "rtsp://CAM", b_frames: encode, transcode: {audio: never}}
`, "CAM", camera)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"refuse": {"works after B-frames are switched off at the camera", "(b_frames is refuse)", "set B-frames to 0"},
		"encode": {"made anew: video H264 -> H264, without B-frames", "without audio AAC", "set the sound to Opus"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := do(t, "", "probe", "--time", "3s", "-c", file, name)
			if got.code != 0 {
				t.Errorf("exit code %d: %s", got.code, got.err)
			}
			for _, want := range want {
				if !strings.Contains(got.out, want) {
					t.Errorf("%s is missing in %s", want, got.out)
				}
			}
			if name == "refuse" && strings.Contains(got.out, "set the sound to Opus") {
				t.Errorf("the sound would be made: %s", got.out)
			}
		})
	}
}
