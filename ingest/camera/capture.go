package camera

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
	"github.com/camgate/camgate/internal/v4l2"
)

const (
	buffers      = 4 // that are asked for: enough to be late by two pictures
	leastBuffers = 2
	waitFor      = 250 // milliseconds
	// maxIO is how many errors in a row a device may answer with in place of a picture.
	maxIO = 10
	// tellEvery is how often a stream's warnings say what was dropped.
	tellEvery = 10 * time.Second
)

// capture is one attempt: an open device, and what is published of it.
type capture struct {
	source *Source
	dev    *v4l2.Device
	stream *camgate.Stream

	side   v4l2.BufType
	format v4l2.Format
	codec  camgate.Codec
	fields string // see camgate.Params
	writer *ingest.Writer
	track  *camgate.Track

	jpegs  *jpegs
	raw    *rawPictures
	planes [][]byte // scratch

	clock    clock
	sequence uint32
	begun    bool
	failures int // errors in a row
	wantKey  atomic.Bool
	key      v4l2.Control // which asks for a keyframe
	lost     bool         // something is missing before the next picture

	told  time.Time
	first Stats             // when it was told last
	notes map[string]string // warnings by topic
}

// note has the stream say what people should know although it works.
func (c *capture) note(topic, text string) { c.notes[topic] = text }

var topics = [...]string{"bitrate", "controls", "dropped", "fields", "format", "signal", "target"}

func (c *capture) warn() {
	for _, topic := range topics {
		c.tellOf(topic, c.notes[topic])
	}
}

func (c *capture) tellOf(topic, text string) {
	warn := c.source.opts.Warn
	if warn == nil {
		warn = c.stream.Warn
	}
	warn("camera "+topic, text)
}

func (c *capture) run(ctx context.Context) error {
	if err := c.prepare(); err != nil {
		return err
	}
	if err := c.describe(); err != nil {
		return err
	}
	queue, err := c.dev.NewQueue(c.side, buffers, leastBuffers)
	if err != nil {
		return err
	}
	defer queue.Close()
	for i := range queue.Len() {
		if err := queue.Enqueue(i); err != nil {
			return err
		}
	}
	c.warn()
	if err := queue.Start(); err != nil {
		return err
	}
	c.source.attach(c.dev)
	defer c.source.attach(nil)
	if c.writer, err = ingest.NewWriter(c.stream, []*camgate.Track{c.track}); err != nil {
		return err
	}
	defer c.writer.Close()
	c.track = c.writer.Tracks()[0]
	if c.key.ID != 0 {
		c.stream.OnKeyframeRequest(func() { c.wantKey.Store(true) })
	}
	c.source.opts.Logger.Info("camera streams", "stream", c.stream.Name(), "source", c.source.String(), "device", c.dev.Path(),
		"format", c.format.Pixels.String(), "size", fmt.Sprintf("%dx%d", c.format.Width, c.format.Height), "fps", c.track.Params().FPS)
	return c.loop(ctx, queue)
}

// loop takes pictures until the device or ctx ends.
func (c *capture) loop(ctx context.Context, queue *v4l2.Queue) error {
	last := time.Now()
	for {
		ready, err := c.dev.Wait(v4l2.Readable|v4l2.Event, waitFor)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		switch {
		case err != nil:
			return err
		case ready&v4l2.Event != 0:
			if err := c.events(); err != nil {
				return err
			}
		}
		now := time.Now()
		if ready&(v4l2.Readable|v4l2.Failed|v4l2.Hangup) != 0 {
			some, err := c.drain(queue, ready)
			if err != nil {
				return err
			}
			if some {
				last = now
			}
		}
		if quiet := now.Sub(last); quiet > c.source.opts.Stall {
			return c.silent(quiet)
		}
		c.tell(now)
	}
}

// drain takes all pictures that are there.
func (c *capture) drain(queue *v4l2.Queue, ready v4l2.Ready) (some bool, err error) {
	for {
		b, err := queue.Dequeue()
		switch {
		case errors.Is(err, v4l2.ErrAgain):
			if !some && ready&v4l2.Readable == 0 {
				return false, fmt.Errorf("%w: %s does not go on", camgate.ErrConnectionFailed, c.dev.Path())
			}
			return some, nil
		case errors.Is(err, syscall.EIO):
			if c.failures++; c.failures >= maxIO {
				return some, err
			}
			c.source.broken.Add(1)
			c.lost = true
			return some, nil
		case errors.Is(err, v4l2.ErrLast):
			return some, errChanged
		case err != nil:
			return some, err
		}
		c.failures, some = 0, true
		c.take(queue, &b)
		if err := queue.Enqueue(b.Index); err != nil {
			return some, err
		}
		if c.wantKey.Load() && c.wantKey.Swap(false) {
			_ = c.dev.SetControl(&c.key, 1) // the next one comes by itself
		}
	}
}

func (c *capture) events() error {
	for {
		switch e, err := c.dev.NextEvent(); {
		case errors.Is(err, v4l2.ErrAgain):
			return nil
		case err != nil:
			return err
		case e.Type == v4l2.EventSourceChange:
			return errChanged
		}
	}
}

func (c *capture) silent(quiet time.Duration) error {
	why := ""
	if signal, err := c.dev.Signal(); err == nil && signal.Problem != "" {
		why = fmt.Sprintf(": the input %q: %s", signal.Input, signal.Problem)
	}
	return fmt.Errorf("%w for %s%s", errSilent, quiet.Round(100*time.Millisecond), why)
}

// tell keeps the warning of what was dropped up to date.
func (c *capture) tell(now time.Time) {
	if now.Sub(c.told) < tellEvery {
		return
	}
	st := c.source.Stats()
	lost, broken := st.Lost-c.first.Lost, st.Broken-c.first.Broken
	text := ""
	if !c.told.IsZero() && lost+broken > 0 {
		text = fmt.Sprintf("of the last %d pictures, the device dropped %d, and %d came broken", st.Pictures-c.first.Pictures+lost+broken, lost, broken)
	}
	c.tellOf("dropped", text)
	c.told, c.first = now, st
}
