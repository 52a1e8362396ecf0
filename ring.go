package camgate

import (
	"sync"
	"sync/atomic"
	"time"
)

// RingLimits bound what a stream keeps for its readers.
type RingLimits struct {
	// CacheBytes and CacheTime bound the GOP cache: a GOP that grows over them
	// cannot be kept whole, and joiners wait for the next keyframe instead. The
	// bytes are those of the Units; RTP packets that somebody asked for are the
	// same again.
	CacheBytes int64
	CacheTime  time.Duration
	// Window is how long Units are kept that no joiner needs any more, for readers
	// that lag and for retransmission; default 1 s. While there are no readers it is
	// a quarter of it.
	Window time.Duration
}

// withDefaults fills in what is zero: 10 s of 8 Mbit/s fit twice.
func (l RingLimits) withDefaults() RingLimits {
	if l.CacheBytes == 0 {
		l.CacheBytes = 32 << 20
	}
	if l.CacheTime == 0 {
		l.CacheTime = 15 * time.Second
	}
	if l.Window == 0 {
		l.Window = time.Second
	}
	return l
}

// ring is the window of Units that a stream keeps: one writer, many cursors.
//
//  1. Publish appends, evicts, notes the newest keyframe, wakes. Its cost does not
//     depend on the readers.
//  2. A new cursor starts at the newest keyframe: that is the GOP cache.
//  3. A cursor that was evicted or lags too far goes to the newest keyframe.
//  4. Where every unit is a keyframe the same rule means: freshest wins.
//
// Readers take no lock. A slot holds a Unit that knows its own position, so a
// reader that finds another position (or none) knows that its Unit is gone.
type ring struct {
	limits RingLimits
	clock  func() time.Duration // since the ring was made; tests have their own

	mu    sync.Mutex                             // held by the writer, and to subscribe
	slots atomic.Pointer[[]atomic.Pointer[Unit]] // length is a power of two
	tail  uint64                                 // oldest position held
	used  int                                    // how many readers there are
	total uint64                                 // cost of all Units published

	head    atomic.Uint64 // next position to be written
	key     atomic.Uint64 // newest keyframe's position + 1; 0: none is held
	now     atomic.Int64  // time of the newest Unit on the clock, ns
	bytes   atomic.Uint64 // same as total, for readers
	waiters atomic.Int64
	wake    atomic.Pointer[chan struct{}]
	err     atomic.Pointer[error] // why nothing more comes
}

func newRing(limits RingLimits) *ring {
	made := time.Now()
	r := &ring{limits: limits.withDefaults(), clock: func() time.Duration { return time.Since(made) }}
	slots := make([]atomic.Pointer[Unit], 64)
	r.slots.Store(&slots)
	ch := make(chan struct{})
	r.wake.Store(&ch)
	return r
}

// publish appends u. key says that joiners can start here.
func (r *ring) publish(u *Unit, key bool) {
	r.mu.Lock()
	head := r.head.Load()
	r.total += uint64(u.cost())
	u.pos, u.total, u.published = head, r.total, r.clock()
	slots := *r.slots.Load()
	if head-r.tail == uint64(len(slots)) {
		slots = r.grow(slots, head)
	}
	slots[head&uint64(len(slots)-1)].Store(u)
	r.now.Store(int64(u.published))
	r.bytes.Store(r.total)
	if key {
		r.key.Store(head + 1)
	}
	r.head.Store(head + 1)
	r.evict(slots, head+1, u.published)
	r.mu.Unlock()
	r.signal()
}

// grow doubles the window. Readers that still look at the old slots find there
// what was in them, and look at the new ones for anything else.
func (r *ring) grow(old []atomic.Pointer[Unit], head uint64) []atomic.Pointer[Unit] {
	slots := make([]atomic.Pointer[Unit], 2*len(old))
	for p := r.tail; p < head; p++ {
		slots[p&uint64(len(slots)-1)].Store(old[p&uint64(len(old)-1)].Load())
	}
	r.slots.Store(&slots)
	return slots
}

// evict drops what is neither in the GOP cache nor in the window.
func (r *ring) evict(slots []atomic.Pointer[Unit], head uint64, now time.Duration) {
	mask := uint64(len(slots) - 1)
	key := r.key.Load()
	window := r.limits.Window
	if r.used == 0 {
		// Nobody lags; what is left are the newest Units of all tracks, which tell a
		// reader to come where these are.
		window /= 4
	}
	for r.tail < head-1 {
		u := slots[r.tail&mask].Load()
		held := int64(r.total-u.total) + int64(u.cost())
		age := now - u.published
		switch {
		case held > r.limits.CacheBytes || age > r.limits.CacheTime:
			if key == r.tail+1 { // the GOP outgrew the cache
				r.key.Store(0)
				key = 0
			}
		case age <= window, key != 0 && r.tail >= key-1:
			return
		}
		slots[r.tail&mask].Store(nil)
		r.tail++
		u.Release()
	}
}

// at returns the Unit at pos, or nil when it is not held (any more).
func (r *ring) at(pos uint64) *Unit {
	slots := *r.slots.Load()
	u := slots[pos&uint64(len(slots)-1)].Load()
	if u == nil || u.pos != pos {
		return nil
	}
	return u
}

// enter returns the position at which a new cursor begins, whether that is a keyframe,
// and the live edge. leave has to follow.
func (r *ring) enter() (pos uint64, keyed bool, edge uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used++
	edge = r.head.Load()
	if key := r.key.Load(); key != 0 {
		return key - 1, true, edge
	}
	return edge, false, edge
}

// leave says that a reader has gone.
func (r *ring) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used--
}

// close ends the ring: readers get err once they have waited for more.
func (r *ring) close(err error) {
	r.err.CompareAndSwap(nil, &err)
	r.signalAll()
}

// held returns the number of Units and bytes in the ring.
func (r *ring) held() (units int, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	head := r.head.Load()
	if r.tail == head {
		return 0, 0
	}
	oldest := r.at(r.tail)
	return int(head - r.tail), int64(r.total-oldest.total) + int64(oldest.cost())
}

// signal wakes the readers that wait. The order of the atomic operations here and
// in wait makes it safe to do nothing when nobody waits: a reader counts itself
// before it looks at head for the last time, the writer stores head before it
// looks at the count.
func (r *ring) signal() {
	if r.waiters.Load() > 0 {
		r.signalAll()
	}
}

func (r *ring) signalAll() {
	ch := make(chan struct{})
	close(*r.wake.Swap(&ch))
}

// wait blocks until there is a Unit at pos, the ring ends, or signalAll is called.
func (r *ring) wait(pos uint64, stop func() bool) {
	r.waiters.Add(1)
	defer r.waiters.Add(-1)
	ch := *r.wake.Load()
	if r.head.Load() > pos || r.err.Load() != nil || stop() {
		return
	}
	<-ch
}
