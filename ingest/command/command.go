// Package command takes streams from programs: any that writes H264, H265, MJPEG or
// MPEG-TS to its standard output.
package command

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/child"
	"github.com/camgate/camgate/ingest/pipe"
)

// Variable names the stream to the program, in its environment.
const Variable = "CAMGATE_STREAM"

// Options describe a program. Only Args is needed.
type Options struct {
	Args   []string    // the program, by path or as PATH has it, and its arguments; no shell
	Format pipe.Format // what it writes; default: found out
	FPS    float64     // pictures in a second, where the format does not tell; 0: not known
	// Grace is how long the program may take to end after SIGTERM; default 1 s.
	Grace time.Duration
}

// Source runs a program for as long as its stream is wanted. It implements
// camgate.Source.
type Source struct {
	opts    Options
	secrets []string
}

// New makes a source.
func New(o Options) (*Source, error) {
	if len(o.Args) == 0 || o.Args[0] == "" {
		return nil, errors.New("the command names no program")
	}
	return &Source{o, secretsOf(o.Args)}, nil
}

// String names the program, without its arguments, which may hold secrets.
func (s *Source) String() string { return Name(s.opts.Args) }

// Name is how a source with these words describes itself.
func Name(words []string) string {
	if len(words) == 0 {
		return "exec:"
	}
	name := "exec:" + filepath.Base(words[0])
	if len(words) > 1 {
		name += " ..."
	}
	return name
}

// Run runs the program once.
func (s *Source) Run(ctx context.Context, stream *camgate.Stream) error {
	return pipe.Run(ctx, child.Command{
		Path: s.opts.Args[0], Args: s.opts.Args[1:],
		Env:   []string{Variable + "=" + stream.Name()},
		Grace: s.opts.Grace,
	}, stream, pipe.Options{
		Format: s.opts.Format, FPS: s.opts.FPS,
		Hide: func(text string) string { return hide(text, s.secrets) },
	})
}
