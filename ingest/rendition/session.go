package rendition

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/camgate/camgate"
)

// session fills the stream until ctx ends, the parent goes on with other tracks, or
// what is wanted is to be had in another way.
func (s *Source) session(ctx context.Context, stream *camgate.Stream) error {
	tracks, err := s.parent.Ready(ctx)
	if err != nil {
		return err
	}
	main, err := s.picture(ctx, tracks)
	if err != nil {
		return err
	}
	settings, changed := s.Settings()
	if main != nil && !s.fits(main) {
		return s.encode(ctx, stream, tracks, main, nil)
	}
	s.tell(stream, nil)
	stream.Warn("adaptive", s.rigid(main))
	passing, stop := context.WithCancel(ctx)
	var ended error
	done := make(chan struct{})
	go func() { // waited for by halt
		defer close(done)
		ended = s.pass(passing, stream, tracks)
	}()
	halt := func() { stop(); <-done }
	defer halt()
	for useless := settings; ; settings, changed = s.Settings() {
		if settings != useless && main != nil && !s.canPass(settings, main) {
			took, err := s.takeOver(ctx, stream, tracks, main, done, halt)
			if took {
				return err
			}
			select {
			case <-done:
				return ended
			default:
			}
			switch {
			case ctx.Err() != nil:
				<-done
				return ended
			case errors.Is(err, errNewSettings):
				continue
			}
			useless = settings // not again and again
			s.noEffect(stream, err)
		}
		select {
		case <-done:
			return ended
		case <-changed:
			s.tell(stream, nil) // what failed is not wanted any more
			stream.Warn("settings", "")
		}
	}
}

// noEffect tells that what was changed is not what is shown.
func (s *Source) noEffect(stream *camgate.Stream, err error) {
	s.log.Warn("settings have no effect", "err", err)
	stream.Warn("settings", fmt.Sprintf("what was changed has no effect: %v", err))
}

// takeOver goes on with an encoder where pictures passed until now. These pass until it
// has a keyframe, when halt ends that; if it never has one they go on. done is closed when
// they ended.
func (s *Source) takeOver(ctx context.Context, stream *camgate.Stream, tracks []*camgate.Track, main *camgate.Track, done <-chan struct{}, halt func()) (took bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var halted atomic.Bool
	watched := make(chan struct{})
	go func() { // waited for below
		defer close(watched)
		select {
		case <-done:
			if !halted.Load() {
				cancel() // what passed is other pictures now, or none
			}
		case <-ctx.Done():
		}
	}()
	defer func() {
		cancel()
		<-watched
	}()
	err = s.encode(ctx, stream, tracks, main, func() {
		halted.Store(true)
		halt()
	})
	return halted.Load(), err
}

// picture returns the parent's picture, once its size is known where that matters.
func (s *Source) picture(ctx context.Context, tracks []*camgate.Track) (*camgate.Track, error) {
	i := slices.IndexFunc(tracks, func(t *camgate.Track) bool { return t.Kind == camgate.Video })
	if i < 0 {
		return nil, nil
	}
	settings, _ := s.Settings()
	if settings.asIs() || tracks[i].Params().Width != 0 {
		return tracks[i], nil
	}
	// It is known with the first picture at the latest.
	reader, err := s.parent.Subscribe(ctx, camgate.SubscribeOptions{Tracks: tracks[i : i+1], Protocol: protocol, Internal: true})
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	if _, err := reader.Next(); err != nil {
		return nil, err
	}
	return tracks[i], nil
}

// fits tells whether the parent's picture can be passed on.
func (s *Source) fits(main *camgate.Track) bool {
	settings, _ := s.Settings()
	return s.canPass(settings, main)
}

func (s *Source) canPass(settings Settings, main *camgate.Track) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return settings.fit(main) && s.referenced != main
}

// Check tells what keeps the picture from being what it might be Set to; nil: nothing
// does, or nobody knows, as the parent was never there. What is not known of an encoder is
// tried, which takes a second or so.
func (s *Source) Check(ctx context.Context, want Settings) error {
	tracks := s.parent.Tracks()
	i := slices.IndexFunc(tracks, func(t *camgate.Track) bool { return t.Kind == camgate.Video })
	if i < 0 || tracks[i].Params().Width == 0 || s.canPass(want, tracks[i]) {
		return nil
	}
	if s.encoders == nil {
		return errNoEncoders
	}
	if s.full() {
		return s.tooMany()
	}
	_, err := s.encoders.Choose(ctx, formatOf(tracks[i]), want.encoded())
	return err
}
