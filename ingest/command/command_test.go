package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
	"github.com/camgate/camgate/ingest/pipe"
)

func TestWords(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want []string
		err  string
	}{
		{in: "ffmpeg -i x.mp4 -", want: []string{"ffmpeg", "-i", "x.mp4", "-"}},
		{in: "  a\t b\n c ", want: []string{"a", "b", "c"}},
		{in: `a 'b c' "d e" f\ g`, want: []string{"a", "b c", "d e", "f g"}},
		{in: `a '' ""`, want: []string{"a", "", ""}},
		{in: `a b'c'"d"e`, want: []string{"a", "bcde"}},
		{in: `a '"\$' "'\"\$\x"`, want: []string{"a", `"\$`, `'"$\x`}},
		{in: `sh -c 'a | b > c; $(d)'`, want: []string{"sh", "-c", "a | b > c; $(d)"}},
		{in: "a $HOME *", want: []string{"a", "$HOME", "*"}},
		{in: "a | b", err: "sh -c"},
		{in: "a; b", err: "sh -c"},
		{in: "a > b", err: "sh -c"},
		{in: "a 'b", err: "single quote"},
		{in: `a "b`, err: "double quote"},
		{in: `a b\`, err: "backslash"},
		{in: "", err: "no program"},
		{in: "''", err: "no program"},
		{in: "X=1 a", err: "env NAME=VALUE"},
	} {
		got, err := Words(tt.in)
		switch {
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%q: error %v, want %q", tt.in, err, tt.err)
		case tt.err == "" && (err != nil || !slices.Equal(got, tt.want)):
			t.Errorf("%q: %q, %v, want %q", tt.in, got, err, tt.want)
		}
	}
}

func FuzzWords(f *testing.F) {
	f.Add(`a 'b c' "d\"e" f\ g`)
	f.Fuzz(func(t *testing.T, text string) {
		words, err := Words(text)
		if (err == nil) != (len(words) > 0) {
			t.Errorf("%q, %v", words, err)
		}
		total := 0
		for _, w := range words {
			total += len(w)
		}
		if total > len(text) {
			t.Errorf("%q became %q", text, words)
		}
		hide(text, secretsOf(words))
	})
}

func TestSecrets(t *testing.T) {
	for _, tt := range []struct{ line, says, want string }{
		{"ffmpeg -i rtsp://me:s3cr:et@cam/1 -", "rtsp://me:s3cr:et@cam/1: refused", "rtsp://***@cam/1: refused"},
		{"ffmpeg -i rtsp://me:s3cret@cam/1 -", "password s3cret is wrong", "password *** is wrong"},
		{"cam --password hunter2", "cannot log in with hunter2", "cannot log in with ***"},
		{"cam --password=hunter2", "cannot log in with hunter2", "cannot log in with ***"},
		{"cam -i http://cam/?token=abcdef&x=1", "GET /?token=abcdef&x=1", "GET /?token=***&x=1"},
		{"cam", "somebody else's rtsp://a:b@c/", "somebody else's rtsp://***@c/"},
		{"cam -o -", "nothing", "nothing"},
	} {
		if got := hide(tt.says, secretsOf(strings.Fields(tt.line))); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.line, got, tt.want)
		}
	}
	s, err := New(Options{Args: []string{"/usr/bin/ffmpeg", "-i", "rtsp://me:s3cret@cam/"}})
	if err != nil || s.String() != "exec:ffmpeg ..." {
		t.Errorf("%v, %v", s, err)
	}
}

// clip is the name of a file with two seconds of H264, 25 pictures in each.
func clip(t testing.TB, args ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "clip")
	all := append([]string{
		"-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=2", "-pix_fmt", "yuv420p",
		"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "10",
	}, append(args, name)...)
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", all...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	return name
}

func newSource(t testing.TB, args ...string) *Source {
	t.Helper()
	s, err := New(Options{Args: args, Grace: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// How programs end by themselves.
func TestEnds(t *testing.T) {
	h264 := clip(t, "-f", "h264")
	for _, tt := range []struct {
		name  string
		args  []string
		want  error
		text  string
		plays bool
	}{
		{name: "plays and ends", args: []string{"cat", h264}, want: camgate.ErrConnectionFailed, text: "ended by itself", plays: true},
		{name: "ends with 0 at once", args: []string{"true"}, want: camgate.ErrConnectionFailed, text: "ended by itself"},
		{name: "fails", args: []string{"sh", "-c", "echo no camera >&2; exit 3"}, want: camgate.ErrConnectionFailed, text: "sh: exit status 3: no camera"},
		{name: "plays and fails", args: []string{"sh", "-c", "cat " + h264 + "; echo lost it >&2; exit 1"}, want: camgate.ErrConnectionFailed, text: "exit status 1: lost it", plays: true},
		{name: "killed", args: []string{"sh", "-c", "kill -9 $$"}, want: camgate.ErrConnectionFailed, text: "signal: killed"},
		{name: "writes words", args: []string{"sh", "-c", "echo usage; exec sleep 0.1"}, want: camgate.ErrUnsupportedCodec, text: `"usage`},
		{name: "writes garbage", args: []string{"sh", "-c", "while :; do echo garbage; done"}, want: camgate.ErrUnsupportedCodec, text: `"garbage`},
		{name: "no such program", args: []string{"camgate-no-such-program"}, want: camgate.ErrNotInstalled, text: "camgate-no-such-program"},
		{name: "no such file", args: []string{"/nowhere/camera"}, want: camgate.ErrNotInstalled, text: "/nowhere/camera"},
		{name: "no program", args: []string{h264}, want: camgate.ErrConnectionFailed, text: "permission denied"},
		{name: "says a secret", args: []string{"sh", "-c", "echo \"bad password $2\" >&2; exit 1", "sh", "--password", "hunter2"}, want: camgate.ErrConnectionFailed, text: "bad password ***"},
		{name: "closes its output and stays", args: []string{"sh", "-c", "exec >&-; exec sleep 1000"}, want: camgate.ErrConnectionFailed, text: "ended by itself"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stream := camgate.NewRendition("yard", camgate.StreamLimits{})
			err := newSource(t, tt.args...).Run(t.Context(), stream)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %v, want %q", err, tt.text)
			}
			if got := stream.Units() > 20; got != tt.plays {
				t.Errorf("%d pictures", stream.Units())
			}
		})
	}
}

