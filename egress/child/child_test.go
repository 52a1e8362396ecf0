//go:build unix

package child

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func sh(script string) Command {
	return Command{Path: "/bin/sh", Args: []string{"-c", script}, Grace: 200 * time.Millisecond}
}

// readAll is a use that reads what the child says and nothing else.
func readAll(into *[]byte) func(*Process) error {
	return func(p *Process) (err error) {
		p.Stdin.Close()
		*into, err = io.ReadAll(p.Stdout)
		return err
	}
}

func TestRun(t *testing.T) {
	bad := errors.New("not to my taste")
	for _, tt := range []struct {
		name    string
		script  string
		use     func(*Process) error // nil: read all
		out     string
		err     string // what the error's text has; empty: none
		wrapped error
	}{
		{name: "writes", script: "echo yes", out: "yes\n"},
		{name: "silent", script: "true"},
		{name: "fails", script: "echo no >&2; exit 3", err: "sh: exit status 3: no"},
		{name: "fails without a word", script: "exit 4", err: "sh: exit status 4"},
		{name: "killed", script: "kill -9 $$", err: "signal: killed"},
		{name: "last lines", script: "for i in 1 2 3 4 5 6 7 8 9; do echo line $i >&2; done; exit 1", err: "line 4; line 5; line 6; line 7; line 8; line 9"},
		{name: "repeats itself", script: "for i in 1 2 3; do echo same >&2; done; exit 1", err: "exit status 1: same"},
		{name: "control characters", script: `printf 'a\033[31mb\n' >&2; exit 1`, err: "a [31mb"},
		{name: "use fails", script: "cat", use: func(*Process) error { return bad }, err: "not to my taste", wrapped: bad},
		{name: "use leaves early", script: "cat", use: func(*Process) error { return nil }},
		{name: "use leaves early, child stays", script: "trap '' TERM; while :; do sleep 1; done", use: func(*Process) error { return nil }},
		{name: "through", script: "cat", out: "hello", use: func(p *Process) error {
			if _, err := p.Stdin.WriteString("hello"); err != nil {
				return err
			}
			p.Stdin.Close()
			b, err := io.ReadAll(p.Stdout)
			if string(b) != "hello" {
				t.Errorf("through: %q", b)
			}
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files, before := openFiles(t), runtime.NumGoroutine()
			var out []byte
			use, want := tt.use, tt.out
			if use == nil {
				use = readAll(&out)
			} else {
				want = ""
			}
			err := Run(t.Context(), sh(tt.script), use)
			if string(out) != want {
				t.Errorf("read %q, want %q", out, want)
			}
			switch {
			case tt.err == "" && err != nil:
				t.Errorf("error %v, want none", err)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Errorf("error %v, want %q", err, tt.err)
			case tt.wrapped != nil && !errors.Is(err, tt.wrapped):
				t.Errorf("error %v does not wrap %v", err, tt.wrapped)
			}
			if n := openFiles(t); n != files {
				t.Errorf("%d files are open, %d were", n, files)
			}
			settle(t, before)
		})
	}
}

func TestRunWithoutProgram(t *testing.T) {
	files := openFiles(t)
	err := Run(t.Context(), Command{Path: filepath.Join(t.TempDir(), "none")}, func(*Process) error {
		t.Error("use was called")
		return nil
	})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if n := openFiles(t); n != files {
		t.Errorf("%d files are open, %d were", n, files)
	}
	if _, err := Find("camgate-no-such-program"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Find: %v", err)
	}
}

