package sound

import (
	"encoding/binary"
	"io"

	goaac "github.com/tphakala/go-aac"
	aacpcm "github.com/tphakala/go-aac/pcm"
)

// aacFrame is the number of samples of an access unit.
const aacFrame = 1024

// aac decodes AAC-LC. The library reads from a stream of units with their length
// before each; it gets one, and gives its samples.
type aac struct {
	inProcess
	dec    *aacpcm.Decoder
	config []byte
	in     *unitReader
	out    []byte
}

func newAAC(config []byte) (decoder, error) {
	d := &aac{config: config, in: &unitReader{}}
	var err error
	if d.dec, err = aacpcm.NewDecoder(d.in, aacpcm.WithRawStream(config)); err != nil {
		return nil, translate(err)
	}
	info := d.dec.Info()
	d.inProcess = inProcess{info.SampleRate, info.Channels}
	d.out = make([]byte, aacFrame*d.n*2)
	return d, nil
}

func (d *aac) decode(to *planes, piece []byte) error {
	if len(piece) > 0xffff || len(piece) == 0 {
		return errCorrupt
	}
	d.in.set(piece)
	n, err := d.dec.Read(d.out)
	if err != nil || n != len(d.out) {
		// It would not go on by itself.
		if again := d.dec.Reset(d.in, aacpcm.WithRawStream(d.config)); again != nil {
			return translate(again)
		}
		if err != nil {
			return translate(err)
		}
		return errCorrupt
	}
	for i := 0; i < n; i += 2 {
		c := i / 2 % d.n
		to.of[c] = append(to.of[c], float32(int16(binary.LittleEndian.Uint16(d.out[i:])))/32768)
	}
	return nil
}

// unitReader reads one unit, with its length before it.
type unitReader struct {
	size [2]byte
	left [2][]byte
}

func (r *unitReader) set(unit []byte) {
	binary.BigEndian.PutUint16(r.size[:], uint16(len(unit)))
	r.left = [2][]byte{r.size[:], unit}
}

func (r *unitReader) Read(p []byte) (int, error) {
	n := 0
	for i := range r.left {
		k := copy(p[n:], r.left[i])
		r.left[i] = r.left[i][k:]
		n += k
	}
	if n == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	return n, nil
}

// aacEncoder makes AAC-LC.
type aacEncoder struct {
	enc  *goaac.Encoder
	conf goaac.EncoderConfig
	in   [2][]float32
	slab slab
}

// newAACEncoder makes an encoder for sound of that rate.
func newAACEncoder(channels, bitrate, rate int) (encoder, error) {
	e := &aacEncoder{conf: goaac.EncoderConfig{SampleRate: 48000, Channels: channels, Bitrate: bitrate}}
	if rate == 44100 {
		e.conf.SampleRate = rate
	}
	if rate <= 24000 { // there is nothing above
		e.conf.Cutoff = rate / 2
	}
	if bitrate == 0 {
		e.conf.Bitrate = channels * 64000
		if rate <= 16000 {
			e.conf.Bitrate = channels * 2 * rate
			e.conf.Bitrate = max(e.conf.Bitrate, channels*24000)
		}
	}
	var err error
	e.enc, err = goaac.NewEncoder(e.conf)
	return e, err
}

func (e *aacEncoder) rate() int      { return e.conf.SampleRate }
func (e *aacEncoder) clock() int     { return e.conf.SampleRate }
func (e *aacEncoder) frame() int     { return aacFrame }
func (e *aacEncoder) bitrate() int   { return e.conf.Bitrate }
func (e *aacEncoder) config() []byte { return e.enc.AudioSpecificConfig() }

// delay is a frame that the encoder holds back, and one that the decoder's overlap
// takes.
func (e *aacEncoder) delay() int { return 2 * aacFrame }

func (e *aacEncoder) encode(samples [][]float32, from int) ([]byte, error) {
	in := e.in[:len(samples)]
	for c := range samples {
		in[c] = samples[c][from:][:aacFrame]
	}
	out, err := e.enc.EncodeFrame(e.slab.room(768*e.conf.Channels), in)
	if err != nil {
		_ = e.enc.Reset(e.conf) // as it was made
		return nil, translate(err)
	}
	return e.slab.take(out), nil
}
