package rendition

import (
	"context"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest/encode"
)

// Settings are what a picture has to be. The zero value is whatever the parent has.
type Settings struct {
	Codec         camgate.Codec // empty: the parent's where that will do, else H264
	Width, Height int           // pixels; 0: the parent's
	FPS           float64       // at most; 0: the parent's
	Bitrate       int           // bit/s; 0: what suits the size
	GOP           time.Duration // from keyframe to keyframe; 0: what suits the encoder
	Quality       int           // 1 to 100, MJPEG only; 0: the default of the encoders
	Encoder       string        // empty or "auto": the best that works
	// Asked says that rate and bitrate were asked of the parent's device itself, and
	// that its pictures are right as they come, unless an encoder is named.
	Asked bool

	Only420 bool          // H264 of 8 bits and 4:2:0, as all decoders take it
	BFrames BFrames       // what to do with B-frames; empty: they stay
	Audio   camgate.Codec // of the sound; empty: the parent's
}

// asIs tells whether any picture will do.
func (s Settings) asIs() bool {
	s.BFrames, s.Audio = "", ""
	return s == Settings{}
}

// fit tells whether the pictures of a track are what is wanted.
func (s Settings) fit(t *camgate.Track) bool {
	p := t.Params()
	switch {
	case t.Codec == camgate.Raw:
		return false
	case s.Codec != "" && s.Codec != t.Codec, s.Only420 && t.Beyond420():
		return false
	case s.Width != 0 && (s.Width != p.Width || s.Height != p.Height):
		return false
	case s.Encoder != "" && s.Encoder != "auto":
		return false
	case s.Asked:
		return true
	}
	return s.Bitrate == 0 && s.GOP == 0 && s.Quality == 0 &&
		(s.FPS == 0 || p.FPS > 0 && p.FPS <= s.FPS*1.05)
}

// encoded are the settings of an encoder.
func (s Settings) encoded() encode.Settings {
	out := encode.Settings{
		Codec: s.Codec, Width: s.Width, Height: s.Height, FPS: s.FPS, Bitrate: s.Bitrate,
		GOP: s.GOP, Encoder: s.Encoder, Quality: s.Quality,
	}
	if out.Codec == "" {
		out.Codec = camgate.H264
	}
	return out
}

// formatOf is what an encoder is told of the pictures of a track.
func formatOf(t *camgate.Track) encode.Format {
	p := t.Params()
	return encode.Format{
		Codec: t.Codec, Width: p.Width, Height: p.Height, FPS: p.FPS, Stride: p.Stride, Pixels: p.Pixels, Fields: p.Fields,
	}
}

// Encoders are those of the machine, see encode.Encoders.
type Encoders interface {
	// Choose returns those that make what is wanted, best first, or why there is none.
	Choose(ctx context.Context, f encode.Format, s encode.Settings) ([]Encoder, error)
	// Demote says that one of them failed.
	Demote(e Encoder, why error)
}

// Encoder is one of them.
type Encoder interface {
	Name() string
	Open(f encode.Format, s encode.Settings) (Session, error)
}

// Session is one run of an encoder.
type Session interface {
	Run(ctx context.Context, in func(context.Context) (encode.Picture, error), out func(encode.Picture) error) error
	// ForceKeyframe has the next picture made one; false: it cannot.
	ForceKeyframe() bool
	// SetBitrate changes the bitrate, in bit/s; false: it cannot.
	SetBitrate(bitrate int) bool
}

// Of makes Encoders of those of the machine.
func Of(e *encode.Encoders) Encoders { return machine{e} }

type machine struct{ all *encode.Encoders }

func (m machine) Choose(ctx context.Context, f encode.Format, s encode.Settings) ([]Encoder, error) {
	list, err := m.all.Choose(ctx, f, s)
	out := make([]Encoder, len(list))
	for i, e := range list {
		out[i] = real{e}
	}
	return out, err
}

func (m machine) Demote(e Encoder, why error) {
	if r, ok := e.(real); ok {
		m.all.Demote(r.Encoder, why)
	}
}

type real struct{ encode.Encoder }

func (r real) Open(f encode.Format, s encode.Settings) (Session, error) {
	session, err := r.Encoder.Open(f, s)
	if err != nil {
		return nil, err
	}
	return session, nil
}
