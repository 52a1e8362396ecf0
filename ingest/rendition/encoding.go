package rendition

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/camgate/camgate"
)

const (
	// squeeze is how much of what was shown already may be shown once more, within
	// moments, so that a new encoder can go on with the keyframe that it begins with.
	squeeze = 500 * time.Millisecond
	// maxEncoderLag is how far an encoder may be behind before it is taken to the newest
	// keyframe.
	maxEncoderLag = time.Second
	// tryBetter is after how long an encoder that failed is tried again.
	tryBetter = 10 * time.Minute
)

var (
	errNewFormat   = errors.New("the parent's pictures are other ones now")
	errNewSettings = errors.New("the settings changed")
	errReplaced    = errors.New("another session goes on")
)

// encoding makes a stream's picture by encoders: by one run of one of them at a time,
// but for the moment in which one takes over from another.
type encoding struct {
	source *Source
	stream *camgate.Stream
	tracks []*camgate.Track // of the parent
	main   *camgate.Track   // of those, what is encoded
	voice  *voice           // nil: the sound is passed on
	relief func()           // ends what fills the stream until the first picture is there; nil: nothing does
	ended  chan *run        // runs that have ended
	begun  chan struct{}    // closed when there is a first picture, and fill

	mu      sync.Mutex
	fill    *fill // nil before the first picture
	out     *camgate.Track
	sets    *camgate.Params
	current *run // whose pictures are shown; nil: none yet
	next    *run // that takes over with its first keyframe; nil: there is none
	last    time.Duration
	asked   time.Time // when next was asked for a keyframe

	// Of the goroutine that keeps a run going.
	follower *follower // nil: the bitrate stays what it is
	base     int       // the bitrate that was wanted when the follower began
}

// encode fills the stream until ctx ends, the parent goes on with other tracks, or no
// encoder works. relief ends what fills it meanwhile, if something does.
func (s *Source) encode(ctx context.Context, stream *camgate.Stream, tracks []*camgate.Track, main *camgate.Track, relief func()) error {
	if s.encoders == nil {
		return errNoEncoders
	}
	leave, err := s.enter()
	if err != nil {
		return err
	}
	defer leave()
	e := &encoding{source: s, stream: stream, tracks: tracks, main: main, relief: relief, ended: make(chan *run), begun: make(chan struct{}), last: -1 << 62}
	if stream.Tracks() != nil {
		e.last = e.newestShown()
	}
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		all.Wait()
		e.voice.close()
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.fill != nil {
			e.fill.end()
		}
		stream.SetEncoder("")
	}()
	all.Go(func() { e.sound(ctx) })
	return e.keep(ctx, &all)
}

// keep keeps one run going.
func (e *encoding) keep(ctx context.Context, all *sync.WaitGroup) error {
	s := e.source
	if err := e.start(ctx, all); err != nil {
		return err
	}
	better, look := time.NewTicker(tryBetter), time.NewTicker(time.Second)
	defer better.Stop()
	defer look.Stop()
	for {
		settings, changed := e.settings()
		if r := e.newest(); r != nil && r.settings != settings {
			if s.fits(e.main) || settings.encoded().Codec != e.codec() {
				return errNewSettings
			}
			e.stream.Warn("settings", "")
			if !r.adjust(settings) {
				if err := e.start(ctx, all); err != nil {
					s.noEffect(e.stream, err)
					r.settings = settings // not again and again
				}
			}
		}
		select {
		case r := <-e.ended:
			if err := e.follow(ctx, all, r); err != nil {
				return err
			}
		case <-changed:
		case now := <-look.C:
			e.adapt(now)
		case <-better.C:
			e.improve(ctx, all)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// newest is the run that is to show pictures, now or soon.
func (e *encoding) newest() *run {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.next != nil {
		return e.next
	}
	return e.current
}

func (e *encoding) codec() camgate.Codec {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.out != nil {
		return e.out.Codec
	}
	settings, _ := e.source.Settings()
	return settings.encoded().Codec
}

// start begins a run with the best encoder there is. What runs goes on until the new
// one has a keyframe.
func (e *encoding) start(ctx context.Context, all *sync.WaitGroup) error {
	settings, _ := e.settings()
	if e.main.Params().Width == 0 {
		reader, first, err := e.subscribe(ctx) // with the first picture it is known
		if err != nil {
			return err
		}
		first.Release()
		reader.Close()
	}
	format := formatOf(e.main)
	list, err := e.source.encoders.Choose(ctx, format, settings.encoded())
	if err != nil {
		return err
	}
	reader, first, err := e.subscribe(ctx)
	if err != nil {
		return err
	}
	for _, encoder := range list {
		session, openErr := encoder.Open(format, settings.encoded())
		if openErr != nil {
			err = openErr
			continue
		}
		e.run(ctx, all, &run{encoder: encoder, session: session, settings: settings, params: e.main.Params(), reader: reader, began: time.Now()}, first)
		return nil
	}
	first.Release()
	reader.Close()
	if err == nil {
		err = camgate.ErrEncoderUnavailable
	}
	return err
}
