// Package doctor finds out why a source does not play, or what its viewers can
// expect: it lets the source that the gateway would use fill a stream of its own,
// reads that as any viewer does, and measures.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest/trust"
	"github.com/camgate/camgate/rtsp"
)

const (
	defaultTime = 10 * time.Second
	// defaultPatience is what the gateway's sources have by default, too.
	defaultPatience = 15 * time.Second
	lookupTimeout   = 5 * time.Second
)

// Options say what to examine. Source and Open are needed.
type Options struct {
	Source string // what it is called, without secrets
	// Host is the device's name or address, without a port; empty: it is no other one.
	Host string
	// Open makes the source for a stream. seen is to be told of each certificate.
	Open func(s *camgate.Stream, t rtsp.Transport, seen func(address string, facts trust.Facts)) (camgate.Source, error)
	// Transport is that of an RTSP source. With TransportAuto the others that it may
	// come to are tried for a moment, too.
	Transport rtsp.Transport
	// Single says that the device takes one connection at a time, or is to get one.
	Single   bool
	Time     time.Duration // that pictures are watched; default 10 s
	Patience time.Duration // until the first one; default 15 s
	FFmpeg   string        // a name in PATH or a file; default "ffmpeg"
	// Variants makes what outputs cannot take as it is, as the gateway would; nil: nothing is made.
	Variants camgate.Variants
}

// exam is one examination.
type exam struct {
	Options
	report *Report
	stream *camgate.Stream
	source camgate.Source
	began  time.Time // of the attempt
	meter  meter

	mu  sync.Mutex
	tls *trust.Facts
}

// Examine looks at a source. It takes as long as Options say, less when ctx ends.
func Examine(ctx context.Context, o Options) *Report {
	if o.Time <= 0 {
		o.Time = defaultTime
	}
	if o.Patience <= 0 {
		o.Patience = defaultPatience
	}
	if o.FFmpeg == "" {
		o.FFmpeg = "ffmpeg"
	}
	e := &exam{Options: o, report: newReport(o.Source)}
	err := e.examine(ctx)
	e.report.TLS = e.certificate()
	if len(e.report.Outputs) == 0 && len(e.report.Tracks) > 0 {
		e.report.Outputs = judge(ctx, nil, e.stream.Tracks(), nil, o.FFmpeg)
	}
	e.report.Advice = advise(e.report)
	e.report.Failure = failureOf(err, o.Host == "")
	e.report.OK = e.report.Failure == nil
	return e.report
}

// examine goes from step to step until one fails.
func (e *exam) examine(ctx context.Context) error {
	var err error
	if e.stream, err = camgate.NewRegistry(1).Add("probe", camgate.StreamLimits{}); err != nil {
		return err
	}
	defer e.stream.Close()
	if e.source, err = e.Open(e.stream, e.Transport, e.seen); err != nil {
		return err
	}
	if err := e.reach(ctx); err != nil {
		return err
	}
	err = e.watch(ctx)
	e.note()
	if err == nil {
		err = e.judgePictures()
	}
	if len(e.report.Tracks) > 0 && ctx.Err() == nil {
		e.report.Decoder = e.decode(ctx)
		if err == nil && e.report.Decoder.Result == DecoderError {
			err = fmt.Errorf("%w: %s", camgate.ErrDecoder, e.report.Decoder.Reason)
		}
	}
	e.tryTransports(ctx, err)
	return err
}

// reach looks up the name and knocks at the port.
func (e *exam) reach(ctx context.Context) error {
	if e.Host == "" {
		return nil
	}
	began := time.Now()
	if _, err := netip.ParseAddr(e.Host); err == nil {
		e.report.Addresses = []string{e.Host}
	} else {
		ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
		defer cancel()
		addresses, err := new(net.Resolver).LookupHost(ctx, e.Host)
		if err != nil {
			return fmt.Errorf("%w: %w", camgate.ErrConnectionFailed, err)
		}
		e.report.Addresses, e.report.LookupMS = addresses, milliseconds(time.Since(began))
	}
	k, ok := e.source.(camgate.Knocker)
	if !ok {
		return nil
	}
	began = time.Now()
	if err := k.Knock(ctx); err != nil {
		return err
	}
	e.report.ConnectMS = milliseconds(time.Since(began))
	return nil
}

// seen notes the newest certificate.
func (e *exam) seen(_ string, facts trust.Facts) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tls = &facts
}

func (e *exam) certificate() *trust.Facts {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.tls
}

// watch lets the source run and reads what comes of it.
func (e *exam) watch(ctx context.Context) error {
	running, end := context.WithCancel(ctx)
	defer end()
	// Readers wait for as long as the stream is there, so what ends them is this.
	reading, enough := context.WithCancel(ctx)
	defer enough()
	timer := time.AfterFunc(e.Patience, enough)
	defer timer.Stop()
	e.began = time.Now()
	e.meter.begin(e.began, func() { timer.Reset(e.Time) })
	e.stream.SetStatus(camgate.Status{State: camgate.StateConnecting})
	var failed error
	var wg sync.WaitGroup
	wg.Go(func() {
		defer end()
		err := e.source.Run(running, e.stream)
		if running.Err() == nil && reading.Err() == nil { // what ends afterwards was watched for long enough
			failed = err
			if err == nil {
				failed = fmt.Errorf("%w: the source ended", camgate.ErrConnectionFailed)
			}
			enough()
		}
	})
	e.meter.read(reading, e.stream)
	e.meter.end(time.Now())
	e.session() // while it is there, as it ends with the packets under way
	if tracks := e.stream.Tracks(); tracks != nil && e.meter.units > 0 && running.Err() == nil {
		outputs := judge(running, e.stream, tracks, e.Variants, e.FFmpeg)
		if running.Err() == nil { // else it is not known what would have been made
			e.report.Outputs = outputs
		}
	}
	end()
	wg.Wait()
	if failed != nil && e.meter.units > 0 {
		failed = fmt.Errorf("it ended after %.1f s: %w", time.Since(e.meter.first).Seconds(), failed)
	}
	if failed == nil && ctx.Err() != nil && e.meter.units == 0 {
		return errors.New("interrupted")
	}
	return failed
}

// judgePictures says what is wrong with a session that went well.
func (e *exam) judgePictures() error {
	tracks := e.stream.Tracks()
	video := mainOf(tracks)
	switch {
	case tracks == nil:
		return fmt.Errorf("%w: the camera did not say within %v what it has", camgate.ErrTimeout, e.Patience)
	case video == nil && e.meter.units > 0:
		return fmt.Errorf("%w: there is only %s", camgate.ErrNoVideoTrack, kinds(tracks))
	case e.meter.units == 0:
		if err := e.stream.Status().Err; err != nil {
			return fmt.Errorf("%w: %w", camgate.ErrTimeout, err)
		}
		return fmt.Errorf("%w: no picture came within %v", camgate.ErrTimeout, e.Patience)
	}
	if idle, ok := e.meter.stopped(video); ok {
		return fmt.Errorf("%w: pictures stopped, and the last one is %.1f s old", camgate.ErrTimeout, idle.Seconds())
	}
	return nil
}

// mainOf returns the first video track.
func mainOf(tracks []*camgate.Track) *camgate.Track {
	for _, t := range tracks {
		if t.Kind == camgate.Video {
			return t
		}
	}
	return nil
}

func kinds(tracks []*camgate.Track) string {
	out := ""
	for i, t := range tracks {
		if i > 0 {
			out += ", "
		}
		out += fmt.Sprintf("%s (%s)", t.Kind, clean(string(t.Codec)))
	}
	return out
}
