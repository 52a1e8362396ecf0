package sound

import "github.com/thesyncim/gopus"

const (
	opusClock = 48000 // of the timestamps, whatever the rate (RFC 7587 section 4.1)
	opusFrame = 50    // units a second
	opusBytes = 1275  // of a frame, at most (RFC 6716 section 3.2.1)
	// Above this the encoder takes its time for what is not heard.
	opusComplexity = 5
)

// opusEncoder makes Opus of 20 ms a unit. It takes the rates that Opus knows as they
// are.
type opusEncoder struct {
	enc  *gopus.Encoder
	hz   int
	n    int
	in   []float32
	slab slab
}

func newOpusEncoder(channels, bitrate, rate int) (encoder, error) {
	e := &opusEncoder{hz: 48000, n: channels}
	switch rate {
	case 8000, 12000, 16000, 24000:
		e.hz = rate
	}
	var err error
	e.enc, err = gopus.NewEncoder(gopus.EncoderConfig{SampleRate: e.hz, Channels: channels, Application: gopus.ApplicationAudio})
	if err != nil {
		return nil, translate(err)
	}
	if bitrate == 0 {
		switch bitrate = 48000 * channels; {
		case e.hz <= 8000:
			bitrate = 24000 * channels
		case e.hz <= 16000:
			bitrate = 32000 * channels
		}
	}
	if err := e.enc.SetBitrate(bitrate); err != nil {
		return nil, translate(err)
	}
	if err := e.enc.SetComplexity(opusComplexity); err != nil {
		return nil, translate(err)
	}
	e.in = make([]float32, e.frame()*channels)
	return e, nil
}

func (e *opusEncoder) rate() int      { return e.hz }
func (e *opusEncoder) clock() int     { return opusClock }
func (e *opusEncoder) frame() int     { return e.hz / opusFrame }
func (e *opusEncoder) bitrate() int   { return e.enc.Bitrate() }
func (e *opusEncoder) config() []byte { return nil }

// delay is what the pre-skip of a file would take off (RFC 7845 section 4.2).
func (e *opusEncoder) delay() int { return e.enc.Lookahead() }

func (e *opusEncoder) encode(samples [][]float32, from int) ([]byte, error) {
	for c, s := range samples {
		for i, v := range s[from:][:e.frame()] {
			e.in[i*e.n+c] = v
		}
	}
	room := e.slab.room(opusBytes)
	n, err := e.enc.Encode(e.in, room[:opusBytes])
	if err != nil {
		return nil, translate(err)
	}
	return e.slab.take(room[:n]), nil
}