// TestEnd ends children in each of the ways there are, well-behaved ones and not.
func TestEnd(t *testing.T) {
	const family = `sleep 1000 & echo $! $$; ` // a child of the child, and the child
	for _, child := range []struct{ name, script string }{
		{"good", family + "exec cat >/dev/null"},
		{"deaf", family + "trap '' TERM INT HUP; while :; do sleep 1; done"},
		{"deaf family", "trap '' TERM; " + family + "while :; do sleep 1; done"},
		{"dead already, family lives", family},
	} {
		for _, way := range []string{"context", "stop", "return", "kill"} {
			t.Run(child.name+"/"+way, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var pids []int
				begin := time.Now()
				err := Run(ctx, sh(child.script), func(p *Process) error {
					line := make([]byte, 64)
					n, err := p.Stdout.Read(line)
					if err != nil {
						return err
					}
					for _, f := range strings.Fields(string(line[:n])) {
						pid, _ := strconv.Atoi(f)
						pids = append(pids, pid)
					}
					switch way {
					case "context":
						cancel()
					case "stop":
						p.Stop()
					case "kill":
						_ = syscall.Kill(p.PID(), syscall.SIGKILL)
					case "return":
						return nil
					}
					_, err = io.Copy(io.Discard, p.Stdout)
					return err
				})
				if way == "context" && !errors.Is(err, context.Canceled) {
					t.Errorf("error %v", err)
				}
				if d := time.Since(begin); d > 3*time.Second {
					t.Errorf("it took %v", d)
				}
				if len(pids) != 2 {
					t.Fatalf("process IDs %v", pids)
				}
				for _, pid := range pids {
					gone(t, pid)
				}
			})
		}
	}
}

// TestBlockedWriter ends a child that does not read while a Write to it waits.
func TestBlockedWriter(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := sh("trap '' TERM; echo ready; while :; do sleep 1; done")
	c.PipeBytes = 4096
	wrote := 0
	err := Run(ctx, c, func(p *Process) error {
		line := make([]byte, 16)
		if _, err := p.Stdout.Read(line); err != nil {
			return err
		}
		time.AfterFunc(50*time.Millisecond, cancel)
		for {
			n, err := p.Stdin.Write(make([]byte, 1000))
			if wrote += n; err != nil {
				return err
			}
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if runtime.GOOS == "linux" && wrote > 8192 {
		t.Errorf("the pipe took %d bytes", wrote)
	}
}

// TestEscaped has a child whose own child leaves the group and keeps the pipes.
func TestEscaped(t *testing.T) {
	begin := time.Now()
	var pid int
	err := Run(t.Context(), sh("setsid sh -c 'echo $$; exec sleep 30' & cat >/dev/null"), func(p *Process) error {
		line := make([]byte, 16)
		n, err := p.Stdout.Read(line)
		if err != nil {
			return err
		}
		pid, _ = strconv.Atoi(strings.TrimSpace(string(line[:n])))
		p.Stdin.Close()
		_, err = io.ReadAll(p.Stdout)
		return err
	})
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if d := time.Since(begin); d > 3*time.Second {
		t.Errorf("it took %v", d)
	}
	if pid > 0 {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("CAMGATE_TEST_SECRET", "hunter2")
	c := sh("env")
	c.Env = []string{"EXTRA=1"}
	var out []byte
	if err := Run(t.Context(), c, readAll(&out)); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(out, []byte("hunter2")) {
		t.Error("a child sees our environment")
	}
	for _, want := range []string{"EXTRA=1\n", "PATH=", "LC_ALL=C\n"} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("no %q in %q", want, out)
		}
	}
}

// FuzzTail checks that what is kept of any output is bounded and printable.
func FuzzTail(f *testing.F) {
	f.Add([]byte("one\ntwo\n"))
	f.Add(bytes.Repeat([]byte("x"), 1000))
	f.Add([]byte("\xff\xfe\n\x00\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var last tail
		last.read(bytes.NewReader(b))
		s := last.String()
		if len(s) > tailLines*(tailLine*3+2) {
			t.Errorf("%d bytes are kept", len(s))
		}
		if strings.ContainsAny(s, "\n\r\x00\x1b") {
			t.Errorf("not printable: %q", s)
		}
	})
}

// gone fails the test if there is such a process, or is for longer than a moment:
// orphans are reaped by init, which takes its time.
func gone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Second); ; runtime.Gosched() {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			return
		}
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) > 1 && string(fields[0]) == "Z" && string(fields[1]) != strconv.Itoa(os.Getpid()) {
			return // dead, and no child of ours
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d is still there: %s", pid, stat)
		}
	}
}

// settle fails the test if there are more than n goroutines for longer than a
// moment: one that has done its last work may not be counted out yet.
func settle(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Second); runtime.NumGoroutine() > n; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), n)
		}
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}
