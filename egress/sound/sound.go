// Package sound makes the sound of a track anew in another codec: Opus for browsers
// (WebRTC), AAC for HLS.
//
// A Transcoder is fed access units and hands out access units, on the same clock. What
// it makes lies where the original lies: the delays of the codecs are taken off, holes
// are filled, and a clock that runs fast or slow is followed.
package sound

import (
	"cmp"
	"fmt"
	"time"

	"github.com/camgate/camgate"
)

// Settings say what is to be made. Only Codec is needed.
type Settings struct {
	Codec    camgate.Codec // Opus or AAC
	Channels int           // 1 or 2; 0: as many as there are, at most 2
	Bitrate  int           // bits per second; 0: what suits the rate and the channels
	// FFmpeg is the program for what camgate cannot decode itself (see Judge), by name or
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
	from     camgate.Codec
	settings Settings
	dec      decoder
	enc      encoder
	pcm      planes // of the unit at hand
	line     *timeline
	counters Counters
}

// New makes a Transcoder for the units of a track. It fails with ErrUnsupportedCodec
// for what cannot be decoded or is asked for in vain, and with ErrNotInstalled when
// that takes an ffmpeg that is not there. Close it.
func New(from *camgate.Track, to Settings) (*Transcoder, error) {
	dec, err := newDecoder(from, to.FFmpeg)
	if err != nil {
		return nil, err
	}
	if to.Channels == 0 {
		to.Channels = min(dec.channels(), 2)
	}
	if to.Channels < 1 || to.Channels > 2 {
		dec.close()
		return nil, fmt.Errorf("%w: %d channels of %s", camgate.ErrUnsupportedCodec, to.Channels, to.Codec)
	}
	enc, err := newEncoder(to, dec.rate())
	if err != nil {
		dec.close()
		return nil, err
	}
	t := &Transcoder{from: from.Codec, settings: to, dec: dec, enc: enc}
	t.line = newTimeline(dec.rate(), to.Channels, enc, &t.counters)
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
func (t *Transcoder) Decoder() string { return cmp.Or(t.dec.program(), "camgate") }

// Counters returns what has happened so far.
func (t *Transcoder) Counters() Counters { return t.counters }

// Write takes one access unit, which is heard at that time, and hands out what is
// ready. lost says that something is missing right before it. It fails only as out
// does, or when the program that decodes has ended: corrupt units are left out and
// counted.
func (t *Transcoder) Write(at time.Duration, au [][]byte, lost bool, out Out) error {
	t.pcm.reset(t.dec.channels())
	good := true
	for _, piece := range au {
		if err := t.dec.decode(&t.pcm, piece); err != nil {
			good = false
		}
	}
	if !good {
		// What is left of it has no place in time: the next unit shows the hole.
		t.counters.Corrupt++
		t.line.broken = true
		return nil
	}
	if len(t.pcm.of[0]) == 0 {
		return nil
	}
	t.pcm.mix(t.settings.Channels)
	return t.line.write(at, &t.pcm, lost, out)
}

// Close ends what Write may have started. What is not yet out is lost.
func (t *Transcoder) Close() { t.dec.close() }

// Judge tells whether the sound of a track can be made anew, without doing it. program
// is "" when camgate does it itself, else what has to be installed.
func Judge(from *camgate.Track) (program string, err error) {
	dec, err := newDecoder(from, "")
	if err != nil {
		return "", err
	}
	dec.close()
	return dec.program(), nil
}
