package child

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestKilled kills a program of ours by force: its children end, and what they started.
func TestKilled(t *testing.T) {
	const variable = "CAMGATE_TEST_PROGRAM"
	if os.Getenv(variable) != "" { // it is that program
		_ = Run(t.Context(), sh("trap '' TERM HUP; sleep 1000 & (sleep 1000 & echo $$ $! $PPID; wait) & wait"), func(p *Process) error {
			_, err := os.Stdout.ReadFrom(p.Stdout)
			return err
		})
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), variable+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var shell, sleeper, us int
	if _, err := fmt.Sscan(line, &shell, &sleeper, &us); err != nil || us != cmd.Process.Pid {
		t.Fatalf("it says %q, %v", line, err)
	}
	if !runs(shell) || !runs(sleeper) {
		t.Fatal("its children do not run")
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	for _, pid := range []int{shell, sleeper} {
		for deadline := time.Now().Add(2 * time.Second); runs(pid); runtime.Gosched() {
			if time.Now().After(deadline) {
				t.Errorf("process %d is there", pid)
				_ = syscall.Kill(pid, syscall.SIGKILL)
				break
			}
		}
	}
}

// runs tells whether there is such a process; one that nobody has reaped yet does not run.
func runs(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, _ := strings.Cut(string(stat), ") ")
	return err == nil && !strings.HasPrefix(state, "Z") && !strings.HasPrefix(state, "X")
}
