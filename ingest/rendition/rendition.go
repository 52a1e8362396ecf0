// Package rendition makes a stream of another one: the same camera smaller, in
// another codec, or just as it is.
//
// A Source reads its parent as any reader does, and passes on untouched what is
// what is wanted: the same bytes, at the same time of the same clock. The rest is
// encoded, once for all viewers. What a rendition needs of a supervisor (demand,
// backoff, watchdog) it gets from the one of every other source.
package rendition

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/camgate/camgate"
)

// Options shape a Source. Only Parent is needed.
type Options struct {
	Parent *camgate.Stream
	Name   string // for people, as "sub of front-door"; default: what fills the parent
	Logger *slog.Logger

	Want     Settings // to begin with; see Source.Set
	Adaptive Adaptive // bounds of the bitrate, where it is to follow the viewers' networks
	Encoders Encoders // nil: none, only what is wanted already is passed on
	// Slots has room for as many as may encode at a time; nil: any number.
	Slots chan struct{}

	Sounds     Sounds        // nil: sound is passed on
	SoundSlots chan struct{} // has room for as many sounds as may be made at a time; nil: any number
}

// Source fills a stream from its parent. It implements camgate.Source and
// camgate.Knocker.
type Source struct {
	parent   *camgate.Stream
	name     string
	log      *slog.Logger
	encoders Encoders
	slots    chan struct{}
	entered  atomic.Bool // one of them is taken
	adaptive Adaptive

	sounds     Sounds
	soundSlots chan struct{}
	edge       chan struct{} // closed when what the parent kept is through, or a picture is encoded
	reached    sync.Once

	mu         sync.Mutex
	want       Settings
	changed    chan struct{} // closed and replaced when want changes
	using      string        // encoder
	failed     string        // what is to be said of the one that is not used
	failedName string
	told       string         // error that the log has
	referenced *camgate.Track // of the parent; its B-frames are needed, so that it has to be encoded
}

// New makes a source.
func New(opts Options) *Source {
	s := &Source{
		parent: opts.Parent, name: opts.Name, log: opts.Logger,
		encoders: opts.Encoders, slots: opts.Slots, adaptive: opts.Adaptive, want: opts.Want, changed: make(chan struct{}),
		sounds: opts.Sounds, soundSlots: opts.SoundSlots, edge: make(chan struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s
}

// String says what the stream is made of.
func (s *Source) String() string {
	if s.name != "" {
		return s.name
	}
	return s.parent.Status().Source
}

// complain tells the log why nothing can be encoded for a stream that is itself made of
// its source: of the others their supervisor does.
func (s *Source) complain(err error) {
	if s.name != "" || !errors.Is(err, camgate.ErrEncoderUnavailable) && !errors.Is(err, camgate.ErrNotInstalled) {
		return
	}
	s.mu.Lock()
	known := s.told == err.Error()
	s.told = err.Error()
	s.mu.Unlock()
	if !known {
		s.log.Warn("the picture cannot be encoded", "err", err)
	}
}

// Settings returns what is wanted, and a channel that is closed when that changes.
func (s *Source) Settings() (Settings, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.want, s.changed
}

// Set changes what is wanted. Readers of the stream stay, unless the codec changes.
func (s *Source) Set(want Settings) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.want == want {
		return
	}
	s.want = want
	close(s.changed)
	s.changed = make(chan struct{})
}

// Edge returns a channel that is closed when the stream has what its parent has kept for
// those who join, or the first picture that was encoded.
func (s *Source) Edge() <-chan struct{} { return s.edge }

func (s *Source) atEdge() { s.reached.Do(func() { close(s.edge) }) }

// enter takes one of the places of those who encode at a time.
func (s *Source) enter() (leave func(), err error) {
	if s.slots == nil {
		return func() {}, nil
	}
	select {
	case s.slots <- struct{}{}:
	default:
		return nil, s.tooMany()
	}
	s.entered.Store(true)
	return func() {
		s.entered.Store(false)
		<-s.slots
	}, nil
}

// full tells whether there is no place to encode that could be entered now.
func (s *Source) full() bool {
	return s.slots != nil && len(s.slots) == cap(s.slots) && !s.entered.Load()
}

func (s *Source) tooMany() error {
	return fmt.Errorf("%w: as many encode as may, which is %d (limits.encoders)", camgate.ErrEncoderUnavailable, cap(s.slots))
}

var errNoEncoders = fmt.Errorf("%w: there are none", camgate.ErrEncoderUnavailable)

// Knock returns nil as soon as the parent is live. While it is asked, the parent is
// wanted.
func (s *Source) Knock(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, knockPatience)
	defer cancel()
	defer s.parent.Hold()()
	return awaitLive(ctx, s.parent)
}

// Run makes one attempt. It ends with the parent's own trouble when that has some.
func (s *Source) Run(ctx context.Context, stream *camgate.Stream) error {
	defer s.parent.Hold()()
	if err := awaitLive(ctx, s.parent); err != nil {
		return s.ending(ctx, err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watched := make(chan struct{})
	go func() { // waited for below
		defer close(watched)
		cancel(awaitTrouble(ctx, s.parent))
	}()
	defer func() {
		cancel(nil)
		<-watched
	}()
	for {
		err := s.session(ctx, stream)
		if !errors.Is(err, camgate.ErrTracksChanged) && !errors.Is(err, errNewSettings) || ctx.Err() != nil {
			s.complain(err)
			return s.ending(ctx, err)
		}
	}
}

// ending is what an attempt ended with: what ended it is of more interest than what
// followed from that.
func (s *Source) ending(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	if err == nil {
		return fmt.Errorf("%w: %s ended", camgate.ErrNotReady, s.parent.Name())
	}
	return err
}
