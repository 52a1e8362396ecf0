package rendition

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// Rules are what may be made of a stream.
type Rules struct {
	KeepVideo, KeepAudio bool    // nothing else is made of it
	BFrames              BFrames // empty: auto
	RefuseBFrames        bool
	Slate                bool // while the source is away, its last picture is shown again and again
	StallTimeout         time.Duration
}

// VariantOptions shape Variants.
type VariantOptions struct {
	Rules      func(stream string) Rules // nil: all is permitted
	Encoders   Encoders                  // nil: none
	Slots      chan struct{}             // see Options
	Sounds     Sounds                    // nil: sound stays as it is
	SoundSlots chan struct{}             // see Options
	Linger     time.Duration             // how long a variant goes on that nobody uses; default 5 s
	Logger     *slog.Logger
}

// Variants makes variants of streams by renditions. It implements camgate.Variants.
type Variants struct {
	opts   VariantOptions
	ctx    context.Context //nolint:containedctx // of all variants; Run ends it
	cancel context.CancelFunc
	all    sync.WaitGroup

	mu     sync.Mutex
	closed bool
	by     map[variantKey]*variant
}

type variantKey struct {
	of   *camgate.Stream
	what camgate.Variant
}

// variant is one that is made.
type variant struct {
	stream *camgate.Stream
	source *Source
	cancel context.CancelFunc

	// Guarded by Variants.mu.
	users  int
	unused time.Time   // since when there are none
	timer  *time.Timer // ends it
}

// NewVariants makes Variants; Run has to be running while they are used.
func NewVariants(opts VariantOptions) *Variants {
	if opts.Linger == 0 {
		opts.Linger = 5 * time.Second
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Rules == nil {
		opts.Rules = func(string) Rules { return Rules{} }
	}
	v := &Variants{opts: opts, by: map[variantKey]*variant{}}
	v.ctx, v.cancel = context.WithCancel(context.Background())
	return v
}

// Run blocks until ctx ends; then it ends all variants and waits for them.
func (v *Variants) Run(ctx context.Context) error {
	<-ctx.Done()
	v.mu.Lock()
	v.closed = true
	v.mu.Unlock()
	v.cancel()
	v.all.Wait()
	return nil
}

// Use returns a variant of a stream, see camgate.Variants.
func (v *Variants) Use(ctx context.Context, of *camgate.Stream, what camgate.Variant) (*camgate.Stream, func(), error) {
	rules := v.opts.Rules(of.Name())
	what, err := rules.permit(what)
	if err != nil {
		return nil, nil, err
	}
	one, err := v.enter(of, what, rules) //nolint:contextcheck // it outlives this use
	if err != nil {
		return nil, nil, err
	}
	wanted := of.Hold() // also while the variant waits for its next attempt
	release := sync.OnceFunc(func() {
		v.leave(one)
		wanted()
	})
	if err := one.ready(ctx); err != nil {
		release()
		return nil, nil, err
	}
	return one.stream, release, nil
}

// permit takes from a variant what is not to be made. It fails when nothing is left, and
// for pictures that are of no use as they are.
func (r Rules) permit(what camgate.Variant) (camgate.Variant, error) {
	switch {
	case what.Video != "" && r.KeepVideo:
		return what, fmt.Errorf("%w: the picture is not to be encoded (transcode.video is never)", camgate.ErrUnsupportedCodec)
	case what.NoReorder && r.RefuseBFrames:
		return what, fmt.Errorf("%w: B-frames are to be switched off at the camera (b_frames is refuse)", camgate.ErrUnsupportedCodec)
	}
	if r.KeepAudio {
		what.Audio = ""
	}
	if what.Video != "" {
		what.NoReorder = false // what is encoded has none
	}
	if what == (camgate.Variant{}) {
		return what, fmt.Errorf("%w: the sound stays as it is (transcode.audio is never)", camgate.ErrUnsupportedCodec)
	}
	return what, nil
}

// settings are what is wanted of a variant's rendition.
func (r Rules) settings(what camgate.Variant) Settings {
	s := Settings{Codec: what.Video, Only420: what.Video == camgate.H264, Audio: what.Audio}
	if what.NoReorder {
		s.BFrames = r.BFrames
		switch {
		case r.KeepVideo: // which encoding is, too
			s.BFrames = BFramesDrop
		case s.BFrames == "":
			s.BFrames = BFramesAuto
		}
	}
	return s
}

// enter finds or begins a variant, for one more user.
func (v *Variants) enter(of *camgate.Stream, what camgate.Variant, rules Rules) (*variant, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return nil, camgate.ErrClosed
	}
	key := variantKey{of, what}
	one := v.by[key]
	if one == nil {
		one = v.begin(key, rules)
		v.by[key] = one
	}
	one.users++
	return one, nil
}

