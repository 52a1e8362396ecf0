package rendition

import (
	"context"
	"slices"
	"sync"

	"github.com/camgate/camgate"
)

// sounds are the tracks that go along with an encoded picture: all but pictures.
func sounds(tracks []*camgate.Track) []*camgate.Track {
	var out []*camgate.Track
	for _, t := range tracks {
		if t.Kind != camgate.Video {
			out = append(out, t)
		}
	}
	return out
}

// sound passes on what goes along with the picture, from the first one on: that has its
// sound beside it however long the encoder took for it.
func (e *encoding) sound(ctx context.Context) {
	tracks := sounds(e.tracks)
	if len(tracks) == 0 {
		return
	}
	// It has no Logger: that it waits for the encoder, and may so miss the beginning, is
	// nothing to warn of.
	reader, err := e.source.parent.Subscribe(ctx, camgate.SubscribeOptions{
		Tracks:   append(slices.Clip(tracks), e.main), // to begin where the picture does
		Protocol: protocol, Internal: true,
	})
	if err != nil {
		return
	}
	defer reader.Close()
	select {
	case <-e.begun:
	case <-ctx.Done():
		return
	}
	e.mu.Lock()
	f := e.fill
	e.mu.Unlock()
	index := map[*camgate.Track]int{}
	for i, t := range tracks {
		index[t] = 1 + i // the picture is the first
	}
	in := make([]passed, len(tracks)+1)
	var made sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer made.Wait()
	defer cancel()
	voiced := false
	for {
		u, err := reader.Next()
		if err != nil {
			return // whoever reads the picture says why
		}
		i, ok := index[u.Track]
		if !ok {
			continue
		}
		gap := in[i].gap(u)
		if e.voice.makes(u.Track) {
			if !voiced {
				voiced = true
				made.Go(func() { e.voice.run(ctx, f, i) })
			}
			e.voice.hear(u, gap)
			continue
		}
		in[i].follow(u.Track, f.tracks[i], false)
		if _, err := f.publish(sample{track: i, pts: u.PTS, au: u.AU, key: u.RandomAccess, lost: u.Lost, gap: gap}); err != nil {
			return
		}
	}
}
