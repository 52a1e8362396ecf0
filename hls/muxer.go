package hls

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/camgate/camgate"
)

// muxer is the worker of one stream: it reads the stream and publishes snapshots.
type muxer struct {
	stream *camgate.Stream
	opts   Options
	log    *slog.Logger

	now     atomic.Pointer[snapshot]
	waiting atomic.Int64
	viewers *viewers
	zipper  *zipper

	// Owned by Run.
	cutter segmenter
	plan   plan
	window []*segment // listed
	gone   []*segment
	target int
	pace   time.Duration // part target as the first parts made it
	part   time.Duration // part target
	breaks uint64
	bad    int // samples left out and not told of yet
	told   time.Time
}

// keepGone is how many segments are served after they were listed last: a client
// may be about to ask for them.
const keepGone = 1

func newMuxer(st *camgate.Stream, opts Options, z *zipper) *muxer {
	m := &muxer{stream: st, opts: opts, log: opts.Log.With("stream", st.Name()), viewers: newViewers(st), zipper: z}
	m.now.Store(&snapshot{next: make(chan struct{})})
	m.cutter = segmenter{opts: opts, askKey: st.RequestKeyframe}
	msn, part := firstNumbers(time.Now())
	m.cutter.nextMSN, m.cutter.nextPart = msn+uint64(len(prelude)), part+preludeParts
	return m
}

// firstNumbers returns where a worker that is made now begins to count segments
// and parts: behind all numbers that one before it can have used, since a segment
// lasts for a second and 16 parts a second are more than are ever made. So a name
// never comes back with another content.
func firstNumbers(now time.Time) (msn, part uint64) {
	const epoch = 1_600_000_000 // keeps the numbers short
	n := uint64(max(now.Unix()-epoch, 1))
	return n, n * 16
}

// Run reads the stream until ctx ends or there is nothing in it that HLS carries.
func (m *muxer) Run(ctx context.Context) error {
	defer m.viewers.close()
	for {
		err := m.session(ctx)
		if !errors.Is(err, camgate.ErrTracksChanged) {
			return err
		}
		m.log.Info("tracks changed")
	}
}

// session reads the stream while its tracks stay the same.
func (m *muxer) session(ctx context.Context) error {
	tracks, err := m.stream.Ready(ctx)
	if err != nil {
		return err
	}
	stream, release, why := m.variant(ctx, tracks)
	defer release()
	var made []string
	if stream != m.stream {
		info := stream.Info()
		made = camgate.Made(tracks, info.Tracks, info.Encoder != "")
		tracks = info.Tracks
	}
	m.plan, err = choose(tracks)
	m.plan.made = made
	if err != nil {
		switch {
		case errors.Is(why, camgate.ErrNotReady), errors.Is(why, camgate.ErrClosed):
			return why
		case why != nil:
			err = fmt.Errorf("%w; %v", err, why)
		}
		return err
	}
	if why != nil && len(m.plan.left) > 0 {
		m.plan.left[len(m.plan.left)-1] += "; " + why.Error()
	}
	if len(m.plan.left) > 0 {
		m.log.Info("tracks left out", "reason", m.plan.left)
	}
	r, err := stream.Subscribe(ctx, camgate.SubscribeOptions{Tracks: m.plan.tracks, Protocol: "hls", Internal: true, Logger: m.log})
	if err != nil {
		return err
	}
	defer r.Close()
	if !slices.Equal(stream.Tracks(), tracks) {
		return camgate.ErrTracksChanged // between the two calls above
	}
	m.cutter.askKey = stream.RequestKeyframe
	m.cutter.begin(m.plan.tracks)
	for {
		u, ok := r.Poll()
		if !ok {
			// At the live edge: what was cached is told of as a whole.
			m.publish()
			if u, err = r.Next(); err != nil {
				m.cutter.flush()
				m.publish()
				return err
			}
		}
		if err := m.cutter.write(u); err != nil {
			m.complain(err)
		}
	}
}

// variant returns what is to be read: the stream itself, or a variant of it with what
// HLS cannot carry in codecs that it can; why tells what cannot be made.
func (m *muxer) variant(ctx context.Context, tracks []*camgate.Track) (s *camgate.Stream, release func(), why error) {
	want := lacks(tracks)
	if want == (camgate.Variant{}) || m.opts.Variants == nil {
		return m.stream, func() {}, nil
	}
	variant, release, err := m.opts.Variants.Use(ctx, m.stream, want)
	if err != nil && want.Video != "" && want.Audio != "" { // the sound may do alone
		want.Video, why = "", err
		variant, release, err = m.opts.Variants.Use(ctx, m.stream, want)
	}
	if err != nil {
		return m.stream, func() {}, cmp.Or(why, err)
	}
	if why == nil {
		if info := variant.Info(); len(info.Warnings) > 0 {
			why = errors.New(info.Warnings[0])
		}
	}
	return variant, release, why
}

