// Package mjpeg serves a stream's pictures as JPEG: one after the other
// (multipart/x-mixed-replace) and one at a time (snapshot).
//
// A track of JPEGs is served as it is. Other pictures are decoded by one ffmpeg for
// each stream, and each size, rate and quality of a short list that viewers ask for,
// whatever the number of viewers: its pictures are a rendition, a stream of its own
// that viewers read as they read any other. It runs while
// somebody looks, and a little longer. A snapshot is taken from the rendition when
// there is one, else it is the newest keyframe, decoded once for all who ask.
//
// Who is slow gets fewer pictures, never old ones, and then smaller ones.
package mjpeg

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress"
)

// Options shape a Server. The zero value works.
type Options struct {
	FFmpeg       string        // the program or its path; default "ffmpeg", found by PATH
	Quality      int           // 1 to 100, as JPEG programs count; default 85
	MaxFPS       float64       // pictures per second made of others than JPEGs; default 30, negative: all
	Idle         time.Duration // how long a decoder stays after its last viewer; default 10 s
	MaxDecoders  int           // decoders of viewed streams at a time; default 16
	MaxSnapshots int           // decoders of snapshots at a time; default 2
	// MaxRenditions bounds in how many other sizes, rates and qualities the pictures of
	// one stream are made at a time; default 6.
	MaxRenditions int
	Steady        bool // slow viewers get no smaller pictures unless they ask for that

	SnapshotAge     time.Duration // how long a snapshot serves for newer keyframes too; default 1 s
	SnapshotTimeout time.Duration // for decoding one; default 5 s
	StartTimeout    time.Duration // for the first picture, of a decoder half of it; default 10 s
	StallTimeout    time.Duration // without a picture from a decoder that gets some, and has given one; default 5 s
	ReaderTimeout   time.Duration // for a viewer to take a picture; default 10 s

	Logger *slog.Logger // nil: none
}

func (o Options) withDefaults() Options {
	set(&o.FFmpeg, "ffmpeg")
	set(&o.Quality, 85)
	set(&o.MaxFPS, 30)
	set(&o.Idle, 10*time.Second)
	set(&o.MaxDecoders, 16)
	set(&o.MaxSnapshots, 2)
	set(&o.MaxRenditions, 6)
	set(&o.SnapshotAge, time.Second)
	set(&o.SnapshotTimeout, 5*time.Second)
	set(&o.StartTimeout, 10*time.Second)
	set(&o.StallTimeout, 5*time.Second)
	set(&o.ReaderTimeout, 10*time.Second)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func set[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// Server serves streams as JPEG.
type Server struct {
	opts      Options
	log       *slog.Logger
	workers   *egress.Workers[wanted, *transcoder]
	decoders  chan struct{} // a slot for each decoder of a viewed stream
	snapshots *snapshots
	newOption atomic.Bool // see passthrough
	counters  counters

	ctx    context.Context // of all requests; Run ends it
	cancel context.CancelFunc

	mu       sync.Mutex
	closed   bool
	requests sync.WaitGroup
	running  map[wanted]*transcoder
}

// counters are for metrics.
type counters struct {
	decoders, failures, pictures, snapshots atomic.Uint64
}

// New makes a Server.
func New(opts Options) *Server {
	opts = opts.withDefaults()
	s := &Server{
		opts: opts, log: opts.Logger,
		decoders: make(chan struct{}, opts.MaxDecoders),
		running:  map[wanted]*transcoder{},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.workers = egress.NewWorkers(opts.Idle, s.newTranscoder, s.log)
	s.snapshots = newSnapshots(s)
	return s
}

// Run blocks until ctx ends. Then it ends all requests and decoders and waits for
// them; requests that come later get ErrClosed.
func (s *Server) Run(ctx context.Context) error {
	defer s.requests.Wait()
	defer s.stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { s.snapshots.run(ctx) })
	return s.workers.Run(ctx)
}

func (s *Server) stop() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
}

// enter begins a request: its context ends with the request's and with the
// server's. The caller calls leave at its end.
func (s *Server) enter(parent context.Context) (ctx context.Context, leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, camgate.ErrClosed
	}
	s.requests.Add(1)
	ctx, cancel := context.WithCancel(parent)
	unhook := context.AfterFunc(s.ctx, cancel)
	return ctx, func() {
		unhook()
		cancel()
		s.requests.Done()
	}, nil
}

// Stats are figures for metrics.
type Stats struct {
	Decoding  int    // streams that are decoded now
	Decoders  uint64 // decoders of viewed streams that were started
	Failures  uint64 // of those, how many ended otherwise than by us
	Pictures  uint64 // JPEGs made of viewed streams
	Snapshots uint64 // keyframes that were decoded for snapshots
}

// Stats returns the server's figures.
func (s *Server) Stats() Stats {
	return Stats{
		Decoding:  len(s.decoders),
		Decoders:  s.counters.decoders.Load(),
		Failures:  s.counters.failures.Load(),
		Pictures:  s.counters.pictures.Load(),
		Snapshots: s.counters.snapshots.Load(),
	}
}

// transcoderOf returns the transcoder of a rendition if it runs.
func (s *Server) transcoderOf(w wanted) *transcoder {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running[w]
}

// admit lists a transcoder as running, if there may be one more for its stream.
func (s *Server) admit(t *transcoder) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.shape != (shape{}) {
		n := 0
		for w := range s.running {
			if w.stream == t.stream && w.shape != (shape{}) {
				n++
			}
		}
		if n >= s.opts.MaxRenditions {
			return fmt.Errorf("%w: the pictures of this stream are made in %d other sizes, rates and qualities, and mjpeg.max_renditions permits no more",
				camgate.ErrEncoderUnavailable, n)
		}
	}
	s.running[t.wanted] = t
	return nil
}

func (s *Server) dismiss(t *transcoder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, t.wanted)
}
