package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/camgate/camgate/internal/frameno"
)

// playAt is a way to an RTSP server that lets PLAY through at a moment.
func playAt(t *testing.T, server int, at time.Time) (port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	t.Cleanup(func() { l.Close() })
	wg.Go(func() {
		for {
			viewer, err := l.Accept()
			if err != nil {
				return
			}
			gate, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", server))
			if err != nil {
				viewer.Close()
				return
			}
			wg.Go(func() { _, _ = io.Copy(viewer, gate); viewer.Close() })
			wg.Go(func() {
				defer gate.Close()
				buf := make([]byte, 4096)
				for {
					n, err := viewer.Read(buf)
					if err != nil {
						return
					}
					if bytes.HasPrefix(buf[:n], []byte("PLAY ")) {
						if time.Until(at) < 0 {
							t.Errorf("a player took too long to start")
						}
						<-time.After(time.Until(at))
					}
					if _, err := gate.Write(buf[:n]); err != nil {
						return
					}
				}
			})
		}
	})
	return l.Addr().(*net.TCPAddr).Port
}

// gstSights lets GStreamer write each picture out when it is time to show it.
func gstSights(t *testing.T, url string, from, to time.Time) (seen []sight) {
	pipeline := "-q rtspsrc protocols=tcp latency=200 location=" + url + " name=s " +
		"s. ! rtph264depay ! h264parse ! avdec_h264 ! videoscale ! videoconvert ! video/x-raw,format=GRAY8,width=160,height=90 ! fdsink fd=1 sync=true " +
		"s. ! rtpmp4gdepay ! fakesink sync=true"
	cmd := exec.CommandContext(t.Context(), "gst-launch-1.0", strings.Fields(pipeline)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Error(err)
		return nil
	}
	if err := cmd.Start(); err != nil {
		t.Error(err)
		return nil
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	pic := image.NewGray(image.Rect(0, 0, 160, 90))
	for {
		if _, err := io.ReadFull(out, pic.Pix); err != nil {
			t.Errorf("GStreamer ended: %v", err)
			return seen
		}
		at := time.Now()
		if at.After(to) {
			return seen
		}
		if no, ok := frameno.Read(pic); ok && at.After(from) {
			seen = append(seen, sight{at, no})
		}
	}
}

// mpvSights asks mpv again and again for the picture that it shows.
func mpvSights(t *testing.T, url string, from, to time.Time) (seen []sight) {
	dir := t.TempDir()
	socket, file := filepath.Join(dir, "mpv"), filepath.Join(dir, "shown.jpg")
	cmd := exec.CommandContext(t.Context(), "mpv", "--no-config", "--no-terminal", "--vo=null", "--ao=null", "--rtsp-transport=tcp",
		"--input-ipc-server="+socket, "--screenshot-jpeg-quality=50", url)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Error(err)
		return nil
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	<-time.After(time.Until(from))
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Errorf("mpv: %v", err)
		return nil
	}
	defer conn.Close()
	lines := bufio.NewScanner(conn)
	tick := time.NewTicker(frameTime / 2)
	defer tick.Stop()
	for time.Now().Before(to) {
		<-tick.C
		at := time.Now()
		fmt.Fprintf(conn, `{"command":["screenshot-to-file",%q,"video"],"request_id":1}`+"\n", file)
		for lines.Scan() && !strings.Contains(lines.Text(), `"request_id":1`) {
			continue
		}
		if !strings.Contains(lines.Text(), `"success"`) {
			t.Errorf("mpv: %s", lines.Text())
			return seen
		}
		f, err := os.Open(file)
		if err != nil {
			t.Error(err)
			return seen
		}
		pic, err := jpeg.Decode(f)
		f.Close()
		if err != nil {
			t.Error(err)
			return seen
		}
		if no, ok := frameno.Read(pic); ok {
			seen = append(seen, sight{at, no})
		}
	}
	return seen
}
