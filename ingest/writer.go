package ingest

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/camgate/camgate"
)

// Sample is an access unit as a source delivers it.
type Sample struct {
	Track int // index in the tracks that the Writer was made with
	// PTS is the presentation time in ticks of the track's clock rate, on a clock
	// of the source that all its tracks share.
	PTS int64
	// AU as in camgate.Unit. It belongs to the Writer from now on.
	AU   [][]byte
	Lost int // RTP packets missing right before it
	// Taken is when the sample was, where that is known: the times of a session are as
	// exact as that of its first picture. At most 1 s ago.
	Taken time.Time
	// Discontinuity says that something else is missing before it.
	Discontinuity bool
	// RandomAccess is for codecs that are passed through; for the others the Writer
	// looks itself.
	RandomAccess bool
	// Memory as in camgate.Unit. What is not published is left to the garbage collector.
	Memory camgate.Memory
}

const (
	// maxUnit bounds an access unit in bytes, maxPiece what becomes one packet as it
	// is: the length that RTSP puts before a packet has 16 bits.
	maxUnit  = 8 << 20
	maxRaw   = 64 << 20 // of a picture that is not compressed: 8K with two bytes a pixel
	maxPiece = 1<<16 - 1 - camgate.RTPHeader
	// maxLost bounds the gap in the sequence numbers: a receiver takes a larger one
	// for another source (RFC 3550 appendix A.1).
	maxLost = 1000
)

// Writer brings what one session of a source delivers onto a stream. It is safe
// for use by the several goroutines of one source.
type Writer struct {
	stream  *camgate.Stream
	tracks  []*camgate.Track
	intake  camgate.Intake
	trusted bool // what another Writer takes for random access is it

	mu       sync.Mutex
	closed   bool
	anchored bool
	offset   time.Duration // source clock to stream clock, as anchored last
	now      time.Duration // on the stream's clock, when a timestamp was placed last
	lead     time.Duration // of that timestamp
	main     int           // index of the first video track; -1: none
	state    []onTrack     // by track
	live     bool
	leave    func()     // of the companion; nil: there is none
	meter    driftMeter // of the main track, or the first one
}

// onTrack is the Writer's state of one track.
type onTrack struct {
	offset        time.Duration // the Writer's, until the track's clock jumps
	last          int64         // PTS published last
	lead          time.Duration // of that PTS over the time of its arrival
	floor         int64         // PTS; what is not a picture and from before it is left out
	written       bool
	discontinuity bool // to be told with the next Unit
	waitKey       bool // nothing is published before a keyframe
	passed        bool // passed through: AU are RTP payloads
	shown         bool // newest is the PTS of the Unit before
	newest        int64

	params   *camgate.Params // that reorders was told by
	reorders bool            // pictures may be shown in another order
	keyed    bool            // a keyframe came, and not only what passes for one
	waiting  time.Time       // since when pictures come of which none is one to start at
	held     time.Time       // since when nothing is published as something was lost
}

// begin is how a session begins on a stream; see camgate.Stream.Begin.
type begin func(tracks []*camgate.Track, end func()) ([]*camgate.Track, error)

// NewWriter starts a session on a stream that the caller has claimed. Close ends it.
// The tracks of the stream's companion, if it has one, stand behind the others.
func NewWriter(s *camgate.Stream, tracks []*camgate.Track) (*Writer, error) {
	companion := s.Companion()
	if companion == nil {
		return newWriter(s, tracks, s.Begin)
	}
	first := len(tracks)
	w, err := newWriter(s, append(slices.Clip(tracks), companion.Tracks()...), s.Begin)
	if err != nil {
		return nil, err
	}
	w.leave = companion.Join(func(track int, recorded time.Time, au [][]byte) { w.accompany(first+track, recorded, au) })
	return w, nil
}

func newWriter(s *camgate.Stream, tracks []*camgate.Track, begin begin) (*Writer, error) {
	w := &Writer{stream: s, intake: s.Intake(), main: -1}
	if w.intake.Patience == 0 {
		w.intake.Patience = 7500 * time.Millisecond
	}
	tracks, err := begin(tracks, w.end)
	if err != nil {
		return nil, err
	}
	w.tracks, w.state = tracks, make([]onTrack, len(tracks))
	for i, t := range tracks {
		st := &w.state[i]
		st.waitKey = t.Kind == camgate.Video
		t.SetReorders(false)
		st.passed = !t.Codec.Understood()
		st.discontinuity = true
		if w.main < 0 && t.Kind == camgate.Video {
			w.main = i
		}
	}
	if !slices.ContainsFunc(tracks, func(t *camgate.Track) bool { return t.Params().NoRTP != "" }) {
		w.warnOfRTP("") // of the source before
	}
	w.setState(camgate.StateWaitingKeyframe, nil)
	return w, nil
}

// Tracks returns the tracks as they are on the stream.
func (w *Writer) Tracks() []*camgate.Track { return w.tracks }

