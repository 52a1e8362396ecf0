package sound

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/child"
	"github.com/camgate/camgate/ingest/ts"
)

const (
	// idle is how long the card is kept while nobody wants it, as between two sessions
	// of a camera.
	idle = 2 * time.Second
	// silent is how long a card may deliver nothing.
	silent = 5 * time.Second
	// starting is how long it may take to begin: ffmpeg alone needs seconds on a small machine.
	starting = 20 * time.Second
)

// record records once, until nobody wants it, and tells whether there was sound.
func (r *Recorder) record(ctx context.Context) (heard bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := make(chan struct{})
	sign := make(chan struct{}, 1)
	go func() { // waited for below
		defer close(watch)
		cancel(r.watch(ctx, sign))
	}()
	err = child.Run(ctx, child.Command{Path: r.opts.FFmpeg, Args: r.args()}, func(p *child.Process) error {
		p.Stdin.Close()
		return r.read(p, sign, &heard)
	})
	cause := context.Cause(ctx)
	cancel(nil)
	<-watch
	if errors.Is(cause, errUnwanted) {
		return heard, nil
	}
	if cause != nil && !errors.Is(cause, context.Canceled) {
		return heard, cause
	}
	return heard, explain(err, r.opts.Device)
}

var (
	errUnwanted = errors.New("nobody wants the sound")
	errSilent   = fmt.Errorf("%w: the sound card delivers nothing", camgate.ErrTimeout)
)

// watch ends a recording that nobody wants, or from which nothing comes.
func (r *Recorder) watch(ctx context.Context, sign <-chan struct{}) error {
	timer := time.NewTimer(idle)
	defer timer.Stop()
	last, limit := time.Now(), starting
	unwanted := time.Time{}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-sign:
			last, limit = time.Now(), silent
			continue
		case <-timer.C:
		}
		timer.Reset(idle / 4)
		switch wanted, _ := r.wanted(); {
		case wanted:
			unwanted = time.Time{}
		case unwanted.IsZero():
			unwanted = time.Now()
		case time.Since(unwanted) > idle:
			return errUnwanted
		}
		if time.Since(last) > limit {
			return errSilent
		}
	}
}

// args make ffmpeg write MPEG-TS with the card's times, which are those of the system's
// clock, and each frame of sound at once.
func (r *Recorder) args() []string {
	args := []string{"-v", "error", "-nostdin", "-fflags", "+nobuffer", "-probesize", "32", "-analyzeduration", "0"}
	if r.opts.input != nil {
		args = append(args, r.opts.input...)
	} else {
		args = append(args, "-f", "alsa", "-sample_rate", strconv.Itoa(rate), "-channels", strconv.Itoa(channels), "-i", plug(r.opts.Device))
	}
	args = append(args, "-copyts", "-map", "0:a:0", "-ac", strconv.Itoa(channels), "-ar", strconv.Itoa(rate))
	if r.opts.Codec == camgate.AAC {
		args = append(args, "-c:a", "aac")
	} else {
		args = append(args, "-c:a", "libopus", "-application", "audio", "-frame_duration", "20")
	}
	return append(args, "-b:a", strconv.Itoa(r.opts.Bitrate),
		"-f", "mpegts", "-muxdelay", "0", "-muxpreload", "0", "-pes_payload_size", "0", "-flush_packets", "1", "pipe:1")
}

// plug has ALSA convert what a card cannot do itself: many microphones have one channel.
func plug(device string) string {
	if strings.HasPrefix(device, "hw:") {
		return "plug" + device
	}
	return device
}

// read publishes what ffmpeg writes.
func (r *Recorder) read(p *child.Process, sign chan<- struct{}, heard *bool) error {
	d, err := ts.NewDemuxer(p.Stdout, func(s ts.Sample) {
		select {
		case sign <- struct{}{}:
		default:
		}
		if !*heard {
			*heard = true
			r.clock = sampleClock{}
			r.opts.Warn("")
			r.log.Info("sound is recorded", "source", r.opts.Device)
		}
		now := time.Now()
		r.publish(r.clock.time(wallOf(s.PTS, now), r.duration()).Add(r.opts.Delay), s.AU)
	})
	for err == nil {
		err = d.Read()
	}
	return err
}

// duration is the length of a frame.
func (r *Recorder) duration() time.Duration {
	if r.opts.Codec == camgate.AAC {
		return 1024 * time.Second / rate
	}
	return 20 * time.Millisecond
}
