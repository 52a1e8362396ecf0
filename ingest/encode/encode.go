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
	Codec         camgate.Codec // Raw, or a Decodable one
	Width, Height int
	FPS           float64 // as declared; 0: not known
	// Raw: see camgate.Params. Stride 0: lines follow each other without a gap.
	Stride int
	Pixels string
	Fields string // they are made whole
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
	// unproven are the encoders that were taken without proof.
	unproven map[string]bool
	trying   func(ctx context.Context, k *kind, path string, s Settings, limit time.Duration) proof // a trial
}

// New makes Encoders. Nothing is tried before somebody asks.
func New(opts Options) *Encoders {
	e := &Encoders{
		opts: opts.withDefaults(), proving: make(chan struct{}, 1),
		proofs: make(map[string]proof), demoted: make(map[string]demotion), unproven: make(map[string]bool),
	}
	e.trying = e.trial
	return e
}

// Encoder is one that can be used.
type Encoder struct {
	kind    *kind
	variant variant
	path    string // of ffmpeg
	env     []string
	forces  bool          // keyframes when asked
	begin   time.Duration // what it took in its trial until the first picture
	proof   string        // the key of what is known of it
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
