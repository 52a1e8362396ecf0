// Package sound records sound cards (ALSA) beside cameras that have no sound, by an
// ffmpeg child. It implements camgate.Companion.
package sound

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
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

const minWait, maxWait = time.Second, 30 * time.Second

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
		heard, err := r.record(ctx)
		if heard {
			told = "" // what ended it is news, also when it is the same as before
		}
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
