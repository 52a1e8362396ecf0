// Package sound records sound cards (ALSA) beside cameras that have no sound, by an
// ffmpeg child. It implements camgate.Companion.
package sound

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/child"
	"github.com/camgate/camgate/ingest"
	"github.com/camgate/camgate/ingest/ts"
)

// Options describe a sound card. Only Device is needed.
type Options struct {
	Device  string        // as ALSA names it: hw:1, plughw:1,0, default
	Codec   camgate.Codec // Opus (default) or AAC
	Bitrate int           // in a second; default 64,000
	// Delay is by how much the sound is heard later than it was recorded; default 0.
	Delay  time.Duration
	FFmpeg string // default: ffmpeg in PATH
	// Warn is told what people should know, "" when it is over; nil: nobody is.
	Warn   func(text string)
	Logger *slog.Logger

	input []string // in place of the card, for tests
}

// Recorder records a sound card while somebody wants it.
type Recorder struct {
	opts  Options
	clock sampleClock
	log   *slog.Logger

	mu      sync.Mutex
	next    int
	out     map[int]func(int, time.Time, [][]byte)
	changed chan struct{} // closed and replaced when out becomes empty or does not stay so
}

const (
	rate     = 48000
	channels = 2
)

// New makes a recorder.
func New(o Options) (*Recorder, error) {
	switch {
	case o.Device == "" || strings.HasPrefix(o.Device, "-"):
		return nil, errors.New("it names no sound card: as hw:1, or default")
	case o.Codec == "":
		o.Codec = camgate.Opus
	case o.Codec != camgate.Opus && o.Codec != camgate.AAC:
		return nil, fmt.Errorf("%w: sound is recorded as Opus or AAC, not %s", camgate.ErrUnsupportedCodec, o.Codec)
	}
	if o.Bitrate <= 0 {
		o.Bitrate = 64000
	}
	if o.FFmpeg == "" {
		o.FFmpeg = "ffmpeg"
	}
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Recorder{opts: o, log: o.Logger, out: map[int]func(int, time.Time, [][]byte){}, changed: make(chan struct{})}
	_, err := r.track()
	return r, err
}

// aacConfig is the AudioSpecificConfig of AAC-LC, 48 kHz, stereo (ISO/IEC 14496-3, 1.6.2.1).
const aacConfig = "\x11\x90"

func (r *Recorder) track() (*camgate.Track, error) {
	o := camgate.TrackOptions{Codec: r.opts.Codec, Channels: channels}
	if o.Codec == camgate.AAC {
		o.Params = &camgate.Params{Config: []byte(aacConfig)}
	}
	return ingest.NewTrack(o)
}

// Tracks makes the track of the sound.
func (r *Recorder) Tracks() []*camgate.Track {
	t, err := r.track()
	if err != nil {
		return nil // New has looked
	}
	return []*camgate.Track{t}
}

// Join has the sound published until leave is called.
func (r *Recorder) Join(publish func(int, time.Time, [][]byte)) (leave func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := r.next
	r.next++
	r.out[id] = publish
	r.note(len(r.out) == 1)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.out, id)
		r.note(len(r.out) == 0)
	}
}

// note tells Run when recording is to begin or to end; mu is held.
func (r *Recorder) note(change bool) {
	if change {
		close(r.changed)
		r.changed = make(chan struct{})
	}
}

func (r *Recorder) wanted() (bool, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.out) > 0, r.changed
}

func (r *Recorder) publish(at time.Time, au [][]byte) {
	r.mu.Lock()
	all := make([]func(int, time.Time, [][]byte), 0, len(r.out))
	for _, f := range r.out {
		all = append(all, f)
	}
	r.mu.Unlock()
	for _, f := range all {
		f(0, at, au)
	}
}

const (
	minWait, maxWait = time.Second, 30 * time.Second
	// idle is how long the card is kept while nobody wants it, as between two sessions
	// of a camera.
	idle = 2 * time.Second
	// silent is how long a card may deliver nothing.
	silent = 5 * time.Second
	// starting is how long it may take to begin: ffmpeg alone needs seconds on a small machine.
	starting = 20 * time.Second
)

// Run records for as long as somebody wants it, until ctx ends. Whatever happens to the
// sound, the pictures go on; it is tried again.
func (r *Recorder) Run(ctx context.Context) error {
	wait, told := minWait, ""
	for ctx.Err() == nil {
		wanted, changed := r.wanted()
		if !wanted {
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		began := time.Now()
		err := r.record(ctx)
		if ctx.Err() != nil || err == nil {
			continue
		}
		if time.Since(began) > time.Minute {
			wait = minWait
		}
		if text := err.Error(); text != told {
			told = text
			r.log.Warn("sound failed", "err", err, "retry_in", wait)
		}
		r.opts.Warn("there is no sound: " + err.Error())
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
		wait = min(2*wait, maxWait)
	}
	return ctx.Err()
}

// record records once, until nobody wants it.
func (r *Recorder) record(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := make(chan struct{})
	sign := make(chan struct{}, 1)
	go func() { // waited for below
		defer close(watch)
		cancel(r.watch(ctx, sign))
	}()
	err := child.Run(ctx, child.Command{Path: r.opts.FFmpeg, Args: r.args()}, func(p *child.Process) error {
		p.Stdin.Close()
		return r.read(p, sign)
	})
	cause := context.Cause(ctx)
	cancel(nil)
	<-watch
	if errors.Is(cause, errUnwanted) {
		return nil
	}
	if cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return explain(err, r.opts.Device)
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
func (r *Recorder) read(p *child.Process, sign chan<- struct{}) error {
	heard := false
	d, err := ts.NewDemuxer(p.Stdout, func(s ts.Sample) {
		select {
		case sign <- struct{}{}:
		default:
		}
		if !heard {
			heard = true
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
