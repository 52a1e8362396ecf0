package camgate

import (
	"slices"
	"sort"
	"time"
)

// State is where a stream's source stands.
type State string

// The states of a source, in the order in which it normally passes through them.
const (
	StateIdle            State = "idle"             // not wanted now (on demand, or waiting for a publisher)
	StateConnecting      State = "connecting"       // dialling or negotiating
	StateWaitingKeyframe State = "waiting_keyframe" // connected, nothing to start with yet
	StateLive            State = "live"
	StateStalled         State = "stalled"  // connected, but no access units come
	StateRetrying        State = "retrying" // it failed and will be tried again at Status.Retry
	StateFailed          State = "failed"   // it failed and trying again soon cannot help; tried slowly
)

// Status is the state of a stream's source with its cause.
type Status struct {
	State   State
	Since   time.Time
	Err     error     // why it is not live; nil when it is
	Retry   time.Time // when the next attempt is due; zero: none is
	Retries int       // attempts since it was live last
	Source  string    // what fills the stream, without secrets

	// Kept by the stream through all changes.
	Attempts   uint64    // to reach the source so far
	Reconnects uint64    // how often it came back after it had been live
	LiveSince  time.Time // since when it has been live, stalls included; zero: it is not
	LastErr    error     // why it was not live last, also when it is now
	LastErrAt  time.Time // when that was
}

// failed reports whether the source is neither there nor about to be tried.
func (st Status) failed(now time.Time) bool {
	due := !st.Retry.IsZero() && !now.Before(st.Retry)
	return st.Err != nil && st.State != StateConnecting && !due
}

// SetStatus replaces the status; for the side that supervises the source. Since
// and what is kept are set here. StateConnecting counts as one more attempt.
func (s *Stream) SetStatus(st Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setStatus(st)
	if st.State == StateConnecting {
		s.status.Attempts++
	}
}

// ChangeStatus changes the status in one step; change must not block. What is
// kept is out of its reach.
func (s *Stream) ChangeStatus(change func(*Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.status
	change(&st)
	s.setStatus(st)
}

// setStatus replaces the status but for what is kept; mu is held.
func (s *Stream) setStatus(st Status) {
	now, old := time.Now(), s.status
	st.Since, st.LiveSince = old.Since, old.LiveSince
	st.Attempts, st.Reconnects, st.LastErr, st.LastErrAt = old.Attempts, old.Reconnects, old.LastErr, old.LastErrAt
	if st.State != old.State {
		st.Since = now
	}
	switch {
	case st.State != StateLive && st.State != StateStalled:
		st.LiveSince = time.Time{}
	case st.LiveSince.IsZero():
		st.LiveSince = now
		if s.wasLive {
			st.Reconnects++
		}
		s.wasLive = true
	}
	if st.Err != nil && st.Err != old.Err { //nolint:errorlint // whether it is the very same one
		st.LastErr, st.LastErrAt = st.Err, now
	}
	s.status = st
	s.broadcast()
}

// SetEncoder notes what encodes the stream's picture here; empty: nothing does.
func (s *Stream) SetEncoder(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.encoder != name {
		s.encoder = name
		s.broadcast()
	}
}

// Status returns the current status.
func (s *Stream) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// Changed returns a channel that is closed when the stream's status, tracks or
// readers may have changed.
func (s *Stream) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Info is a snapshot of a stream for people and machines. It holds no secrets.
type Info struct {
	Name      string
	Status    Status
	Publisher string // who publishes now
	Warnings  []string
	Encoder   string // what encodes its picture here; empty: nothing does
	Tracks    []*Track
	Readers   []ReaderInfo // those of variants, too, unless they are internal
	Variants  []VariantInfo
	Talk      *TalkInfo // nil: nobody can talk to what fills it
	Demand    int
	BytesIn   uint64
	BytesOut  uint64
	UnitsIn   uint64
	Skipped   map[string]uint64 // Units not delivered, by reason, of all readers so far
	Cached    int64             // bytes held for joiners and laggards
	// OfflineSince is when the source delivered last, if it is not live; zero: it is
	// live, or never was.
	OfflineSince time.Time
	// Still: the last picture is shown again and again while the source is away.
	Still bool
	// Drift is by how many parts in a million the source's clock runs faster than
	// ours; nil: not known yet.
	Drift *float64
}

// ReaderInfo is a snapshot of one reader.
type ReaderInfo struct {
	ID       uint64
	Protocol string
	Remote   string
	Internal bool
	Path     *Path   // nil: it is not known, or goes without saying
	Choice   *Choice // nil: there is nothing to choose from
	ReaderStats
}

// Info returns a snapshot of the stream.
func (s *Stream) Info() Info {
	info, variants := s.info()
	if s.back != nil {
		talk := s.back.Info()
		info.Talk = &talk
	}
	for _, v := range variants { // which lock themselves
		info.Variants = append(info.Variants, v.describe(info.Tracks))
	}
	return info
}

func (s *Stream) info() (Info, []*Stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	info := Info{
		Name:      s.name,
		Status:    s.status,
		Publisher: s.owner,
		Warnings:  s.warned(),
		Encoder:   s.encoder,
		Demand:    s.demand,
		BytesIn:   s.bytesIn.Load(),
		BytesOut:  s.bytesOut.Load(),
		UnitsIn:   s.unitsIn.Load(),
		Skipped:   map[string]uint64{},
		Drift:     s.drift.Load(),
	}
	if at := s.arrived.Load(); at > 0 && info.Status.State != StateLive {
		info.OfflineSince = s.epoch.Add(time.Duration(at))
		info.Still = s.still.Load()
	}
	if g := s.gen.Load(); g != nil {
		info.Tracks = g.tracks
		_, info.Cached = g.ring.held()
	}
	for _, reason := range SkipReasons() {
		info.Skipped[reason.String()] = s.skipped[reason].Load()
	}
	for _, readers := range []map[*Reader]struct{}{s.readers, s.guests} {
		for r := range readers {
			st := r.Stats()
			info.BytesOut += st.Bytes
			for _, reason := range SkipReasons() {
				info.Skipped[reason.String()] += st.Skipped[reason]
			}
			info.Readers = append(info.Readers, ReaderInfo{
				ID: r.id, Protocol: r.opts.Protocol, Remote: r.opts.Remote, Internal: r.opts.Internal, Path: r.path.Load(), Choice: r.choice.Load(), ReaderStats: st,
			})
		}
	}
	sort.Slice(info.Readers, func(i, j int) bool { return info.Readers[i].ID < info.Readers[j].ID })
	return info, slices.Clone(s.variants)
}
