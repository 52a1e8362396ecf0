package camgate

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// StreamLimits bound what a stream keeps and whom it serves. Zero values mean
// the defaults.
type StreamLimits struct {
	Ring        RingLimits
	MaxReaders  int           // viewers at a time; default 1,000
	MaxLag      time.Duration // of a reader behind the newest Unit; default 3 s
	MaxLagBytes int64         // default 16 MiB
}

func (l StreamLimits) withDefaults() StreamLimits {
	l.Ring = l.Ring.withDefaults()
	if l.MaxReaders == 0 {
		l.MaxReaders = 1000
	}
	if l.MaxLag == 0 {
		l.MaxLag = 3 * time.Second
	}
	if l.MaxLagBytes == 0 {
		l.MaxLagBytes = 16 << 20
	}
	return l
}

// maxTracks is the width of a reader's track mask.
const maxTracks = 64

// generation is what a stream is made of between two changes of its tracks.
type generation struct {
	tracks []*Track
	main   *Track // the track whose keyframes start a GOP; nil: any Unit does
	ring   *ring
}

// has reports whether all of the tracks are the generation's own.
func (g *generation) has(tracks []*Track) bool {
	for _, t := range tracks {
		if t.ID >= len(g.tracks) || g.tracks[t.ID] != t {
			return false
		}
	}
	return true
}

// Stream is a named live programme. One publisher fills it, any number of readers
// read it, and readers stay when the publisher goes and comes back.
type Stream struct {
	name   string
	limits StreamLimits
	epoch  time.Time // time zero of the stream's clock

	gen atomic.Pointer[generation] // nil until the first Start

	mu       sync.Mutex
	closed   bool
	claimed  bool                 // somebody publishes
	owner    string               // who
	status   Status               // as last set by the publisher's side
	onKey    func()               // asks the source for a keyframe; nil: it cannot
	askedKey time.Time            // when it was asked last
	readers  map[*Reader]struct{} // viewers and workers
	viewers  int                  // readers that are not Internal
	nextID   uint64
	demand   int // readers, and those who wait for the stream to be ready
	warnings map[string]string
	changed  chan struct{} // closed and replaced when anything above changes

	// Counters.
	newest   atomic.Int64 // latest presentation time published, ns
	keyAt    atomic.Int64 // presentation time of the newest keyframe, ns; 0: none yet
	keyGap   atomic.Int64 // between the two newest keyframes, ns
	bytesIn  atomic.Uint64
	unitsIn  atomic.Uint64
	bytesOut atomic.Uint64 // of readers that left
	skipped  [skipReasons]atomic.Uint64
	counter  PacketWriter // scratch to count packets; owned by the publisher
}

func newStream(name string, limits StreamLimits) *Stream {
	return &Stream{
		name:    name,
		limits:  limits.withDefaults(),
		epoch:   time.Now(),
		status:  Status{State: StateIdle, Since: time.Now()},
		readers: map[*Reader]struct{}{},
		changed: make(chan struct{}),
	}
}

// NewRendition makes a stream that no registry knows: a rendition of another one.
func NewRendition(name string, limits StreamLimits) *Stream { return newStream(name, limits) }

// Name returns the stream's name.
func (s *Stream) Name() string { return s.name }

// Now returns the time on the stream's clock, which runs from the making of the
// stream on and on which all presentation times lie, whatever comes and goes.
func (s *Stream) Now() time.Duration { return time.Since(s.epoch) }

// Newest returns the latest presentation time that was published.
func (s *Stream) Newest() time.Duration { return time.Duration(s.newest.Load()) }

// Units returns how many Units were published, for watchdogs.
func (s *Stream) Units() uint64 { return s.unitsIn.Load() }

// Claim makes the caller the stream's only publisher until it calls release. The
// owner is a short description of it for Info, without secrets. It fails with
// ErrPublisherActive while there is another one.
func (s *Stream) Claim(owner string) (release func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, &StreamError{"publish", s.name, ErrClosed}
	}
	if s.claimed {
		return nil, &StreamError{"publish", s.name, fmt.Errorf("%w: %s", ErrPublisherActive, s.owner)}
	}
	s.claimed, s.owner = true, owner
	s.broadcast()
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.claimed, s.owner = false, ""
		s.broadcast()
	}), nil
}

// Start begins publishing with the given new tracks and returns those to make
// Units for. If they are the same as before (codec, clock, channels, order), the
// tracks of before go on, with what is new in the parameters, and all readers stay;
// else readers get ErrTracksChanged and have to subscribe again. The slice belongs
// to the stream and all its readers from then on: nobody writes to it.
func (s *Stream) Start(tracks []*Track) ([]*Track, error) {
	if len(tracks) == 0 || len(tracks) > maxTracks {
		return nil, &StreamError{"start", s.name, fmt.Errorf("%w: %d tracks", ErrUnsupportedCodec, len(tracks))}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, &StreamError{"start", s.name, ErrClosed}
	}
	old := s.gen.Load()
	if old != nil && sameTracks(old.tracks, tracks) {
		for i, t := range tracks {
			if old.tracks[i].Params().differ(t.Params()) {
				old.tracks[i].SetParams(t.Params())
			}
		}
		s.broadcast()
		return old.tracks, nil
	}
	g := &generation{tracks: tracks, ring: newRing(s.limits.Ring)}
	for i, t := range tracks {
		t.ID = i
		if g.main == nil && t.Kind == Video {
			g.main = t
		}
	}
	s.gen.Store(g)
	if old != nil { // who hears of it finds the new tracks
		old.ring.close(ErrTracksChanged)
	}
	s.broadcast()
	return tracks, nil
}

// Publish appends a Unit. Only the publisher calls it, between Start and Stop,
// from one goroutine at a time. After each Start a video track begins with a Unit
// that is RandomAccess.
func (s *Stream) Publish(u *Unit) {
	g := s.gen.Load()
	u.size = 0
	for _, b := range u.AU {
		u.size += len(b)
	}
	s.counter.measure(u.Track.Packetizer, u.AU)
	u.count, u.wire = s.counter.count, s.counter.bytes
	u.seq = u.Track.nextSeq + uint16(u.Lost)
	u.Track.nextSeq = u.seq + uint16(u.count)
	u.ts = u.Track.RTPTime(u.PTS)
	u.NTP = s.epoch.Add(u.Time())
	if t := int64(u.Time()); t > s.newest.Load() {
		s.newest.Store(t)
	}
	s.unitsIn.Add(1)
	s.bytesIn.Add(uint64(u.size))
	key := u.RandomAccess && (g.main == nil || g.main == u.Track)
	if key {
		if last := s.keyAt.Swap(int64(u.Time())); last > 0 {
			s.keyGap.Store(int64(u.Time()) - last)
		}
	}
	g.ring.publish(u, key)
}

// KeyframeInterval returns the time between the two newest keyframes, 0 when that
// is not known yet.
func (s *Stream) KeyframeInterval() time.Duration { return time.Duration(s.keyGap.Load()) }

// Stop says that the source ended, for now. Readers stay and wait.
func (s *Stream) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onKey = nil
	s.broadcast()
}

// Close ends the stream for good: readers get ErrClosed.
func (s *Stream) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	if g := s.gen.Load(); g != nil {
		g.ring.close(ErrClosed)
	}
	s.broadcast()
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

// broadcast tells those who wait that something changed; mu is held.
func (s *Stream) broadcast() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func sameTracks(a, b []*Track) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !a[i].same(b[i]) {
			return false
		}
	}
	return true
}
