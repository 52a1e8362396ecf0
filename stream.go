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

	mu        sync.Mutex
	closed    bool
	claimed   bool // somebody publishes
	wasLive   bool // at any time
	intake    Intake
	companion Companion
	fences    int                  // see Fence
	end       func()               // shuts out the one who publishes; nil: nobody does
	owner     string               // who
	status    Status               // as last set by the publisher's side
	onKey     func()               // asks the source for a keyframe; nil: it cannot
	askedKey  time.Time            // when it was asked last
	readers   map[*Reader]struct{} // viewers and workers
	viewers   int                  // readers that are not Internal
	nextID    uint64
	demand    int // readers, and those who wait for the stream to be ready
	variants  []*Stream
	guests    map[*Reader]struct{} // viewers of variants
	warnings  map[string]string
	encoder   string
	changed   chan struct{} // closed and replaced when anything above changes

	variant *variantOf   // nil: it is none; set before anybody knows the stream
	back    *BackChannel // the same

	// Counters.
	newest   atomic.Int64 // latest presentation time published, ns
	keyAt    atomic.Int64 // presentation time of the newest keyframe, ns; 0: none yet
	keyGap   atomic.Int64 // between the two newest keyframes, ns
	bytesIn  atomic.Uint64
	unitsIn  atomic.Uint64
	bytesOut atomic.Uint64 // of readers that left
	skipped  [skipReasons]atomic.Uint64
	arrived  atomic.Int64 // when the source delivered last, on the stream's clock, ns; 0: never
	still    atomic.Bool  // what came last is a picture shown again
	drift    atomic.Pointer[float64]

	// publishing is held by who publishes: a source, or Repeat while it is away.
	publishing sync.Mutex
	counter    PacketWriter // scratch to count packets
	picture    *Unit        // the newest keyframe, for Repeat
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

// At returns the time of a moment on the stream's clock.
func (s *Stream) At(moment time.Time) time.Duration { return moment.Sub(s.epoch) }

// Lead returns what has to be added to a time on another stream's clock to have the
// same moment on this one's.
func (s *Stream) Lead(of *Stream) time.Duration { return of.epoch.Sub(s.epoch) }

// Follow puts the stream on the clock of another one, of which it is to be a
// rendition: the same picture then has the same presentation time in both. It is
// called before anybody knows the stream.
func (s *Stream) Follow(of *Stream) { s.epoch = of.epoch }

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
// to the stream and all its readers from then on: nobody writes to it. It fails
// with ErrClosed behind a Fence.
func (s *Stream) Start(tracks []*Track) ([]*Track, error) { return s.start(tracks, nil, false) }

func (s *Stream) start(tracks []*Track, end func(), fenced bool) ([]*Track, error) {
	if len(tracks) == 0 || len(tracks) > maxTracks {
		return nil, &StreamError{"start", s.name, fmt.Errorf("%w: %d tracks", ErrUnsupportedCodec, len(tracks))}
	}
	s.publishing.Lock()
	defer s.publishing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.fences > 0 && !fenced {
		return nil, &StreamError{"start", s.name, ErrClosed}
	}
	s.end = end
	old := s.gen.Load()
	if old != nil && sameTracks(old.tracks, tracks) {
		for i, t := range tracks {
			if old.tracks[i].Params().differ(t.Params()) {
				s.picture = nil // it may not go with them
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
	s.picture = nil
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
	s.publishing.Lock()
	defer s.publishing.Unlock()
	g := s.gen.Load()
	s.prepare(u)
	u.holders.Store(1)
	s.unitsIn.Add(1)
	s.bytesIn.Add(uint64(u.size))
	s.still.Store(false)
	key := u.RandomAccess && (g.main == nil || g.main == u.Track)
	if key {
		if last := s.keyAt.Swap(int64(u.Time())); last > 0 {
			s.keyGap.Store(int64(u.Time()) - last)
		}
		if s.picture = u; u.Memory != nil {
			s.picture = nil // its bytes do not last
		}
	}
	g.ring.publish(u, key)
	s.arrived.Store(int64(s.Now()))
}

// prepare gives a Unit its place among the packets of its track.
func (s *Stream) prepare(u *Unit) {
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
}

// KeyframeInterval returns the time between the two newest keyframes, 0 when that
// is not known yet.
func (s *Stream) KeyframeInterval() time.Duration { return time.Duration(s.keyGap.Load()) }

// Stop says that the source ended, for now. Readers stay and wait.
func (s *Stream) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onKey, s.end = nil, nil
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
