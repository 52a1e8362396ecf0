package rendition

import (
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
	"github.com/camgate/camgate/ingest/encode"
)

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
	e.source.atEdge()
	return err
}

// takesOver tells whether a new run can go on with a picture. If that is not the one,
// one that is gets asked for.
func (e *encoding) takesOver(r *run, p encode.Picture) bool {
	if e.relief != nil {
		e.last = e.newestShown()
		if r.first.IsZero() {
			r.first = time.Now()
		}
		if time.Since(r.first) > catchUp {
			e.relieve()
		}
	}
	if p.Time < e.last-squeeze {
		return false // of what the parent keeps for those who join
	}
	if !p.Key && time.Since(e.asked) >= squeeze {
		e.asked = time.Now()
		r.session.ForceKeyframe()
	}
	return p.Key
}

// catchUp is how long an encoder may take to come near to what passes until then. One
// that needs that long for its pictures will not come nearer.
const catchUp = 2 * time.Second

// newestShown is what was shown last, on the parent's clock.
func (e *encoding) newestShown() time.Duration {
	return e.stream.Newest() - e.stream.Lead(e.source.parent)
}

// relieve ends what fills the stream until we do.
func (e *encoding) relieve() {
	if e.relief != nil {
		e.relief()
		e.relief, e.last = nil, e.newestShown()
	}
}

// begin begins to fill the stream, with the picture and the parent's sound.
func (e *encoding) begin(r *run, p encode.Picture) error {
	e.relieve()
	e.voice = e.source.voice(e.stream, e.tracks)
	e.stream.Warn("adaptive", "") // it can follow
	codec := r.settings.encoded().Codec
	sets := ingest.ParamsOf(codec, &camgate.Params{}, p.AU)
	video, err := ingest.NewTrack(camgate.TrackOptions{Codec: codec, Params: sets})
	if err != nil {
		return err
	}
	video.Follow(e.main)
	tracks := []*camgate.Track{video}
	beside := sounds(e.tracks)
	for i, t := range copies(beside) {
		if e.voice.makes(beside[i]) {
			t = e.voice.track
		}
		tracks = append(tracks, t)
	}
	if e.fill, err = begin(e.stream, e.source.parent, tracks); err != nil {
		return err
	}
	e.out, e.sets = e.fill.tracks[0], e.fill.tracks[0].Params()
	e.stream.OnKeyframeRequest(e.keyframe)
	close(e.begun)
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
