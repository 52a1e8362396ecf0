package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/camgate/camgate"
)

// endLimit is how long a source may take to end; longer than any request to a
// device that does not answer.
const endLimit = 10 * time.Second

// maxAbandoned sources may be left behind by a supervisor.
const maxAbandoned = 3

// session is one run of a source. It publishes to the stream itself, or to one of
// its own from where it is relayed: when a source before it has not ended yet, or
// when it has to prove itself first.
type session struct {
	source camgate.Source
	index  int // in the supervisor's list
	own    *camgate.Stream
	begun  time.Time       // when it connects
	cut    time.Time       // when the watchdog ended it; zero: it did not
	ctx    context.Context //nolint:containedctx // it is the session's life
	cancel context.CancelCauseFunc
	leave  func()
	done   chan struct{} // all of it has ended
	err    error         // of the source, once done

	mu     sync.Mutex
	ended  bool
	relays sync.WaitGroup
}

// startSession begins a run of a source of the list. It is ended by end.
func (sup *Supervisor) startSession(ctx context.Context, index int, apart bool) (*session, error) {
	source := sup.sources[index]
	wait, leave, err := sup.opts.Dials.enter(call{
		stream: sup.stream.Name(), address: addressOf(source), interval: sup.opts.MinDialInterval, single: sup.opts.SingleConnection,
	})
	if err != nil {
		return nil, err
	}
	s := &session{source: source, index: index, leave: leave, begun: time.Now().Add(wait), done: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	into := sup.stream
	if apart {
		s.own = camgate.NewRendition(sup.stream.Name(), sup.stream.Limits())
		s.own.SetIntake(sup.stream.Intake())
		s.own.SetCompanion(sup.stream.Companion())
		into = s.own
	}
	dark := sup.known[index].dark
	go func() { // waited for by end
		defer close(s.done)
		defer s.leave()
		s.err = sup.dial(s, into, wait, dark)
		if s.own != nil {
			s.mu.Lock()
			s.ended = true
			s.mu.Unlock()
			s.own.Close()
			s.relays.Wait()
		}
	}()
	return s, nil
}

// dial waits for its turn and runs the source. A device that was away before is
// asked first whether it is there: that takes less time than to connect.
func (sup *Supervisor) dial(s *session, into *camgate.Stream, wait time.Duration, dark bool) error {
	if !sleep(s.ctx, wait) {
		return s.ctx.Err()
	}
	if dark {
		if err := sup.opts.Dials.knock(s.ctx, s.source); err != nil {
			return err
		}
	}
	return s.source.Run(s.ctx, into)
}

// relay begins to publish what the session has, from its newest keyframe on.
func (s *session) relay(stream *camgate.Stream, begin begin) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.relays.Add(1)
	go func() { // waited for before done is closed
		defer s.relays.Done()
		for errors.Is(s.relayTracks(stream, begin), camgate.ErrTracksChanged) {
		}
	}()
}

// relayTracks relays until the session ends or goes on with other tracks.
func (s *session) relayTracks(stream *camgate.Stream, begin begin) error {
	tracks, err := s.own.Ready(s.ctx)
	if err != nil {
		return err
	}
	reader, err := s.own.Subscribe(s.ctx, camgate.SubscribeOptions{Tracks: tracks, Internal: true})
	if err != nil {
		return err
	}
	defer reader.Close()
	copies := make([]*camgate.Track, len(tracks))
	for i, t := range tracks {
		opts := t.TrackOptions
		opts.Params = t.Params()
		copies[i] = camgate.NewTrack(opts)
	}
	w, err := newWriter(stream, copies, begin)
	if err != nil {
		return err
	}
	defer w.Close()
	w.trusted = true
	stream.OnKeyframeRequest(s.own.RequestKeyframe)
	for {
		u, err := reader.Next()
		if err != nil {
			return err
		}
		if !u.Hold() {
			continue
		}
		var memory camgate.Memory
		if u.Memory != nil {
			memory = u // until the other stream is done with it, too
		}
		// An error is about this one sample; the source's own Writer would have told.
		_ = w.Write(Sample{
			Memory: memory,
			Track:  u.Track.ID, PTS: u.PTS, AU: u.AU, Lost: u.Lost,
			Discontinuity: u.Discontinuity && u.Lost == 0, RandomAccess: u.RandomAccess,
		})
	}
}

// end ends a session. One that does not end in time is shut out from the stream and
// left behind, so that the next one can begin. lift is called when it has ended; nil:
// there is no fence before it yet.
func (sup *Supervisor) end(s *session, lift func()) {
	s.cancel(nil)
	in := s.endsWithin(endLimit)
	switch {
	case in && lift == nil:
		return
	case in:
		lift()
		return
	case lift == nil && s.own == nil:
		lift = sup.fence()
	case lift == nil:
		lift = func() {}
	}
	s.relays.Wait() // ended by cancel, whatever the source does
	sup.abandoned.Add(1)
	sup.log.Error("source does not end, and is left behind", "source", s.source.String(), "after", endLimit)
	began := time.Now()
	go func() { // ends when the source does, for which nobody can wait
		<-s.done
		lift()
		sup.abandoned.Add(-1)
		sup.log.Warn("source that was left behind has ended", "source", s.source.String(), "after", time.Since(began).Round(time.Second))
	}()
}

// endsWithin waits for a session to end, at most that long.
func (s *session) endsWithin(limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-s.done:
		return true
	case <-timer.C:
		return false
	}
}

// fence keeps sources from publishing to the stream themselves, until lift is called.
func (sup *Supervisor) fence() (lift func()) {
	begin, open := sup.stream.Fence()
	sup.begin = begin
	sup.fences.Add(1)
	return func() {
		open()
		sup.fences.Add(-1)
	}
}

// replace puts a session that has proved itself in the place of another one: no
// picture is missing in between, however long that takes to end.
func (sup *Supervisor) replace(old, by *session) {
	lift := func() {}
	if old.own == nil {
		lift = sup.fence()
	} else {
		old.cancel(nil)
		old.relays.Wait()
		if sup.fences.Load() == 0 {
			lift = sup.fence()
		}
	}
	sup.now = by.index
	sup.stream.ChangeStatus(func(st *camgate.Status) { st.Source = by.source.String() })
	by.relay(sup.stream, sup.begin)
	sup.replaced.Go(func() { sup.end(old, lift) })
}

// ending returns what a session ended with.
func (s *session) ending() error {
	select {
	case <-s.done:
		return s.err
	default:
		return fmt.Errorf("%w: the source does not end", camgate.ErrTimeout)
	}
}

// sleep waits; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// keyframe waits for the next keyframe of a session that publishes to a stream of
// its own; false: it ended, or ctx did.
func (s *session) keyframe(ctx context.Context) bool {
	reader, err := s.own.Subscribe(ctx, camgate.SubscribeOptions{Internal: true, AnyStart: true})
	if err != nil {
		return false
	}
	defer reader.Close()
	s.own.RequestKeyframe()
	main := reader.Main()
	for {
		u, err := reader.Next()
		if err != nil {
			return false
		}
		if u.RandomAccess && (main == nil || u.Track == main) {
			return true
		}
	}
}
