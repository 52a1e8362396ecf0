// Package camera takes pictures from the cameras of this machine, by Video4Linux: what
// a camera compresses itself (H264, H265, Motion JPEG) as it comes, else raw pictures
// for an encoder. It encodes nothing.
//
// A camera is meant by its path, or by what it says of itself, so that it may be
// plugged in anywhere and at any time.
package camera

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/internal/v4l2"
)

// Scheme of a source's URL.
const Scheme = "v4l2"

// Options describe a camera and what is wanted of it. Only Target is needed.
type Options struct {
	// Target is what follows v4l2:// in the URL: see ParseTarget.
	Target string
	// Format is auto (or empty), h264, h265, mjpeg, raw, or the name of a pixel format
	// as "camgate devices" lists it, such as YUYV.
	Format string
	// Width and Height in pixels, FPS in pictures a second; 0: 1280x720 and 30, or what
	// is nearest.
	Width, Height int
	FPS           float64
	// Bitrate in a second and GOP, from one keyframe to the next, are for cameras that
	// compress to H264 or H265 themselves and can be told; 0: as they do it.
	Bitrate int
	GOP     time.Duration
	// Controls are set before the first picture, by name.
	Controls map[string]string
	// Stall is after what time without any picture the attempt is over; default 8 s.
	Stall time.Duration
	// Warn is told what people should know although it works, by topic; "" takes it back.
	// Default: the stream that is filled.
	Warn   func(topic, text string)
	Logger *slog.Logger
}

// Stats are what a source counted so far, in all its attempts.
type Stats struct {
	Pictures uint64 // that came whole
	Lost     uint64 // that the device dropped: gaps in its sequence numbers
	Broken   uint64 // that came, and were left out
}

// Source is one camera. It implements camgate.Source and camgate.Knocker.
type Source struct {
	opts   Options
	target Target
	host   host

	pictures, lost, broken atomic.Uint64
	busy                   atomic.Bool // somebody else had it the last time

	mu     sync.Mutex
	dev    *v4l2.Device      // while it streams
	wanted map[string]string // controls
}

// New makes a source. It fails when the target or the format makes no sense.
func New(o Options) (*Source, error) {
	target, err := ParseTarget(o.Target)
	if err != nil {
		return nil, err
	}
	if _, err := ParseFormat(o.Format); err != nil {
		return nil, err
	}
	if o.Stall <= 0 {
		o.Stall = 8 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Source{opts: o, target: target, host: thisHost(), wanted: map[string]string{}}
	for name, value := range o.Controls {
		s.wanted[name] = value
	}
	return s, nil
}

// String returns the URL of the source.
func (s *Source) String() string { return Scheme + "://" + s.opts.Target }

// Stats returns what was counted so far.
func (s *Source) Stats() Stats {
	return Stats{s.pictures.Load(), s.lost.Load(), s.broken.Load()}
}

// Knock tells whether the camera is there, and after an attempt that found it taken,
// whether it is free again.
func (s *Source) Knock(context.Context) error {
	path, _, err := s.host.find(s.target)
	if err != nil || !s.busy.Load() {
		return err
	}
	dev, err := v4l2.Open(path)
	if err != nil {
		return s.host.explain(path, err)
	}
	defer dev.Close()
	if side, ok := dev.Capability().Camera(); ok {
		return s.host.explain(path, dev.Probe(side))
	}
	return nil
}

// maxChanges is how often a device may change what it gives within one attempt.
const maxChanges = 20

// Run makes one attempt.
func (s *Source) Run(ctx context.Context, stream *camgate.Stream) error {
	path, also, err := s.host.find(s.target)
	if err != nil {
		return err
	}
	for range maxChanges {
		if err = s.attempt(ctx, stream, path, also); !errors.Is(err, errChanged) {
			break
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (s *Source) attempt(ctx context.Context, stream *camgate.Stream, path string, also []string) error {
	dev, err := v4l2.Open(path)
	if err != nil {
		return s.host.explain(path, err)
	}
	defer dev.Close()
	stop := context.AfterFunc(ctx, dev.Interrupt)
	defer stop()
	c := &capture{source: s, dev: dev, stream: stream, notes: map[string]string{}}
	if len(also) > 0 {
		c.note("target", fmt.Sprintf("%s means %s, but %v would do as well: name one by its path or serial=", s, path, also))
	}
	err = s.host.explain(path, c.run(ctx))
	s.busy.Store(errors.Is(err, syscall.EBUSY))
	return err
}

// attach makes the device known to SetControls; nil takes it away.
func (s *Source) attach(dev *v4l2.Device) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dev = dev
}
