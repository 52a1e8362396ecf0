package pipe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/child"
)

// Capacity is what a program may write before somebody reads, in bytes, where the
// system allows it: a picture that fits comes in one piece.
const Capacity = 512 << 10

// errEnded is the end of a program that should have gone on.
var errEnded = errors.New("the program ended by itself, without an error")

// Run runs a program and publishes what it writes to its standard output, until either
// ends. Nothing of the program is left then.
func Run(ctx context.Context, c child.Command, stream *camgate.Stream, o Options) error {
	var process *child.Process
	err := child.Run(ctx, c, func(p *child.Process) error {
		process = p
		p.Stdin.Close()
		setCapacity(p.Stdout)
		err := Publish(&input{p: p}, stream, o)
		if err == io.EOF { // as it is: how the program ended says more
			err = nil
		}
		if err == nil && ended(p) {
			return nil
		}
		return err
	})
	if o.Hide == nil {
		o.Hide = func(text string) string { return text }
	}
	switch {
	case ctx.Err() != nil:
		if cause := context.Cause(ctx); process != nil && !errors.Is(cause, ctx.Err()) {
			if said := o.Hide(process.Said()); said != "" {
				return &child.Error{Program: filepath.Base(c.Path), Err: cause, Output: said}
			}
		}
		return ctx.Err()
	case err == nil:
		return fmt.Errorf("%w: %w", camgate.ErrConnectionFailed, errEnded)
	}
	var ce *child.Error
	if errors.As(err, &ce) {
		ce.Output = o.Hide(ce.Output)
	}
	return translate(err)
}

// ended waits a moment for the end of a program that closed its output.
func ended(p *child.Process) bool {
	t := time.NewTimer(time.Second)
	defer t.Stop()
	select {
	case <-p.Done():
		return true
	case <-t.C:
		return false
	}
}

// input is the output of a child. From the child's end on there is one deadline, which is
// not to be put off: something that left the child's group may hold the pipe open.
type input struct {
	p    *child.Process
	last time.Time // that deadline
}

func (in *input) Read(b []byte) (int, error) { return in.p.Stdout.Read(b) }

func (in *input) SetReadDeadline(at time.Time) error {
	if !in.over() {
		err := in.p.Stdout.SetReadDeadline(at)
		if !in.over() { // meanwhile
			return err
		}
	}
	// The one before may have passed, and would end what is there to be read.
	if in.last.IsZero() {
		in.last = time.Now().Add(time.Second)
	}
	return in.p.Stdout.SetReadDeadline(in.last)
}

func (in *input) over() bool {
	select {
	case <-in.p.Done():
		return true
	default:
		return false
	}
}

// translate gives an error of a program its place among the errors of camgate.
func translate(err error) error {
	var at *camgate.StreamError
	switch {
	case errors.As(err, &at), errors.Is(err, camgate.ErrNoVideoTrack), errors.Is(err, camgate.ErrUnsupportedCodec), errors.Is(err, camgate.ErrClosed):
		return err
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w: %w", camgate.ErrNotInstalled, err)
	}
	return fmt.Errorf("%w: %w", camgate.ErrConnectionFailed, err)
}
