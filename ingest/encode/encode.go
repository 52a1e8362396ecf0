// Package encode turns pictures into H264, H265 or JPEG by the best encoder that
// the machine has: by the hardware where that works, else by the processor.
//
// It knows nothing of streams. Pictures go in with their times, and access units
// with the same times come out. Which encoder is best is not looked up but tried:
// see Encoders.Prove.
package encode

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/camgate/camgate"
)

// Settings are what is wanted. The zero values of all but Codec are fine.
type Settings struct {
	Codec         camgate.Codec // H264, H265 or MJPEG
	Width, Height int           // pixels, even; 0: as the pictures are
	FPS           float64       // at most so many pictures per second; 0: all
	Bitrate       int           // bit/s; 0: by size and rate. Not for MJPEG
	GOP           time.Duration // from keyframe to keyframe; 0: 4 s, or 1 s if none can be asked for
	Encoder       string        // "" or "auto": the best one; else the one of this name
	Quality       int           // 1 to 100, MJPEG only; 0: 75
}

// Format is what the pictures are that go in.
type Format struct {
	Codec         camgate.Codec // Raw, H264, H265 or MJPEG
	Width, Height int
	FPS           float64 // as declared; 0: not known
	// Raw: see camgate.Params. Stride 0: lines follow each other without a gap.
	Stride int
	Pixels string
}

// Picture is one picture that goes in, or one access unit that comes out.
type Picture struct {
	Time time.Duration // on any clock that goes on; what goes in comes out exactly
	AU   [][]byte      // as in camgate.Unit
	Key  bool          // decoding can start here; Raw: of no meaning
	// Release, if not nil, is called once when the bytes of a picture that went in are
	// no longer needed.
	Release func()
}

// Options shape Encoders. The zero value works.
type Options struct {
	FFmpeg string // name in PATH, or file; default "ffmpeg"
	// StateDir is where it is kept which encoders have proved themselves. Empty: in
	// memory only.
	StateDir string
	Trials   int      // of hardware at a time; default 2
	Env      []string // that encoders see besides what names their drivers
	Logger   *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.FFmpeg == "" {
		o.FFmpeg = "ffmpeg"
	}
	if o.Trials <= 0 {
		o.Trials = 2
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Encoders knows the encoders of the machine. Its methods may be called by many
// goroutines.
type Encoders struct {
	opts    Options
	proving chan struct{} // held by the one who tries encoders

	mu      sync.Mutex
	stamp   string           // of the machine when it was looked at, see stampOf
	listed  map[string]bool  // the encoders in ffmpeg
	proofs  map[string]proof // by what was proved, see key
	demoted map[string]demotion
	unsaved bool // the last attempt to keep proofs failed
}

// New makes Encoders. Nothing is tried before somebody asks.
func New(opts Options) *Encoders {
	return &Encoders{
		opts: opts.withDefaults(), proving: make(chan struct{}, 1),
		proofs: make(map[string]proof), demoted: make(map[string]demotion),
	}
}

// Encoder is one that can be used.
type Encoder struct {
	kind    *kind
	variant variant
	path    string // of ffmpeg
	env     []string
	forces  bool // keyframes when asked
}

// Name returns how it is called in the configuration: h264_vaapi, libx264 ...
func (e Encoder) Name() string { return e.kind.name }

// String is Name.
func (e Encoder) String() string { return e.kind.name }

// Hardware reports whether it is more than a program.
func (e Encoder) Hardware() bool { return e.kind.hardware }

// ForcesKeyframes reports whether its sessions make a keyframe when they are asked to.
func (e Encoder) ForcesKeyframes() bool { return e.forces }

// Open prepares a session. Nothing runs before its Run.
func (e Encoder) Open(f Format, s Settings) (*Session, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	s, err := s.complete(f)
	if err != nil {
		return nil, err
	}
	if s.Codec != e.kind.codec {
		return nil, fmt.Errorf("%w: %s makes %s, not %s", camgate.ErrUnsupportedCodec, e, e.kind.codec, s.Codec)
	}
	if s.GOP <= 0 {
		s.GOP = time.Second
		if e.forces {
			s.GOP = 4 * time.Second
		}
	}
	return newSession(e, f, s), nil
}

// Run is one session without control of it: see Session.Run.
func (e Encoder) Run(ctx context.Context, f Format, s Settings, in func(context.Context) (Picture, error), out func(Picture) error) error {
	session, err := e.Open(f, s)
	if err != nil {
		return err
	}
	return session.Run(ctx, in, out)
}

// defaultFPS is taken where nobody has said how many there are.
const defaultFPS = 30

// maxSide bounds pictures, in pixels.
const maxSide = 16384

func (f Format) check() error {
	switch f.Codec {
	case camgate.H264, camgate.H265, camgate.MJPEG:
		return nil
	case camgate.Raw:
		_, err := f.layout()
		return err
	}
	return fmt.Errorf("%w: pictures in %s cannot be decoded here", camgate.ErrUnsupportedCodec, f.Codec)
}

// complete fills in what is left open.
func (s Settings) complete(f Format) (Settings, error) {
	if s.Codec == "" {
		s.Codec = camgate.H264
	}
	if s.Width == 0 || s.Height == 0 {
		s.Width, s.Height = f.Width, f.Height
	}
	if s.Codec != camgate.MJPEG { // 4:2:0
		s.Width, s.Height = s.Width&^1, s.Height&^1
	}
	if s.Width < 16 || s.Height < 16 || s.Width > maxSide || s.Height > maxSide {
		return s, fmt.Errorf("%w: pictures of %dx%d", camgate.ErrBadRequest, s.Width, s.Height)
	}
	if s.Quality <= 0 || s.Quality > 100 {
		s.Quality = 75
	}
	if s.Bitrate <= 0 {
		s.Bitrate = bitrate(s.Width, s.Height, s.rate(f))
	}
	return s, nil
}

// rate is how many pictures per second are expected to come out.
func (s Settings) rate(f Format) float64 {
	in := f.FPS
	if in <= 0 || math.IsInf(in, 0) || math.IsNaN(in) {
		in = defaultFPS
	}
	if s.FPS > 0 {
		in = min(in, s.FPS)
	}
	return min(max(in, 0.1), 1000)
}

// thins reports whether fewer pictures are wanted than come. A camera of just the
// wanted rate keeps all of its pictures, although they come a little early at times.
func (s Settings) thins(f Format) bool {
	return s.FPS > 0 && (f.FPS <= 0 || f.FPS > s.FPS*1.05)
}

// bitrate is what people find good enough: 2 Mbit/s for 1280x720 at 30 per second,
// more for larger pictures, though not in proportion.
func bitrate(width, height int, fps float64) int {
	return int(2e6 * math.Pow(float64(width*height)/(1280*720), 0.75) * math.Pow(fps/30, 0.6))
}
