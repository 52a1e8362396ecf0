// Package sound makes the sound of a track anew in another codec: Opus for browsers
// (WebRTC), AAC for HLS.
//
// A Transcoder is fed access units and hands out access units, on the same clock. What
// it makes lies where the original lies: the delays of the codecs are taken off, holes
// are filled, and a clock that runs fast or slow is followed.
package sound

import (
	"errors"
	"fmt"
	"time"

	"github.com/camgate/camgate"
)

// Settings say what is to be made. Only Codec is needed.
type Settings struct {
	Codec    camgate.Codec // Opus or AAC
	Channels int           // 1 or 2; 0: as many as there are, at most 2
	Bitrate  int           // bits per second; 0: what suits the rate and the channels
	// FFmpeg is the program for what camgate cannot decode itself, by name or
	// path; empty: ffmpeg.
	FFmpeg string
}

// Out takes an access unit that was made. at is when its first sample is heard, on the
// clock of what was written. It may keep au; nobody writes to it again.
type Out func(at time.Duration, au []byte) error

// Counters are what has happened so far.
type Counters struct {
	Units   uint64        // made
	Corrupt uint64        // units that could not be decoded: heard as holes
	Filled  time.Duration // holes that were filled
	Cut     time.Duration // sound left out because the next was there already
	Jumps   uint64        // times it began anew
}

// Transcoder makes one track's sound anew. It is for one goroutine.
type Transcoder struct {
	from     *camgate.Track
	settings Settings
	dec      decoder  // nil: a program decodes
	outside  *outside // nil: not yet, or not needed
	rate     int      // of what is decoded
	channels int
	enc      encoder
	pcm      planes // of the unit at hand
	line     *timeline
	counters Counters
}

// New makes a Transcoder for the units of a track. It fails with ErrUnsupportedCodec
// for what cannot be decoded or is asked for in vain, and with ErrNotInstalled when
// that takes an ffmpeg that is not there. Close it.
func New(from *camgate.Track, to Settings) (*Transcoder, error) {
	t := &Transcoder{from: from, rate: nominal, channels: min(max(1, from.Channels), 2)}
	var err error
	if t.dec, err = newDecoder(from); err == nil {
		t.rate, t.channels = t.dec.rate(), t.dec.channels()
	} else if t.outside, err = newOutside(from, to.FFmpeg, t.rate, t.channels); err != nil {
		return nil, err
	}
	if to.Channels == 0 {
		to.Channels = min(t.channels, 2)
	}
	if to.Channels < 1 || to.Channels > 2 {
		return nil, fmt.Errorf("%w: %d channels of %s", camgate.ErrUnsupportedCodec, to.Channels, to.Codec)
	}
	if t.enc, err = newEncoder(to, t.rate); err != nil {
		return nil, err
	}
	t.settings = to
	t.line = newTimeline(t.rate, to.Channels, t.enc, &t.counters)
	return t, nil
}

// Track describes what comes out, as ingest.NewTrack takes it.
func (t *Transcoder) Track() camgate.TrackOptions {
	o := camgate.TrackOptions{
		Kind: camgate.Audio, Codec: t.settings.Codec,
		ClockRate: t.enc.clock(), Channels: t.settings.Channels,
		Params: &camgate.Params{},
	}
	if c := t.enc.config(); c != nil {
		o.Params = &camgate.Params{Config: c, Profile: "AAC-LC"}
	}
	return o
}

// Bitrate returns what was chosen, in bits per second.
func (t *Transcoder) Bitrate() int { return t.enc.bitrate() }

// Decoder names what decodes: "camgate" or "ffmpeg".
func (t *Transcoder) Decoder() string {
	if t.outside != nil {
		return "ffmpeg"
	}
	return "camgate"
}

// Counters returns what has happened so far.
func (t *Transcoder) Counters() Counters { return t.counters }

// Write takes one access unit, which is heard at that time, and hands out what is
// ready. lost says that something is missing right before it. It fails only as out
// does, or when the program that decodes has ended: corrupt units are left out and
// counted. A track whose Params change needs another Transcoder.
func (t *Transcoder) Write(at time.Duration, au [][]byte, lost bool, out Out) error {
	if t.outside != nil {
		return t.writeOutside(at, au, out)
	}
	t.pcm.reset(t.channels)
	corrupt, unsupported := false, false
	for _, piece := range au {
		if err := t.dec.decode(&t.pcm, piece); err != nil {
			corrupt, unsupported = true, errors.Is(err, camgate.ErrUnsupportedCodec)
		}
	}
	switch {
	case unsupported && t.counters.Units == 0:
		// It turns out to be more than was said, as HE-AAC does.
		var err error
		if t.outside, err = newOutside(t.from, t.settings.FFmpeg, t.rate, t.channels); err != nil {
			return err
		}
		return t.writeOutside(at, au, out)
	case corrupt:
		// What is left of it has no place in time: the next unit shows the hole.
		t.counters.Corrupt++
		t.line.broken = true
		return nil
	case t.pcm.len() == 0:
		return nil
	}
	t.pcm.mix(t.settings.Channels)
	return t.line.write(at, &t.pcm, lost, out)
}

// writeOutside is Write where a program decodes. What it gives is from units before.
func (t *Transcoder) writeOutside(at time.Duration, au [][]byte, out Out) error {
	if err := t.outside.write(at, au); err != nil {
		return err
	}
	t.pcm.reset(t.channels)
	from, err := t.outside.take(&t.pcm)
	if err != nil || t.pcm.len() == 0 {
		return err
	}
	t.pcm.mix(t.settings.Channels)
	return t.line.write(from, &t.pcm, false, out)
}

// Close ends what Write may have started. What is not yet out is lost.
func (t *Transcoder) Close() {
	if t.outside != nil {
		t.outside.close()
	}
}
