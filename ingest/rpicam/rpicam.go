// Package rpicam takes streams from the cameras of a Raspberry Pi (CSI), by the program
// that comes with its system for that: rpicam-vid, which was libcamera-vid before.
package rpicam

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/child"
	"github.com/camgate/camgate/ingest/pipe"
)

// Options describe a camera and what is asked of it. Zero values work.
type Options struct {
	Camera        int           // its number, from 0
	Codec         camgate.Codec // H264 (default) or MJPEG
	Width, Height int           // 0: the program's choice
	FPS           float64       // default 30
	Bitrate       int           // in a second; 0: the program's choice
	GOP           time.Duration // from one keyframe to the next; default 1 s
	Quality       int           // of MJPEG, from 1 to 100; 0: the program's choice
	// Controls are settings of the camera by name; see Check.
	Controls map[string]string
	// Programs are looked for in this order; default: rpicam-vid, libcamera-vid.
	Programs []string
}

// Source runs the camera's program for as long as its stream is wanted. It implements
// camgate.Source and camgate.Remote.
type Source struct {
	opts Options

	mu      sync.Mutex
	request Request
	setting map[string]string // controls
	changed chan struct{}     // closed and replaced with each change
	path    string            // of the program whose options are known
	has     known
}

// New makes a source. It fails when something is asked that no such camera can do.
func New(o Options) (*Source, error) {
	if wrong := Check(o.Controls); len(wrong) > 0 {
		return nil, wrong[0]
	}
	switch o.Codec {
	case "":
		o.Codec = camgate.H264
	case camgate.H264, camgate.MJPEG:
	default:
		return nil, fmt.Errorf("%w: a Raspberry Pi camera gives H264 or MJPEG, not %s", camgate.ErrUnsupportedCodec, o.Codec)
	}
	if len(o.Programs) == 0 {
		o.Programs = []string{"rpicam-vid", "libcamera-vid"}
	}
	return &Source{
		opts: o, request: Request{o.Width, o.Height, o.FPS, o.Bitrate, o.GOP, o.Quality}, setting: maps.Clone(o.Controls), changed: make(chan struct{}),
	}, nil
}

// String names the camera.
func (s *Source) String() string { return "rpicam://" + strconv.Itoa(s.opts.Camera) }

// Device names it, too: a camera is not opened twice in no time.
func (s *Source) Device() string { return s.String() }

// maxChanges is how often a session may begin anew with other settings.
const maxChanges = 1000

// Run runs the program, again where it was asked for something else meanwhile.
func (s *Source) Run(ctx context.Context, stream *camgate.Stream) error {
	path, err := find(s.opts.Programs)
	if err != nil {
		return err
	}
	has, err := s.options(ctx, path)
	if err != nil {
		return explain(err)
	}
	for range maxChanges {
		o, changed := s.wanted()
		if err = once(ctx, stream, path, &o, has, changed); !errors.Is(err, errChanged) {
			break
		}
	}
	return err
}

// once runs the program until it ends, or the settings change.
func once(ctx context.Context, stream *camgate.Stream, path string, o *Options, has known, changed <-chan struct{}) error {
	args, err := o.args(has)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() { // waited for below
		defer close(watched)
		select {
		case <-changed:
			cancel(errChanged)
		case <-ctx.Done():
		}
	}()
	out := pipe.Options{Format: pipe.H264, FPS: o.FPS}
	if o.Codec == camgate.MJPEG {
		out.Format = pipe.MJPEG
	}
	err = explain(pipe.Run(ctx, child.Command{Path: path, Args: args}, stream, out))
	cancel(nil)
	<-watched
	if errors.Is(context.Cause(ctx), errChanged) {
		return errChanged
	}
	return err
}

func find(programs []string) (string, error) {
	var first error
	for _, name := range programs {
		path, err := child.Find(name)
		if err == nil {
			return path, nil
		}
		if first == nil {
			first = err
		}
	}
	return "", fmt.Errorf("%w (%w)", ErrNoProgram, first)
}

// options reads once which options a program has.
func (s *Source) options(ctx context.Context, path string) (known, error) {
	s.mu.Lock()
	has := s.has
	if s.path != path {
		has = nil
	}
	s.mu.Unlock()
	if has != nil {
		return has, nil
	}
	help, err := output(ctx, path, "--help")
	if err != nil {
		return nil, err
	}
	has = optionsIn(help)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.path, s.has = path, has
	return has, nil
}

const (
	maxOutput   = 256 << 10 // bytes that are read of a program's answer
	answerLimit = 10 * time.Second
)

// output runs a program and returns what it prints.
func output(ctx context.Context, path string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	var out []byte
	err := child.Run(ctx, child.Command{Path: path, Args: args}, func(p *child.Process) (err error) {
		p.Stdin.Close()
		out, err = io.ReadAll(io.LimitReader(p.Stdout, maxOutput))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("%w: %w", camgate.ErrConnectionFailed, err)
	}
	return string(out), nil
}
