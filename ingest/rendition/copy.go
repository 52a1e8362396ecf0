package rendition

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/camgate/camgate"
)

// pass passes on what the parent has, untouched but for sound that is wanted in another
// codec, and without pictures that are not in their order where that is wanted.
func (s *Source) pass(ctx context.Context, stream *camgate.Stream, tracks []*camgate.Track) error {
	reader, err := s.parent.Subscribe(ctx, camgate.SubscribeOptions{
		Tracks: tracks, Protocol: protocol, Internal: true, Logger: s.log,
	})
	if err != nil {
		return err
	}
	defer reader.Close()
	p := passage{source: s, reader: reader, in: make([]passed, len(tracks))}
	settings, _ := s.Settings()
	if i := slices.IndexFunc(tracks, func(t *camgate.Track) bool { return t.Kind == camgate.Video }); settings.BFrames != "" && i >= 0 {
		if err := p.lookAhead(tracks[i], settings.BFrames); err != nil {
			return err
		}
	}
	v := s.voice(stream, tracks)
	defer v.close()
	ours := copies(tracks)
	if v != nil {
		ours[v.from.ID] = v.track
	}
	f, err := begin(stream, s.parent, ours)
	if err != nil {
		return err
	}
	defer f.end()
	stream.OnKeyframeRequest(s.parent.RequestKeyframe)
	if v != nil {
		var sounds sync.WaitGroup
		ctx, cancel := context.WithCancel(ctx)
		defer sounds.Wait()
		defer cancel()
		sounds.Go(func() { v.run(ctx, f, v.from.ID) })
	}
	p.fill, p.voice = f, v
	return p.run()
}

// passage is a parent's way through without an encoder.
type passage struct {
	source *Source
	reader *camgate.Reader
	fill   *fill
	voice  *voice // nil: the sound is passed on as well
	in     []passed
	order  *inOrder        // nil: pictures may come in any order
	ahead  []*camgate.Unit // that were looked at before
	lost   bool            // something was missing before a picture that was left out
}

const (
	// maxAhead is how many Units are looked at ahead.
	maxAhead = 4096
	// patternAhead is after how many pictures nothing is waited for: longer than the run
	// of B-frames that cameras and encoders make.
	patternAhead = 8
)

// lookAhead finds out by what the parent keeps how to bring the pictures into their order.
// Where its newest GOP has only just begun, what comes next is waited for: until a run of
// B-frames is complete.
func (p *passage) lookAhead(main *camgate.Track, policy BFrames) error {
	if policy == BFramesEncode && main.Reorders() { // it will come to that, and whoever asks is told so
		return p.source.reencode(main, errReferenced)
	}
	p.order = &inOrder{policy: policy, codec: main.Codec}
	look := *p.order
	pictures, left, complete := 0, false, false
	for len(p.ahead) < maxAhead {
		u, ok := p.reader.Poll()
		if !ok {
			if complete || pictures >= patternAhead {
				break
			}
			var err error
			if u, err = p.reader.Next(); err != nil {
				return err
			}
		}
		p.ahead = append(p.ahead, u)
		if u.Track != main {
			continue
		}
		keep, err := look.keep(u)
		if err != nil {
			return p.source.reencode(main, err)
		}
		pictures++
		complete = complete || keep && left
		left = !keep
	}
	return nil
}

// reencode notes that a picture cannot be passed on, because of err: it has to be encoded.
func (s *Source) reencode(main *camgate.Track, err error) error {
	settings, _ := s.Settings()
	if settings.BFrames == BFramesDrop {
		return err
	}
	if s.encoders == nil {
		return fmt.Errorf("%w; nothing here encodes them", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.referenced = main
	return errNewSettings
}

// next returns the next Unit; it is told when there is none that waits.
func (p *passage) next() (*camgate.Unit, error) {
	if len(p.ahead) > 0 {
		u := p.ahead[0]
		p.ahead = p.ahead[1:]
		return u, nil
	}
	if u, ok := p.reader.Poll(); ok {
		return u, nil
	}
	p.source.atEdge()
	return p.reader.Next()
}

func (p *passage) run() error {
	f, main := p.fill, p.fill.main
	settings, _ := p.source.Settings()
	for {
		u, err := p.next()
		if err != nil {
			return err
		}
		i := u.Track.ID
		if i == main && u.RandomAccess && u.Track.Params() != p.in[i].params && !settings.fit(u.Track) {
			return errNewSettings
		}
		gap := p.in[i].gap(u)
		if p.voice.makes(u.Track) {
			p.voice.hear(u, gap)
			continue
		}
		p.in[i].follow(u.Track, f.tracks[i], i == main && p.order != nil)
		if i == main && p.order != nil {
			keep, err := p.order.keep(u)
			if err != nil {
				return p.source.reencode(u.Track, err)
			}
			if gap, p.lost = gap || p.lost, !keep && (p.lost || gap || u.Lost > 0); !keep {
				continue
			}
		}
		shown, err := f.publish(sample{track: i, pts: u.PTS, au: u.AU, key: u.RandomAccess, lost: u.Lost, gap: gap})
		if err != nil {
			return err
		}
		if !shown && u.Track.Kind == camgate.Video && f.waits(i) {
			p.source.parent.RequestKeyframe()
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
		out[i].Follow(t)
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

// follow keeps what is said of a track as it is said of the parent's; ordered says that
// the order of its pictures is another one.
func (p *passed) follow(of, t *camgate.Track, ordered bool) {
	if params := of.Params(); params != p.params {
		p.params = params
		t.SetParams(params)
	}
	if reorders := of.Reorders() && !ordered; reorders != t.Reorders() {
		t.SetReorders(reorders)
	}
}
