package rendition

import (
	"sync"
	"time"

	"github.com/camgate/camgate"
)

// fill is one session's hold of the stream that is filled. It keeps the stream's
// rules: a picture to begin with, time that goes on, and nothing after the end.
type fill struct {
	stream *camgate.Stream
	tracks []*camgate.Track
	main   int           // index of the first video track; -1: none
	lead   time.Duration // from the parent's clock to the stream's

	mu     sync.Mutex
	closed bool
	live   bool
	state  []filled
}

type filled struct {
	floor   int64 // PTS at which, or before which, nothing more is published
	begun   bool  // a picture to begin with was there
	missing bool  // to be told with the next Unit
}

// begin starts a session with the given new tracks, which come from the tracks of
// the parent.
func begin(stream, parent *camgate.Stream, tracks []*camgate.Track) (*fill, error) {
	f := &fill{stream: stream, lead: stream.Lead(parent), main: -1, state: make([]filled, len(tracks))}
	before := stream.Tracks()
	tracks, err := stream.Begin(tracks, f.close)
	if err != nil {
		return nil, err
	}
	f.tracks = tracks
	for i, t := range tracks {
		t.SetReorders(false)
		f.state[i] = filled{floor: floor(t, stream, before), begun: t.Kind != camgate.Video, missing: true}
		if f.main < 0 && t.Kind == camgate.Video {
			f.main = i
		}
	}
	f.setState(camgate.StateWaitingKeyframe)
	return f, nil
}

func (f *fill) setState(state camgate.State) {
	f.stream.ChangeStatus(func(st *camgate.Status) {
		st.State, st.Err, st.Retry = state, nil, time.Time{}
		if state == camgate.StateLive {
			st.Retries = 0
		}
	})
}

// floor is what a track has shown already: what the parent keeps for those who join
// may be older.
func floor(t *camgate.Track, stream *camgate.Stream, before []*camgate.Track) int64 {
	if len(before) == 0 {
		return -1 << 62
	}
	return t.Ticks(stream.Newest())
}

// close ends the session; nothing is published afterwards.
func (f *fill) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
}

// end is close for the session itself. Readers of the stream stay.
func (f *fill) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.closed = true
		f.stream.Stop()
	}
}

// sample is what there is to publish.
type sample struct {
	track int   // index in tracks
	pts   int64 // presentation time on the parent's clock, in ticks
	au    [][]byte
	key   bool // decoding can start here
	lost  int  // packets that are missing before it
	gap   bool // something else is
}

// publish brings a sample onto the stream. It reports false for one that has no place
// there: before the first picture to begin with, or before what was shown already.
func (f *fill) publish(sm sample) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false, camgate.ErrClosed
	}
	t, st := f.tracks[sm.track], &f.state[sm.track]
	t.NoteArrival()
	pts := sm.pts + t.Ticks(f.lead)
	if sm.lost > 0 || sm.gap {
		st.missing = true
	}
	switch {
	case pts <= st.floor, !st.begun && !sm.key:
		return false, nil
	case f.main >= 0 && sm.track != f.main && !f.live:
		return false, nil // the picture comes first
	}
	st.begun = true
	f.stream.Publish(&camgate.Unit{
		Track: t, PTS: pts, AU: sm.au, RandomAccess: sm.key, Lost: sm.lost, Discontinuity: st.missing,
	})
	st.missing = false
	if !f.live && sm.track == max(f.main, 0) {
		f.live = true
		f.setState(camgate.StateLive)
	}
	return true, nil
}

// waits tells whether a track has still to see a picture to begin with.
func (f *fill) waits(track int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.state[track].begun
}