// pids reads process IDs that a script wrote.
func pids(t *testing.T, name string) (out []int) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range strings.Fields(string(b)) {
		pid, err := strconv.Atoi(f)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, pid)
	}
	return out
}

// gone fails when a process runs; one that nobody has reaped yet does not.
func gone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Second); ; runtime.Gosched() {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return
		}
		if _, rest, _ := strings.Cut(string(stat), ") "); strings.HasPrefix(rest, "Z") || strings.HasPrefix(rest, "X") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d is there: %s", pid, stat)
		}
	}
}

// Whatever a program does, nothing of it is left when it is ended.
func TestNothingLeft(t *testing.T) {
	h264 := clip(t, "-f", "h264")
	for _, tt := range []struct{ name, script string }{
		{"hangs", `echo $$ >PIDS; exec sleep 1000`},
		{"plays and hangs", `echo $$ >PIDS; cat CLIP; exec sleep 1000`},
		{"ignores SIGTERM", `trap '' TERM; echo $$ >PIDS; cat CLIP; while :; do sleep 1; done`},
		{"forks", `sleep 1000 & echo $$ $! >PIDS; cat CLIP; exec sleep 1000`},
		{"forks what ignores SIGTERM", `trap '' TERM; sleep 1000 & echo $$ $! >PIDS; cat CLIP; wait`},
		{"forks and ends", `(sleep 1000 & echo $! >PIDS); cat CLIP`},
		{"floods its errors", `echo $$ >PIDS; cat CLIP; while :; do echo error >&2; done`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			file := filepath.Join(t.TempDir(), "pids")
			script := strings.NewReplacer("PIDS", file, "CLIP", h264).Replace(tt.script)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			stream := camgate.NewRendition("yard", camgate.StreamLimits{})
			done := make(chan error, 1)
			go func() { done <- newSource(t, "sh", "-c", script).Run(ctx, stream) }()
			if strings.Contains(script, "cat ") {
				if _, err := stream.Ready(ctx); err != nil {
					t.Fatal(err)
				}
			} else {
				for _, err := os.Stat(file); err != nil; _, err = os.Stat(file) {
					runtime.Gosched()
				}
			}
			begin := time.Now()
			cancel()
			if err := <-done; err == nil {
				t.Error("no error")
			}
			if d := time.Since(begin); d > 2*time.Second {
				t.Errorf("it took %v", d)
			}
			for _, pid := range pids(t, file) {
				gone(t, pid)
			}
			for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(deadline); {
				runtime.Gosched()
			}
			if n := runtime.NumGoroutine(); n > before {
				t.Errorf("%d goroutines, %d before", n, before)
			}
		})
	}
}

