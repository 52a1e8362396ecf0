package rendition

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
	"github.com/camgate/camgate/ingest/encode"
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
	ended  chan *run        // runs that have ended

	mu      sync.Mutex
	fill    *fill // nil before the first picture
	out     *camgate.Track
	sets    *camgate.Params
	current *run // whose pictures are shown; nil: none yet
	next    *run // that takes over with its first keyframe; nil: there is none
	last    time.Duration
	asked   time.Time // when next was asked for a keyframe
}

// run is one session of one encoder, or what is left of it.
type run struct {
	encoder  Encoder
	session  Session
	settings Settings
	params   *camgate.Params // of the pictures that go in
	reader   *camgate.Reader
	cancel   context.CancelCauseFunc
	began    time.Time
	err      error // once ended
}

// encode fills the stream until ctx ends, the parent goes on with other tracks, or no
// encoder works.
func (s *Source) encode(ctx context.Context, stream *camgate.Stream, tracks []*camgate.Track, main *camgate.Track) error {
	leave, err := s.enter()
	if err != nil {
		return err
	}
	defer leave()
	e := &encoding{source: s, stream: stream, tracks: tracks, main: main, ended: make(chan *run), last: -1 << 62}
	if stream.Tracks() != nil {
		e.last = stream.Newest() - stream.Lead(s.parent)
	}
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		all.Wait()
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
	better := time.NewTicker(tryBetter)
	defer better.Stop()
	for {
		settings, changed := s.Settings()
		if r := e.newest(); r != nil && r.settings != settings {
			if settings.fit(e.main) || settings.encoded().Codec != e.codec() {
				return errNewSettings
			}
			e.stream.Warn("settings", "")
			if !r.adjust(settings) {
				if err := e.start(ctx, all); err != nil {
					s.log.Warn("settings have no effect", "err", err)
					e.stream.Warn("settings", fmt.Sprintf("what was changed has no effect: %v", err))
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
		case <-better.C:
			e.improve(ctx, all)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// adjust changes a run to settings that differ in the bitrate only.
func (r *run) adjust(to Settings) bool {
	as := r.settings
	as.Bitrate = to.Bitrate
	if as != to || to.Bitrate == 0 || !r.session.SetBitrate(to.Bitrate) {
		return false
	}
	r.settings = to
	return true
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
	settings, _ := e.source.Settings()
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

// subscribe reads the parent's picture, up to the first one, which the caller releases.
func (e *encoding) subscribe(ctx context.Context) (*camgate.Reader, *camgate.Unit, error) {
	reader, err := e.source.parent.Subscribe(ctx, camgate.SubscribeOptions{
		Tracks: []*camgate.Track{e.main}, MaxLag: maxEncoderLag, Protocol: protocol, Internal: true, Logger: e.source.log,
	})
	if err != nil {
		return nil, nil, err
	}
	for {
		u, err := reader.Next()
		if err != nil {
			reader.Close()
			return nil, nil, err
		}
		if u.Hold() {
			return reader, u, nil
		}
	}
}

// run lets a run go on until it ends.
func (e *encoding) run(outer context.Context, all *sync.WaitGroup, r *run, first *camgate.Unit) {
	var ctx context.Context
	ctx, r.cancel = context.WithCancelCause(outer)
	e.mu.Lock()
	if e.next != nil {
		e.next.cancel(errReplaced)
	}
	e.next = r
	e.mu.Unlock()
	e.source.log.Debug("encoder begins", "encoder", r.encoder.Name())
	all.Go(func() {
		stop := context.AfterFunc(ctx, r.reader.Close)
		r.err = r.session.Run(ctx, r.pictures(first), func(p encode.Picture) error { return e.show(r, p) })
		stop()
		r.reader.Close()
		if cause := context.Cause(ctx); cause != nil {
			r.err = cause
		}
		r.cancel(nil)
		select {
		case e.ended <- r:
		case <-outer.Done(): // nobody asks any more
		}
	})
}

// pictures returns what a run reads.
func (r *run) pictures(u *camgate.Unit) func(context.Context) (encode.Picture, error) {
	return func(context.Context) (encode.Picture, error) {
		for {
			if u == nil {
				var err error
				if u, err = r.reader.Next(); err != nil {
					return encode.Picture{}, err
				}
				if !u.Hold() {
					u = nil
					continue
				}
			}
			now := u
			u = nil
			if params := now.Track.Params(); params != r.params && now.RandomAccess {
				if params.Width != r.params.Width || params.Height != r.params.Height || params.Pixels != r.params.Pixels || params.Stride != r.params.Stride {
					now.Release()
					return encode.Picture{}, errNewFormat
				}
				r.params = params
			}
			return encode.Picture{Time: now.Time(), AU: now.AU, Key: now.RandomAccess, Release: now.Release}, nil
		}
	}
}

// show takes what a run has made.
func (e *encoding) show(r *run, p encode.Picture) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if r != e.current && r != e.next {
		return errReplaced
	}
	if r == e.next {
		if !e.takesOver(r, p) {
			return nil
		}
		if e.current != nil {
			e.current.cancel(errReplaced)
		}
		e.current, e.next = r, nil
		e.source.tell(e.stream, r.encoder)
	}
	if e.fill == nil {
		if err := e.begin(r, p); err != nil {
			return err
		}
	}
	if sets := ingest.ParamsOf(e.out.Codec, e.sets, p.AU); sets != e.sets {
		e.sets = sets
		e.out.SetParams(sets)
	}
	// One tick more than what was shown last is as near as can be.
	if p.Time <= e.last {
		p.Time = e.last + time.Second/time.Duration(e.out.ClockRate) + 1
	}
	e.last = p.Time
	_, err := e.fill.publish(sample{track: 0, pts: e.out.Ticks(p.Time), au: p.AU, key: p.Key})
	return err
}

// takesOver tells whether a new run can go on with a picture. If that is not the one,
// one that is gets asked for.
func (e *encoding) takesOver(r *run, p encode.Picture) bool {
	if p.Time < e.last-squeeze {
		return false // of what the parent keeps for those who join
	}
	if !p.Key && time.Since(e.asked) >= squeeze {
		e.asked = time.Now()
		r.session.ForceKeyframe()
	}
	return p.Key
}

// begin begins to fill the stream, with the picture and the parent's sound.
func (e *encoding) begin(r *run, p encode.Picture) error {
	codec := r.settings.encoded().Codec
	sets := ingest.ParamsOf(codec, &camgate.Params{}, p.AU)
	video, err := ingest.NewTrack(camgate.TrackOptions{Codec: codec, Params: sets})
	if err != nil {
		return err
	}
	tracks := append([]*camgate.Track{video}, copies(sounds(e.tracks))...)
	if e.fill, err = begin(e.stream, e.source.parent, tracks); err != nil {
		return err
	}
	e.out, e.sets = e.fill.tracks[0], e.fill.tracks[0].Params()
	e.stream.OnKeyframeRequest(e.keyframe)
	return nil
}

// keyframe asks whoever encodes for a keyframe. Who cannot make one has them often.
func (e *encoding) keyframe() {
	e.mu.Lock()
	r := e.current
	e.mu.Unlock()
	if r != nil {
		r.session.ForceKeyframe()
	}
}
