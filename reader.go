package camgate

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// SkipReason says why a reader did not get some Units.
type SkipReason int

// The reasons; SkipReason.String gives the names used in metrics.
const (
	SkipLag     SkipReason = iota // it was further behind than it may be
	SkipEvicted                   // what it wanted is not kept any more
	SkipNoKey                     // waiting for a keyframe to start at
	skipReasons
)

// SkipReasons lists all reasons.
func SkipReasons() []SkipReason { return []SkipReason{SkipLag, SkipEvicted, SkipNoKey} }

func (r SkipReason) String() string {
	return [...]string{"lag", "evicted", "wait_keyframe"}[r]
}

// SubscribeOptions shape a Reader. The zero value reads all tracks, from the
// newest keyframe on, with the stream's limits.
type SubscribeOptions struct {
	Tracks []*Track // nil: all
	// LiveAudio leaves out the audio of the cached GOP: for outputs that hurry
	// through it to the live edge.
	LiveAudio bool
	// AnyStart starts at the live edge with whatever comes, and goes on with
	// whatever comes: for one who is told by the Units, and does not decode them.
	AnyStart bool
	// MaxLag and MaxLagBytes bound how far the reader may be behind the newest
	// Unit; over that it goes to the newest keyframe. Zero: the stream's limits.
	MaxLag      time.Duration
	MaxLagBytes int64

	Protocol string // "rtsp", "webrtc", ... for Info and metrics
	Remote   string // address of the viewer, for Info
	Internal bool   // a shared worker of the gateway, not a viewer
	// Logger is told of what the reader misses because it is slow, at most once in
	// ten seconds. Nil: nobody is.
	Logger *slog.Logger
}

// Reader is the cursor of one consumer. Next may be called by one goroutine only;
// all other methods are safe.
type Reader struct {
	stream *Stream
	ring   *ring
	opts   SubscribeOptions
	since  time.Time
	id     uint64

	// Owned by the goroutine that calls Next.
	pos      uint64
	edge     uint64              // head at the time of Subscribe: Units before it are cached ones
	mask     uint64              // bit n: track n is wanted
	main     *Track              // of the stream
	gate     *Track              // the track at whose keyframes it starts; nil: it starts anywhere
	cached   bool                // gate is the track whose newest keyframe the ring notes
	needKey  bool                // nothing is delivered before a keyframe
	caughtUp bool                // it has been at the live edge, or was moved there
	told     time.Time           // when the log was told last of what it misses
	untold   [skipReasons]uint64 // Units missed since then
	missed   bool                // there are, or may be some: it waits for a keyframe

	closed    atomic.Bool
	unhook    func() bool // from the context; guarded by the stream's mu
	sent      atomic.Uint64
	reception atomic.Pointer[Reception]
	path      atomic.Pointer[Path]
	choice    atomic.Pointer[Choice]
	skipped   [skipReasons]atomic.Uint64
}

// Next returns the next Unit, waiting for it if need be. It returns ErrClosed
// after Close or when the stream is gone, and ErrTracksChanged when the stream
// goes on with other tracks: subscribe again.
func (r *Reader) Next() (*Unit, error) {
	for {
		end := r.ring.err.Load() // before the last look for Units, so that none is missed
		if u, ok := r.Poll(); ok {
			return u, nil
		}
		if r.closed.Load() {
			return nil, ErrClosed
		}
		if end != nil {
			return nil, *end
		}
		r.ring.wait(r.pos, r.closed.Load)
	}
}

// Poll returns the next Unit if there is one already.
func (r *Reader) Poll() (*Unit, bool) {
	for !r.closed.Load() {
		if r.missed {
			r.tell()
		}
		head := r.ring.head.Load()
		if r.pos >= head {
			r.caughtUp = true
			return nil, false
		}
		u := r.ring.at(r.pos)
		if u == nil {
			r.resync(SkipEvicted, head)
			continue
		}
		if r.caughtUp && r.late(u) {
			r.resync(SkipLag, head)
			continue
		}
		r.pos++
		if r.needKey {
			if u.Track != r.gate || !u.RandomAccess {
				r.skipped[SkipNoKey].Add(1)
				if r.missed { // else it has just begun
					r.untold[SkipNoKey]++
				}
				if u.Track == r.gate { // again and again: a request can be lost
					r.stream.RequestKeyframe()
				}
				continue
			}
			r.needKey = false
		}
		if r.wants(u) {
			return u, true
		}
	}
	return nil, false
}

func (r *Reader) wants(u *Unit) bool {
	if r.mask&(1<<u.Track.ID) == 0 {
		return false
	}
	return !r.opts.LiveAudio || u.pos >= r.edge || u.Track.Kind != Audio
}

