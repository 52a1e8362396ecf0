package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

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
	if _, body := p.get("/metrics"); !strings.Contains(body, "\ncamgate_mjpeg_decoders 1\n") {
		t.Error("an MJPEG viewer, but no decoder in the metrics")
	} else if !strings.Contains(body, "\ncamgate_webrtc_sessions 0\n") {
		t.Error("nothing of WebRTC in the metrics")
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
	if want := `msg="reader left" protocol=mjpeg stream=demo`; !strings.Contains(p.printed.String(), want) {
		t.Errorf("it does not log %s", want)
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