// A program that ends is started again, knows its stream, and viewers stay.
func TestSupervised(t *testing.T) {
	mpegts := clip(t, "-f", "mpegts")
	starts := filepath.Join(t.TempDir(), "starts")
	source := newSource(t, "sh", "-c", `echo "$CAMGATE_STREAM" >>"$1"; exec ffmpeg -v error -re -i "$2" -t 0.6 -c copy -f mpegts -`, "sh", starts, mpegts)
	registry := camgate.NewRegistry(0)
	stream, err := registry.Add("live/yard", camgate.StreamLimits{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	sup := ingest.NewSupervisor(stream, []camgate.Source{source}, ingest.Options{Logger: slog.New(slog.DiscardHandler)})
	done := make(chan error, 1)
	go func() { done <- sup.Run(ctx) }()
	if _, err := stream.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	reader, err := stream.Subscribe(ctx, camgate.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < 3; {
		u, err := reader.Next()
		if err != nil {
			t.Fatal(err)
		}
		if u.Discontinuity {
			n++
		}
	}
	cancel()
	<-done
	b, err := os.ReadFile(starts)
	if err != nil || !strings.HasPrefix(string(b), "live/yard\nlive/yard\nlive/yard\n") {
		t.Errorf("starts %q, %v", b, err)
	}
}

// The formats by ffmpeg, found out and told.
func TestFormats(t *testing.T) {
	for _, format := range []pipe.Format{pipe.H264, pipe.H265, pipe.MJPEG, pipe.MPEGTS} {
		for _, told := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s told %t", format, told), func(t *testing.T) {
				codec, muxer, want := "libx264", string(format), camgate.H264
				switch format {
				case pipe.H265:
					codec, muxer, want = "libx265", "hevc", camgate.H265
				case pipe.MJPEG:
					codec, want = "mjpeg", camgate.MJPEG
				}
				words, err := Words("ffmpeg -v error -re -f lavfi -i testsrc2=s=320x180:r=25 -pix_fmt yuvj420p -g 10 -preset ultrafast -flush_packets 1 -c:v " + codec + " -f " + muxer + " -")
				if err != nil {
					t.Fatal(err)
				}
				if format == pipe.MJPEG {
					words = slices.DeleteFunc(words, func(w string) bool { return w == "-preset" || w == "ultrafast" })
				}
				o := Options{Args: words}
				if told {
					o.Format = format
				}
				source, err := New(o)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				stream := camgate.NewRendition("yard", camgate.StreamLimits{})
				done := make(chan error, 1)
				go func() { done <- source.Run(ctx, stream) }()
				tracks, err := stream.Ready(ctx)
				if err != nil {
					t.Fatalf("%v, %v", err, <-done)
				}
				reader, err := stream.Subscribe(ctx, camgate.SubscribeOptions{})
				if err != nil {
					t.Fatal(err)
				}
				for range 5 {
					if _, err := reader.Next(); err != nil {
						t.Fatal(err)
					}
				}
				if len(tracks) != 1 || tracks[0].Codec != want || tracks[0].Params().Width != 320 {
					t.Errorf("tracks %+v, %+v", tracks[0], tracks[0].Params())
				}
				cancel()
				if err := <-done; !errors.Is(err, context.Canceled) {
					t.Errorf("ended with %v", err)
				}
			})
		}
	}
}