func (r *Reader) late(u *Unit) bool {
	return time.Duration(r.ring.now.Load())-u.published > r.opts.MaxLag ||
		int64(r.ring.bytes.Load()-u.total) > r.opts.MaxLagBytes
}

// resync moves the cursor to the newest keyframe if that lies ahead, else to the
// live edge to wait there for one.
func (r *Reader) resync(reason SkipReason, head uint64) {
	to := head
	r.needKey = r.gate != nil
	if key := r.ring.key.Load(); r.cached && key > r.pos {
		if u := r.ring.at(key - 1); u != nil && !r.late(u) {
			to, r.needKey = key-1, false
		}
	}
	r.skipped[reason].Add(to - r.pos)
	r.untold[reason] += to - r.pos
	r.missed = true
	r.pos, r.caughtUp = to, true
	r.tell()
	if r.needKey {
		r.stream.RequestKeyframe()
	}
}

// skipInterval is how often the log is told of what a slow reader misses.
const skipInterval = 10 * time.Second

func (r *Reader) tell() {
	now := time.Now()
	if r.opts.Logger == nil {
		r.missed = false
		return
	}
	if now.Sub(r.told) < skipInterval {
		return
	}
	for reason, n := range r.untold {
		if n > 0 {
			r.opts.Logger.Warn("reader is slow: it goes on at the newest keyframe", "reason", SkipReason(reason).String(), "units_missed", n)
		}
	}
	r.told, r.untold, r.missed = now, [skipReasons]uint64{}, r.needKey
}

// Cached reports whether u was in the GOP cache when the reader subscribed: it
// lies in the past, and an output may hurry through it.
func (r *Reader) Cached(u *Unit) bool { return u.pos < r.edge }

// Main returns the track whose keyframes start a GOP; nil: any Unit does.
func (r *Reader) Main() *Track { return r.main }

// Edge returns the newest Unit of a track that was there when the reader
// subscribed, or nil: it is the live edge towards which cached Units lead.
func (r *Reader) Edge(t *Track) *Unit {
	for pos := r.edge; pos > 0; pos-- {
		u := r.ring.at(pos - 1)
		if u == nil {
			return nil
		}
		if u.Track == t {
			return u
		}
	}
	return nil
}

// Retransmit returns the Unit of track t that has RTP packet seq and the index of
// the packet in it, or nil when it is not held any more: the ring is the
// retransmission window of all viewers (RFC 4585 section 6.2.1).
func (r *Reader) Retransmit(t *Track, seq uint16) (*Unit, int) {
	for pos := r.ring.head.Load(); pos > 0; pos-- {
		u := r.ring.at(pos - 1)
		if u == nil {
			return nil, 0
		}
		if u.Track != t {
			continue
		}
		switch d := seq - u.seq; {
		case d < uint16(u.count):
			return u, int(d)
		case d < 1<<15: // newer than this Unit, yet not in the one after it
			return nil, 0
		}
	}
	return nil, 0
}

// Close ends the reader; a Next that waits returns ErrClosed.
func (r *Reader) Close() {
	if r.closed.Swap(true) {
		return
	}
	r.ring.signalAll()
	r.stream.unsubscribe(r)
}

// Sent adds to the bytes that the reader's output has sent.
func (r *Reader) Sent(bytes int) { r.sent.Add(uint64(bytes)) }

// Stats returns the reader's counters.
func (r *Reader) Stats() ReaderStats {
	st := ReaderStats{Bytes: r.sent.Load(), Since: r.since}
	for i := range r.skipped {
		st.Skipped[i] = r.skipped[i].Load()
	}
	return st
}

// ReaderStats are the counters of one reader.
type ReaderStats struct {
	Bytes   uint64 // sent to the viewer
	Since   time.Time
	Skipped [skipReasons]uint64 // Units, by SkipReason
}

// newReader makes a cursor at the stream's newest keyframe; the caller registers it.
func newReader(s *Stream, g *generation, opts SubscribeOptions) *Reader {
	r := &Reader{stream: s, ring: g.ring, opts: opts, main: g.main, since: time.Now()}
	if r.opts.MaxLag == 0 {
		r.opts.MaxLag = s.limits.MaxLag
	}
	if r.opts.MaxLagBytes == 0 {
		r.opts.MaxLagBytes = s.limits.MaxLagBytes
	}
	tracks := opts.Tracks
	if tracks == nil {
		tracks = g.tracks
	}
	for _, t := range tracks {
		r.mask |= 1 << t.ID
		if !opts.AnyStart && (t == g.main || r.gate == nil && t.Kind == Video) {
			r.gate = t
		}
	}
	r.cached = r.gate != nil && r.gate == g.main
	var keyed bool
	r.pos, keyed, r.edge = g.ring.enter()
	if !r.cached {
		r.pos, keyed = r.edge, false
	}
	r.needKey = r.gate != nil && !keyed
	return r
}