// complain logs samples that were left out, at most once in ten seconds.
func (m *muxer) complain(err error) {
	m.bad++
	if now := time.Now(); now.Sub(m.told) >= 10*time.Second {
		m.log.Warn("samples left out", "count", m.bad, "err", err)
		m.bad, m.told = 0, now
	}
}

// publish replaces the snapshot if there is something new, and wakes all who wait.
func (m *muxer) publish() {
	if !m.cutter.changed {
		return
	}
	if m.target == 0 && !m.first() {
		return
	}
	m.cutter.changed = false
	m.viewers.leave()
	m.aim()
	m.shift()
	s := &snapshot{
		segments: slices.Clone(m.window),
		gone:     slices.Clone(m.gone),
		hint:     m.cutter.nextPart,
		plan:     m.plan,
		zipper:   m.zipper,
		next:     make(chan struct{}),
	}
	if m.cutter.open != nil {
		s.open = *m.cutter.open
		s.open.parts = slices.Clip(s.open.parts)
	} else {
		s.open.msn = m.cutter.nextMSN
	}
	m.measure(s)
	s.target, s.part, s.breaks = m.target, m.part, m.breaks
	close(m.now.Swap(s).next)
}

// first reports whether there is enough for the first snapshot: a segment, or a
// part of one behind the prelude.
func (m *muxer) first() bool {
	g := &m.cutter
	if len(g.complete) > 0 {
		return true
	}
	return g.open != nil && len(g.open.parts) > 0 && g.addPrelude()
}

// shift moves complete segments into the window and old ones out of it.
func (m *muxer) shift() {
	m.window = append(m.window, m.cutter.complete...)
	m.cutter.complete = nil
	var total time.Duration
	for _, g := range m.window {
		total += g.duration
		m.target = max(m.target, rounded(g.duration))
	}
	least := max(m.opts.Window, 3*time.Duration(m.target)*time.Second)
	for total-m.window[0].duration >= least && len(m.window) > 1 {
		if m.window[0].discontinuity {
			m.breaks++
		}
		total -= m.window[0].duration
		m.gone = append(m.gone, m.window[0])
		m.window = slices.Delete(m.window, 0, 1)
	}
	if n := len(m.gone) - keepGone; n > 0 {
		m.gone = slices.Delete(m.gone, 0, n)
	}
}

// aim sets the first target duration by the stream's keyframe interval: players do
// not like to see it change.
func (m *muxer) aim() {
	if m.target > 0 {
		return
	}
	interval := m.stream.KeyframeInterval()
	if interval <= 0 || interval > maxSegment {
		interval = 2 * time.Second
	}
	m.target = rounded(max(m.opts.Segment, interval))
}

// measure brings the target durations up to date: both must cover what the
// playlist lists.
func (m *muxer) measure(s *snapshot) {
	var open time.Duration
	for _, p := range s.open.parts {
		open += p.duration
	}
	m.target = max(m.target, rounded(open))
	longest := time.Duration(0)
	for _, p := range s.listedParts() {
		longest = max(longest, p.duration)
		if m.pace == 0 || m.part == 0 && p.duration < 5*m.opts.Part {
			m.pace = max(m.pace, m.slack(p.duration))
		}
	}
	if longest < m.pace/2 && len(s.segments) >= withParts {
		m.pace = m.slack(longest) // it was slow at first
	}
	// A source that pauses or slows down makes parts longer than they should be. The
	// target covers them for as long as they are listed, and no longer, since players
	// keep three times as far from the live edge (RFC 8216bis section 4.4.3.8).
	switch {
	case longest <= m.pace:
		m.part = m.pace
	case longest > m.part:
		m.part = m.slack(longest)
	}
}

// listedParts returns the parts that the playlist lists, oldest first.
func (s *snapshot) listedParts() []*part {
	var list []*part
	for _, g := range s.segments[max(len(s.segments)-withParts, 0):] {
		list = append(list, g.parts...)
	}
	return append(list, s.open.parts...)
}

func rounded(d time.Duration) int { return int(math.Round(d.Seconds())) }

// slack is a part target for parts of about d: none may be longer, and those before
// the end of a segment not shorter than 85 % of it (RFC 8216bis section 4.4.4.9).
func (m *muxer) slack(d time.Duration) time.Duration {
	if d < m.opts.Part && d > m.opts.Part*9/10 {
		d = m.opts.Part // what the next ones may come to
	}
	return (d + d/20).Truncate(time.Millisecond) + time.Millisecond
}