// begin begins a variant; mu is held.
func (v *Variants) begin(key variantKey, rules Rules) *variant {
	of := key.of
	stream, unlist := of.NewVariant(key.what)
	log := v.opts.Logger.With("variant", key.what.String())
	source := New(Options{
		Parent: of, Name: key.what.String() + " of " + of.Name(), Logger: log.With("stream", of.Name()),
		Want: rules.settings(key.what), Encoders: v.opts.Encoders, Slots: v.opts.Slots,
		Sounds: v.opts.Sounds, SoundSlots: v.opts.SoundSlots,
	})
	supervisor := ingest.NewSupervisor(stream, []camgate.Source{source}, ingest.Options{
		StallTimeout: rules.StallTimeout + 12*time.Second, // the parent's own supervisor is the first to say what is wrong
		Slate:        rules.Slate,
		Dials:        ingest.NewDials(1),
		Logger:       log,
	})
	ctx, cancel := context.WithCancel(v.ctx)
	one := &variant{stream: stream, source: source, cancel: cancel}
	v.all.Go(func() {
		defer cancel()
		_ = supervisor.Run(ctx) // the claim of a new stream cannot fail, and ctx ends it
		stream.Close()
		unlist()
	})
	return one
}

// leave notes that one user is gone.
func (v *Variants) leave(one *variant) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if one.users--; one.users > 0 {
		return
	}
	one.unused = time.Now()
	if one.timer != nil {
		one.timer.Reset(v.opts.Linger)
		return
	}
	one.timer = time.AfterFunc(v.opts.Linger, func() { v.expire(one) })
}

// expire ends a variant that was not used since its timer was set.
func (v *Variants) expire(one *variant) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if one.users > 0 || time.Since(one.unused) < v.opts.Linger {
		return
	}
	for key, other := range v.by {
		if other == one {
			delete(v.by, key)
		}
	}
	one.cancel()
}

// ready waits until a variant has something to show.
func (one *variant) ready(ctx context.Context) error {
	s := one.stream
	for {
		changed := s.Changed()
		select {
		case <-one.source.Edge():
			return nil
		default:
		}
		switch st := s.Status(); st.State {
		case camgate.StateRetrying, camgate.StateFailed:
			if st.Err != nil {
				return translate(s.Name(), st.Err)
			}
		case camgate.StateIdle, camgate.StateConnecting, camgate.StateWaitingKeyframe, camgate.StateLive, camgate.StateStalled:
		}
		select {
		case <-changed:
		case <-one.source.Edge():
		case <-ctx.Done():
			return &camgate.StreamError{Op: "read", Stream: s.Name(), Err: camgate.ErrNotReady}
		}
	}
}

// translate makes of what the variant suffers what its user is to hear: that nothing
// here makes it, or that the stream is not there for now.
func translate(name string, err error) error {
	for _, of := range []error{camgate.ErrUnsupportedCodec, camgate.ErrEncoderUnavailable, camgate.ErrNotInstalled, camgate.ErrTooManyStreams} {
		if errors.Is(err, of) {
			return err
		}
	}
	// Not wrapped: what the source suffers is not the viewer's error.
	return &camgate.StreamError{Op: "read", Stream: name, Err: fmt.Errorf("%w: %v", camgate.ErrNotReady, err)}
}
