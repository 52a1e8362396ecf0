package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

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

// A program that has to be ended, as it gives no pictures, has often said why.
func TestLastWords(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	timer := time.AfterFunc(500*time.Millisecond, func() { cancel(fmt.Errorf("%w: no pictures", camgate.ErrTimeout)) })
	defer timer.Stop()
	source := newSource(t, "sh", "-c", "echo \"no answer from $2\" >&2; exec sleep 1000", "sh", "--password", "hunter2")
	err := source.Run(ctx, camgate.NewRendition("yard", camgate.StreamLimits{}))
	if want := "sh: timeout: no pictures: no answer from ***"; !errors.Is(err, camgate.ErrTimeout) || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
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
