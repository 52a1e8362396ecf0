package rendition

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

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
	if main != nil && !settings.fit(main) {
		if s.encoders == nil {
			return fmt.Errorf("%w: there are none", camgate.ErrEncoderUnavailable)
		}
		return s.encode(ctx, stream, tracks, main)
	}
	s.tell(stream, nil)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel(nil)
	all.Go(func() {
		for ; ; settings, changed = s.Settings() {
			if main != nil && !settings.fit(main) {
				cancel(errNewSettings)
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	})
	err = s.pass(ctx, stream, tracks)
	if cause := context.Cause(ctx); errors.Is(cause, errNewSettings) {
		return cause
	}
	return err
}

// picture returns the parent's picture, once its size is known where that matters.
func (s *Source) picture(ctx context.Context, tracks []*camgate.Track) (*camgate.Track, error) {
	i := slices.IndexFunc(tracks, func(t *camgate.Track) bool { return t.Kind == camgate.Video })
	if i < 0 {
		return nil, nil
	}
	settings, _ := s.Settings()
	if settings == (Settings{}) || tracks[i].Params().Width != 0 {
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

// pass passes on what the parent has, untouched.
func (s *Source) pass(ctx context.Context, stream *camgate.Stream, tracks []*camgate.Track) error {
	reader, err := s.parent.Subscribe(ctx, camgate.SubscribeOptions{
		Tracks: tracks, Protocol: protocol, Internal: true, Logger: s.log,
	})
	if err != nil {
		return err
	}
	defer reader.Close()
	f, err := begin(stream, s.parent, copies(tracks))
	if err != nil {
		return err
	}
	defer f.end()
	stream.OnKeyframeRequest(s.parent.RequestKeyframe)
	main := f.main
	settings, _ := s.Settings()
	in := make([]passed, len(tracks))
	for {
		u, err := reader.Next()
		if err != nil {
			return err
		}
		i := u.Track.ID
		if i == main && u.RandomAccess && u.Track.Params() != in[i].params && !settings.fit(u.Track) {
			return errNewSettings
		}
		sm := sample{track: i, pts: u.PTS, au: u.AU, key: u.RandomAccess, lost: u.Lost, gap: in[i].gap(u)}
		in[i].follow(u.Track, f.tracks[i])
		shown, err := f.publish(sm)
		if err != nil {
			return err
		}
		if !shown && u.Track.Kind == camgate.Video && f.waits(i) {
			s.parent.RequestKeyframe()
		}
	}
}

// protocol is how the reader of a rendition is listed.
const protocol = "rendition"

// copies makes new tracks that are like those.
func copies(tracks []*camgate.Track) []*camgate.Track {
	out := make([]*camgate.Track, len(tracks))
	for i, t := range tracks {
		opts := t.TrackOptions
		opts.Params = t.Params()
		out[i] = camgate.NewTrack(opts)
	}
	return out
}

// passed is what is remembered of a track that is passed on.
type passed struct {
	begun  bool
	seq    uint16 // of the packet that follows
	params *camgate.Params
}

// gap tells whether something is missing before a Unit that is not a loss of packets:
// the source says so, or we were too slow.
func (p *passed) gap(u *camgate.Unit) bool {
	skipped := p.begun && u.FirstSeq() != p.seq+uint16(u.Lost)
	p.begun, p.seq = true, u.FirstSeq()+uint16(u.PacketCount())
	return u.Discontinuity && u.Lost == 0 || skipped
}

// follow keeps what is said of a track as it is said of the parent's.
func (p *passed) follow(of, t *camgate.Track) {
	if params := of.Params(); params != p.params {
		p.params = params
		t.SetParams(params)
	}
	if reorders := of.Reorders(); reorders != t.Reorders() {
		t.SetReorders(reorders)
	}
}
