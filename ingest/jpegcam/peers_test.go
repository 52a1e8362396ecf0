package jpegcam

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// begin runs a program that serves at an address, until the end of the test.
func begin(t *testing.T, command func(host, port string) []string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	l.Close()
	host, port, _ := net.SplitHostPort(address)
	ctx, cancel := context.WithCancel(context.Background())
	args := command(host, port)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said: %s", args[0], &said)
		}
	})
	return address
}

// takeWhenUp runs a source until the program that it asks is there. It does not
// knock, as some take one connection only.
func takeWhenUp(t *testing.T, s *Source, n int) took {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		got := take(t, s, n)
		if !errors.Is(got.err, camgate.ErrConnectionFailed) || len(got.units) > 0 {
			return got
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-deadline:
			return got
		}
	}
}

// TestPeers takes pictures from servers that others have written.
func TestPeers(t *testing.T) {
	lavfi := []string{"-v", "error", "-re", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25", "-pix_fmt", "yuvj420p"}
	for name, kind := range map[string]string{
		"ffmpeg as it is":                         "",
		"ffmpeg with another boundary, no dashes": "multipart/x-mixed-replace;boundary=somethingelse",
		"ffmpeg with its own":                     "multipart/x-mixed-replace; boundary=\"ffmpeg\"",
	} {
		t.Run(name, func(t *testing.T) {
			address := begin(t, func(host, port string) []string {
				args := append([]string{"ffmpeg"}, lavfi...)
				if kind != "" {
					args = append(args, "-content_type", kind)
				}
				return append(args, "-f", "mpjpeg", "-listen", "1", "http://"+net.JoinHostPort(host, port)+"/")
			})
			got := takeWhenUp(t, newSource(t, Options{}, "http+mjpeg://"+address+"/"), 10)
			if len(got.units) != 10 {
				t.Fatalf("%d pictures, %v", len(got.units), got.err)
			}
			for i, u := range got.units {
				grey(t, u.AU[0])
				if i > 0 && bytes.Equal(u.AU[0], got.units[i-1].AU[0]) {
					t.Errorf("picture %d is the same as the one before", i)
				}
			}
		})
	}
	t.Run("python", func(t *testing.T) {
		dir := t.TempDir()
		if out, err := exec.CommandContext(t.Context(), "ffmpeg", append(lavfi, "-frames:v", "1", filepath.Join(dir, "a.jpg"))...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		address := begin(t, func(host, port string) []string {
			return []string{"python3", "-m", "http.server", port, "--bind", host, "--directory", dir}
		})
		got := takeWhenUp(t, newSource(t, Options{Interval: 10 * time.Millisecond, Repeat: 20 * time.Millisecond}, "http+jpeg://"+address+"/a.jpg"), 3)
		if len(got.units) != 3 {
			t.Fatalf("%d pictures, %v", len(got.units), got.err)
		}
		grey(t, got.units[0].AU[0])
		if got := take(t, newSource(t, Options{}, "http+jpeg://"+address+"/"), 1); !errors.Is(got.err, camgate.ErrNoVideoTrack) {
			t.Errorf("a listing: %v", got.err)
		}
	})
}