// Close ends the session. The stream's readers stay.
func (w *Writer) Close() {
	if w.leave != nil {
		w.leave()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		w.closed = true
		w.stream.Stop()
	}
}

// end shuts the source out: the stream goes on with another one.
func (w *Writer) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
}

// Write publishes a sample. An error says that this sample was left out and why;
// it never ends the session.
func (w *Writer) Write(sm Sample) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return camgate.ErrClosed
	}
	t := w.tracks[sm.Track]
	if (t.Codec == camgate.PCMA || t.Codec == camgate.PCMU) && len(sm.AU) == 1 {
		// One octet is one sample of one channel: a long piece is several Units.
		for piece := sm.AU[0]; len(piece) > camgate.MaxPayload; piece = sm.AU[0] {
			head := sm
			n := camgate.MaxPayload - camgate.MaxPayload%t.Channels
			head.AU = [][]byte{piece[:n]}
			if err := w.write(t, head); err != nil {
				return err
			}
			sm.AU, sm.PTS, sm.Lost = [][]byte{piece[n:]}, sm.PTS+int64(n/t.Channels), 0
		}
	}
	return w.write(t, sm)
}

func (w *Writer) write(t *camgate.Track, sm Sample) error {
	st := &w.state[sm.Track]
	if sm.Lost = min(max(sm.Lost, 0), maxLost); sm.Lost > 0 || sm.Discontinuity {
		st.discontinuity = true
	}
	if err := w.admit(t, st, &sm); err != nil {
		st.discontinuity = true
		w.hold(t, st)
		return err
	}
	if sm.AU == nil {
		return nil // nothing to show in it, and nothing missing
	}
	t.NoteArrival()
	if sm.Lost > 0 || sm.Discontinuity {
		w.hold(t, st)
	}
	if st.waitKey && !w.starts(sm.Track, st, &sm) {
		return nil
	}
	if !w.anchored && w.main >= 0 && sm.Track != w.main {
		return nil // the picture sets the clock, and sound before it is of no use
	}
	back := t.Kind == camgate.Video && st.mayStepBack(t, sm.AU)
	if sm.Track == max(w.main, 0) {
		if ppm, ok := w.meter.add(t.Duration(sm.PTS), w.stream.Now()); ok {
			w.stream.SetDrift(ppm)
		}
	}
	pts, ok := w.place(t, st, sm.PTS, sm.Taken, back)
	if !ok {
		return nil
	}
	if back && st.shown && pts < st.newest && !st.discontinuity {
		t.SetReorders(true)
	}
	st.shown, st.newest = true, pts
	st.waitKey, st.held = false, time.Time{}
	u := &camgate.Unit{
		Track: t, PTS: pts, AU: sm.AU, Lost: sm.Lost,
		RandomAccess: sm.RandomAccess, Discontinuity: st.discontinuity, Memory: sm.Memory,
	}
	st.discontinuity = false
	w.stream.Publish(u)
	if !w.live && (w.main < 0 || sm.Track == w.main) {
		w.live = true
		w.setState(camgate.StateLive, nil)
	}
	return nil
}

const (
	// keyframeLate is after how long it is told that pictures come without keyframes.
	keyframeLate = 5 * time.Second
	// maxHold is how long a track is held for a keyframe of which nothing is missing.
	maxHold = 5 * time.Second
)

// Why pictures that come are not shown.
var (
	errNoKeyframe = errors.New("pictures come, but no keyframe to start with; the camera may send them too seldom: look for its I-frame interval, GOP or smart codec")
	errNoSets     = errors.New("keyframes come, but no parameter sets (SPS, PPS) with which to decode them, neither in the SDP nor with the pictures")
)

// hold publishes nothing more of a track before the next keyframe, if that is asked for.
func (w *Writer) hold(t *camgate.Track, st *onTrack) {
	if w.intake.HoldAfterLoss && t.Kind == camgate.Video && st.written && !st.waitKey {
		st.waitKey, st.held = true, time.Now()
		w.stream.RequestKeyframe()
	}
}

// starts reports whether a track that waits can begin with the sample.
func (w *Writer) starts(track int, st *onTrack, sm *Sample) bool {
	now, why := time.Now(), errNoKeyframe
	if sm.RandomAccess {
		if hasSets(w.tracks[track].Codec, sm.AU) {
			return st.held.IsZero() || sm.Lost == 0 || now.Sub(st.held) > maxHold
		}
		why = errNoSets
	}
	if st.waiting.IsZero() {
		st.waiting = now
	}
	if track == w.main && !w.live && now.Sub(st.waiting) >= keyframeLate && (w.stream.Status().Err == nil || why == errNoSets) { //nolint:errorlint // it is ours
		w.setState(camgate.StateWaitingKeyframe, why)
	}
	return false
}

func (w *Writer) setState(state camgate.State, cause error) {
	w.stream.ChangeStatus(func(st *camgate.Status) {
		st.State, st.Err, st.Retry = state, cause, time.Time{}
		if state == camgate.StateLive {
			st.Retries = 0
		}
	})
}
