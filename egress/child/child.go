// Package child owns child processes that turn one stream of bytes into another:
// decoders and encoders that camgate does not have itself.
//
// Run holds a process for as long as it is used, and when it returns there is
// nothing left of it: no process, none of its group, no zombie, no open pipe.
// A child also dies with camgate, and so does its group, however camgate ends.
package child

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"time"
)

// Command says what to run. Only Path is needed.
type Command struct {
	Path string // of the program
	Args []string
	// Env is what the child sees besides what every program needs to start (see
	// inherited): nothing else of camgate's environment, which may hold secrets.
	Env []string
	// Grace is how long the child may take to end by itself once its pipes are
	// closed, and once more after SIGTERM; then it is killed. Default 1 s.
	Grace time.Duration
	// PipeBytes is the capacity of the pipe to the child, where the system lets us
	// choose: what waits in it is late. Zero: the system's default.
	PipeBytes int
	// Listen, if not nil, is called with each line of the child's standard error, at most
	// its first 240 bytes, by a goroutine of Run.
	Listen func(line string)
}

// Process is a child that runs.
type Process struct {
	// Stdin and Stdout are the parent's ends of the child's pipes. Both know
	// deadlines, and closing them ends a Read or Write that waits.
	Stdin, Stdout *os.File

	stopped  chan struct{}
	stopOnce sync.Once

	cmd    *exec.Cmd
	log    *tail
	exited chan struct{} // closed when the child was reaped; err is set then
	err    error         // what Wait said

	mu     sync.Mutex
	reaped bool // its number may be another's by now
}

// Stop makes the child end, by force if need be. It does not wait: Stdout ends
// when the child has.
func (p *Process) Stop() { p.stopOnce.Do(func() { close(p.stopped) }) }

// Done is closed when the child has ended, whatever is left in its pipes.
func (p *Process) Done() <-chan struct{} { return p.exited }

// PID returns the process ID.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Said returns the last lines that the child wrote to its standard error, as one.
func (p *Process) Said() string { return p.log.String() }

// CPU is how much processor time the child had, and what it waited for of its own
// children. It is 0 before Done is closed.
func (p *Process) CPU() time.Duration {
	select {
	case <-p.exited:
	default:
		return 0
	}
	if p.cmd.ProcessState == nil { // it could not be waited for
		return 0
	}
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

// Error is how a child failed: what went wrong, and what the child said last.
type Error struct {
	Program string
	Err     error  // of its user, or how it ended
	Ended   error  // how it ended, if that was by itself and not well
	Output  string // last lines of its standard error; may be empty
}

func (e *Error) Error() string {
	if e.Output == "" {
		return fmt.Sprintf("%s: %v", e.Program, e.Err)
	}
	return fmt.Sprintf("%s: %v: %s", e.Program, e.Err, e.Output)
}

func (e *Error) Unwrap() error { return e.Err }

// drainTime is how long what a child left in its pipes can be read after its end.
const drainTime = time.Second

// Run starts the child, calls use, and returns when use has and the child is gone.
// When ctx ends or Stop is called the child is told to end, so that use, which
// reads from or writes to its pipes, comes back. Run returns ctx's error if ctx
// ended it; else an *Error when use failed, or when the child ended by itself and
// not well.
func Run(ctx context.Context, c Command, use func(*Process) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.Grace == 0 {
		c.Grace = time.Second
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	p, stderr, err := start(c, &wg)
	if err != nil {
		return &Error{Program: filepath.Base(c.Path), Err: err}
	}
	finished := make(chan struct{})
	var provoked bool
	wg.Go(func() { p.log.read(stderr) })
	wg.Go(func() {
		provoked = p.guard(ctx, finished, c.Grace)
		// Normally the pipes end with the child. If something that left the child's
		// group holds them open, they end now.
		late := time.Now().Add(drainTime)
		_ = stderr.SetReadDeadline(late)
		_ = p.Stdout.SetReadDeadline(late)
	})
	err = use(p)
	p.Stdin.Close()
	p.Stdout.Close()
	close(finished)
	wg.Wait()
	stderr.Close()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var ended error
	if !provoked {
		ended = p.err
	}
	if err = cmp.Or(err, ended); err != nil {
		return &Error{Program: filepath.Base(c.Path), Err: err, Ended: ended, Output: p.log.String()}
	}
	return nil
}

// start starts the child, which wg waits for.
func start(c Command, wg *sync.WaitGroup) (p *Process, stderr *os.File, err error) {
	var pipes [3][2]*os.File // read end, write end
	defer func() {
		theirs := []*os.File{pipes[0][0], pipes[1][1], pipes[2][1]}
		if err != nil {
			theirs = append(theirs, pipes[0][1], pipes[1][0], pipes[2][0])
		}
		for _, f := range theirs {
			f.Close() // nil is an error of no interest
		}
	}()
	for i := range pipes {
		if pipes[i][0], pipes[i][1], err = os.Pipe(); err != nil {
			return nil, nil, err
		}
	}
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = pipes[0][0], pipes[1][1], pipes[2][1]
	cmd.Env = append(inherited(), c.Env...)
	isolate(cmd)
	setPipeSize(pipes[0][1], c.PipeBytes)
	p = &Process{
		Stdin: pipes[0][1], Stdout: pipes[1][0], cmd: cmd, log: &tail{listen: c.Listen},
		stopped: make(chan struct{}), exited: make(chan struct{}),
	}
	started := make(chan error)
	wg.Go(func() { p.run(started) })
	if err = <-started; err != nil {
		return nil, nil, err
	}
	return p, pipes[2][0], nil
}

// run starts the child and reaps it. The thread belongs to it for that long: the
// system kills the child when the thread that started it ends.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	untie, err := begin(p.cmd)
	started <- err
	if err != nil {
		return
	}
	p.err = p.reap()
	untie()
	close(p.exited)
}

// guard ends the child when it is time to, and returns when the child is gone. It
// reports whether the way it ended is our doing.
func (p *Process) guard(ctx context.Context, finished <-chan struct{}, grace time.Duration) (provoked bool) {
	select {
	case <-p.exited:
		return false
	case <-finished: // its pipes are closed: a good child notices
		if p.within(grace) {
			return false
		}
	case <-p.stopped:
	case <-ctx.Done():
	}
	if p.within(0) {
		return false
	}
	p.Stdin.Close()
	p.signal(terminateGroup)
	if !p.within(grace) {
		p.signal(killGroup)
		<-p.exited
	}
	return true
}

// within waits for the child's end, up to d.
func (p *Process) within(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-p.exited:
		return true
	case <-t.C:
	}
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// signal does something to the child's group unless it is gone.
func (p *Process) signal(f func(*os.Process)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		f(p.cmd.Process)
	}
}

// inherited is the part of our environment that programs need to start: where
// other programs and libraries are. Numbers and messages are in English.
func inherited() []string {
	env := []string{"LC_ALL=C"}
	for _, key := range []string{"PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "SystemRoot"} {
		if v, ok := os.LookupEnv(key); ok {
			env = append(env, key+"="+v)
		}
	}
	return env
}

// ErrNotFound is what Find returns when there is no such program.
var ErrNotFound = errors.New("program not found")

// Find returns the path of a program: what is given, or where PATH has it.
func Find(program string) (string, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return path, nil
}
