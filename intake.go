package camgate

import (
	"sync"
	"time"
)

// What the publisher's side of a stream may do besides publishing.

// Intake is how what a source delivers is treated on its way into the stream.
type Intake struct {
	// HoldAfterLoss publishes nothing of a video track, once packets of it are
	// missing, before the next keyframe that came whole: viewers see a still picture
	// in place of a smeared one.
	HoldAfterLoss bool
	// Patience is how long to wait for a keyframe before a picture will do that is
	// complete in itself but no keyframe; 0: 7.5 s.
	Patience time.Duration
	// Stall is how long a publisher may send no complete access unit; it counts as
	// stalled after a quarter of it. 0: 10 s.
	Stall time.Duration
}

// SetIntake sets how the next session of a source is treated.
func (s *Stream) SetIntake(in Intake) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.intake = in
}

// Intake returns what SetIntake set.
func (s *Stream) Intake() Intake {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.intake
}

// Companion adds tracks to those of a stream's source: a microphone beside a camera that
// has none.
type Companion interface {
	// Tracks makes the tracks for a session.
	Tracks() []*Track
	// Join begins a session: until leave is called, publish takes access units of the
	// tracks by their index in Tracks, with the time at which they were recorded.
	Join(publish func(track int, recorded time.Time, au [][]byte)) (leave func())
}

// SetCompanion sets what goes with the sources of the stream, from their next session
// on; nil: nothing.
func (s *Stream) SetCompanion(c Companion) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.companion = c
}

// Companion returns what SetCompanion set.
func (s *Stream) Companion() Companion {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.companion
}

// keyframeInterval is how often a source is asked for a keyframe at the most.
const keyframeInterval = 500 * time.Millisecond

// OnKeyframeRequest sets how to ask the source for a keyframe, until Stop. ask
// must not block.
func (s *Stream) OnKeyframeRequest(ask func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onKey = ask
}

// RequestKeyframe asks the source for a keyframe, if it can make one. Requests of
// many readers become one.
func (s *Stream) RequestKeyframe() {
	s.mu.Lock()
	ask, now := s.onKey, time.Now()
	if ask == nil || now.Sub(s.askedKey) < keyframeInterval {
		s.mu.Unlock()
		return
	}
	s.askedKey = now
	s.mu.Unlock()
	ask()
}

// Begin is Start for a publisher that can be shut out: when end returns, nothing
// more may come from it. It is called by the goroutine of Fence, not after Stop.
func (s *Stream) Begin(tracks []*Track, end func()) ([]*Track, error) {
	return s.start(tracks, end, false)
}

// Fence shuts out the one who publishes, and keeps out whoever begins before lift
// is called: for a source that is to be replaced, whether it ends or not. Who takes
// its place begins with begin.
func (s *Stream) Fence() (begin func([]*Track, func()) ([]*Track, error), lift func()) {
	s.mu.Lock()
	end := s.end
	s.end, s.onKey = nil, nil
	s.fences++
	s.mu.Unlock()
	if end != nil {
		end()
	}
	begin = func(tracks []*Track, end func()) ([]*Track, error) { return s.start(tracks, end, true) }
	return begin, sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fences--
	})
}

// Repeat publishes the newest picture that needs no other one once more, as of now,
// so that viewers keep a picture and their sessions while the source is away. units
// is what Units was when it went: as soon as it is back, Repeat does nothing. It
// reports whether a picture was published. What is repeated did not come from the
// source, and no counter of what it delivered has it.
func (s *Stream) Repeat(units uint64) bool {
	s.publishing.Lock()
	defer s.publishing.Unlock()
	last := s.picture
	if last == nil || last.Track.Kind != Video || s.unitsIn.Load() != units {
		return false
	}
	at := max(s.Now(), s.Newest()+time.Millisecond)
	u := &Unit{Track: last.Track, PTS: last.Track.Ticks(at), AU: last.AU, RandomAccess: true, Discontinuity: true}
	s.prepare(u)
	s.still.Store(true)
	s.gen.Load().ring.publish(u, true)
	return true
}

// SetDrift notes by how many parts in a million the source's clock runs faster than
// ours.
func (s *Stream) SetDrift(ppm float64) { s.drift.Store(&ppm) }
