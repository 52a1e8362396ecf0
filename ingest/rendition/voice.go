package rendition

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/sound"
	"github.com/camgate/camgate/ingest"
)

// Sounds makes what turns sound of one track into sound of another codec. It fails with
// ErrUnsupportedCodec or ErrNotInstalled where it cannot.
type Sounds func(from *camgate.Track, to camgate.Codec) (Sound, error)

// Sound turns access units of sound into others. One goroutine uses it.
type Sound interface {
	// Track describes what comes out, as ingest.NewTrack takes it.
	Track() camgate.TrackOptions
	// Write takes an access unit with the time at which it is heard, and hands out what is
	// ready; lost says that something is missing before it. It fails as out does, or when it
	// cannot go on.
	Write(at time.Duration, au [][]byte, lost bool, out func(at time.Duration, au []byte) error) error
	Close()
}

// SoundsBy makes Sounds in process, with that ffmpeg for what it cannot decode itself.
func SoundsBy(ffmpeg string) Sounds {
	return func(from *camgate.Track, to camgate.Codec) (Sound, error) {
		t, err := sound.New(from, sound.Settings{Codec: to, FFmpeg: ffmpeg})
		if err != nil {
			return nil, err
		}
		return transcoder{t}, nil
	}
}

type transcoder struct{ *sound.Transcoder }

func (t transcoder) Write(at time.Duration, au [][]byte, lost bool, out func(at time.Duration, au []byte) error) error {
	return t.Transcoder.Write(at, au, lost, out)
}

const (
	// maxHeard is how many frames wait to be turned: more than the GOP has that a stream
	// keeps for those who join.
	maxHeard = 2048
	// A sound that only fails is made anew, at most that often.
	maxDeaf     = 5
	soundPause  = 2 * time.Second
	soundRepeat = 10 * time.Second // how often the log is told
)

// voice makes one track of another one.
type voice struct {
	source *Source
	stream *camgate.Stream
	from   *camgate.Track
	to     camgate.Codec
	track  *camgate.Track
	sound  Sound
	leave  func()
	queue  chan heard

	deaf int // failures in a row
	made time.Time
	told time.Time
}

// heard is what waits.
type heard struct {
	at  time.Duration
	au  [][]byte
	gap bool
}

// voice makes the one of the parent's tracks that is wanted in another codec; nil: none
// is, or none can be. The caller closes it.
func (s *Source) voice(stream *camgate.Stream, tracks []*camgate.Track) *voice {
	settings, _ := s.Settings()
	isWanted := func(t *camgate.Track) bool { return t.Codec == settings.Audio }
	i := slices.IndexFunc(tracks, func(t *camgate.Track) bool { return t.Kind == camgate.Audio })
	if settings.Audio == "" || i < 0 || slices.ContainsFunc(tracks, isWanted) {
		stream.Warn("sound", "")
		return nil
	}
	v := &voice{source: s, stream: stream, from: tracks[i], to: settings.Audio, queue: make(chan heard, maxHeard)}
	if err := v.make(); err != nil {
		text := fmt.Sprintf("%s cannot be made of %s: %v", v.to, v.from.Codec, bare(err))
		s.log.Warn("sound stays as it is", "track", v.from.Codec, "err", err)
		stream.Warn("sound", text)
		return nil
	}
	stream.Warn("sound", "")
	return v
}

// bare is an error without the sentinel in front of it, which says nothing here.
func bare(err error) string {
	return strings.TrimPrefix(err.Error(), camgate.ErrUnsupportedCodec.Error()+": ")
}

var errTooMuchSound = fmt.Errorf("%w: as many sounds are made as may be (limits.sounds)", camgate.ErrEncoderUnavailable)

func (v *voice) make() (err error) {
	if v.source.sounds == nil {
		return fmt.Errorf("%w: nothing here turns sound into other sound", camgate.ErrUnsupportedCodec)
	}
	leave := func() {}
	if slots := v.source.soundSlots; slots != nil {
		select {
		case slots <- struct{}{}:
			leave = func() { <-slots }
		default:
			return errTooMuchSound
		}
	}
	defer func() {
		if err != nil {
			leave()
		}
	}()
	v.made = time.Now()
	made, err := v.source.sounds(v.from, v.to)
	if err != nil {
		return err
	}
	track, err := ingest.NewTrack(made.Track())
	if err != nil {
		made.Close()
		return err
	}
	track.Follow(v.from)
	v.track, v.sound, v.leave = track, made, leave
	return nil
}

func (v *voice) close() {
	if v != nil && v.sound != nil {
		v.sound.Close()
		v.leave()
		v.sound = nil
	}
}

// makes tells whether the voice makes something of a track; a nil voice makes nothing.
func (v *voice) makes(t *camgate.Track) bool { return v != nil && v.from == t }

// hear takes a Unit. It never blocks: what does not fit is missing.
func (v *voice) hear(u *camgate.Unit, gap bool) {
	select {
	case v.queue <- heard{u.Time(), u.AU, gap || u.Lost > 0}:
	default:
	}
}

// run turns what is heard into units of track index, until ctx ends or the fill does.
func (v *voice) run(ctx context.Context, f *fill, index int) {
	t, gap := f.tracks[index], true
	publish := func(at time.Duration, au []byte) error {
		_, err := f.publish(sample{track: index, pts: t.Ticks(at), au: [][]byte{au}, key: true, gap: gap})
		gap = false
		return err
	}
	for {
		var h heard
		select {
		case h = <-v.queue:
		case <-ctx.Done():
			return
		}
		gap = gap || h.gap
		began := time.Now()
		err := v.sound.Write(h.at, h.au, h.gap, publish)
		v.stream.Busy(time.Since(began))
		if errors.Is(err, camgate.ErrClosed) || !v.copes(err, began) {
			return
		}
	}
}

// copes tells whether it goes on after a failure; what fails again and again is made anew.
func (v *voice) copes(err error, now time.Time) bool {
	if err == nil {
		v.deaf = 0
		return true
	}
	v.deaf++
	if now.Sub(v.told) >= soundRepeat {
		v.told = now
		v.source.log.Warn("sound is left out", "track", v.from.Codec, "err", err)
	}
	if v.deaf < maxDeaf || now.Sub(v.made) < soundPause {
		return true
	}
	v.close()
	v.deaf = 0
	if err := v.make(); err != nil {
		v.stream.Warn("sound", fmt.Sprintf("%s cannot be made of %s any more: %v", v.to, v.from.Codec, bare(err)))
		return false
	}
	return true
}
