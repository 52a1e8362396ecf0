// Package pipe publishes what a program writes to a pipe: H264 and H265 as byte
// streams, JPEG files one behind the other, or MPEG-TS.
//
// Byte streams say nowhere when a picture is complete: the next one begins. To wait for
// that costs the time of a picture, so when a program has written some and then writes
// nothing for a moment, what is there counts as complete. A program that pauses within
// pictures is found out by what comes then, and given more time.
package pipe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
	"github.com/camgate/camgate/ingest/ts"
)

// Input is the reading end of a pipe. A Read that lasts beyond the deadline fails with
// os.ErrDeadlineExceeded, and the next one goes on where that was.
type Input interface {
	io.Reader
	SetReadDeadline(at time.Time) error
}

// Options say what is known of what comes. Zero values work.
type Options struct {
	Format Format
	FPS    float64 // pictures in a second, as asked for; 0: not known
	// Clock gives the time of the picture that was read last, counted from any moment,
	// where the program tells it in another way; nil: by arrival. It is called once for
	// each picture; false: not known for this one.
	Clock func() (time.Duration, bool)
	// Hide takes secrets out of what a program says, for Run; nil: there are none.
	Hide func(text string) string
}

const (
	// quiet is how long nothing comes when a picture is complete. It doubles each time
	// that this was wrong, and from maxQuiet on the next picture is waited for.
	quiet    = 4 * time.Millisecond
	maxQuiet = 64 * time.Millisecond
)

// Publish publishes what comes to the stream, until that ends: with io.EOF when the
// program closed the pipe. Pictures without a time of their own get that of their
// arrival, evened out.
func Publish(in Input, stream *camgate.Stream, o Options) error {
	w := &window{}
	if o.Format == Auto {
		if err := o.detect(in, w); err != nil {
			return err
		}
	}
	var codec camgate.Codec
	var s splitter
	switch o.Format {
	case H264, H265:
		codec = camgate.H264
		if o.Format == H265 {
			codec = camgate.H265
		}
		s = &h26x{window: w, codec: codec}
	case MJPEG:
		codec, s = camgate.MJPEG, &jpegs{window: w}
	case MPEGTS:
		return ts.Publish(io.MultiReader(bytes.NewReader(w.bytes()), in), stream)
	default:
		return fmt.Errorf("%w: %q", camgate.ErrUnsupportedCodec, o.Format)
	}
	track, err := ingest.NewTrack(camgate.TrackOptions{Codec: codec})
	if err != nil {
		return err
	}
	writer, err := ingest.NewWriter(stream, []*camgate.Track{track})
	if err != nil {
		return err
	}
	defer writer.Close()
	p := &publisher{in: in, window: w, split: s, writer: writer, clock: o.Clock, began: time.Now(), quiet: quiet}
	if o.FPS > 0 {
		p.cadence.period = time.Duration(float64(time.Second) / o.FPS)
	}
	return p.run()
}

// detect reads until the format is known.
func (o *Options) detect(in Input, w *window) error {
	for {
		n, err := in.Read(w.space())
		w.add(n, time.Now())
		f, at := detect(w.bytes())
		switch {
		case f != Auto:
			w.skip(at)
			o.Format = f
			return nil
		case len(w.bytes()) > maxDetect:
			return errUnknown(w.bytes())
		case errors.Is(err, io.EOF) && len(w.bytes()) > 0:
			return errUnknown(w.bytes())
		case err != nil:
			return err
		}
	}
}

// publisher publishes what a splitter finds.
type publisher struct {
	in      Input
	window  *window
	split   splitter
	writer  *ingest.Writer
	clock   func() (time.Duration, bool)
	cadence cadence
	began   time.Time

	quiet   time.Duration // 0: there is no use in it
	limited bool          // a deadline is set
}

func (p *publisher) run() error {
	for {
		for {
			u, err := p.split.next()
			if err != nil {
				return err
			}
			if u.au == nil {
				break
			}
			p.publish(u)
		}
		if err := p.read(); err != nil {
			return err
		}
	}
}

// read reads more, and publishes what counts as complete when nothing comes.
func (p *publisher) read() error {
	wait := p.quiet > 0 && p.split.pending()
	switch {
	case wait:
		_ = p.in.SetReadDeadline(time.Now().Add(p.quiet))
	case p.limited:
		_ = p.in.SetReadDeadline(time.Time{})
	}
	p.limited = wait
	n, err := p.in.Read(p.window.space())
	p.window.add(n, time.Now())
	switch {
	case n > 0:
		return nil
	case wait && errors.Is(err, os.ErrDeadlineExceeded):
		p.publish(p.split.flush())
		return nil
	}
	return err
}

// publish hands on a picture. What cannot be used of one is left out.
func (p *publisher) publish(u unit) {
	if len(u.au) == 0 {
		return
	}
	if h, ok := p.split.(*h26x); ok && h.hasty > 0 {
		h.hasty = 0
		if p.quiet *= 2; p.quiet > maxQuiet {
			p.quiet = 0
		}
	}
	at := p.cadence.time(u.at.Sub(p.began))
	if p.clock != nil {
		if told, ok := p.clock(); ok {
			at = told
		}
	}
	_ = p.writer.Write(ingest.Sample{PTS: p.writer.Tracks()[0].Ticks(at), AU: u.au, Discontinuity: u.damaged})
}
