package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/camgate/camgate"
)

// PublishSource is the String of streams that wait for somebody to publish them.
const PublishSource = "publish"

// errNobody is why a stream that is published to is not live.
var errNobody = errors.New("nobody publishes it now")

// AwaitPublisher marks a stream as one that is published to.
func AwaitPublisher(s *camgate.Stream) {
	s.SetStatus(camgate.Status{State: camgate.StateIdle, Err: errNobody, Source: PublishSource})
}

// Publication is one publisher's hold of a stream. It is safe for use by several
// goroutines.
type Publication struct {
	stream  *camgate.Stream
	log     *slog.Logger
	release func()
	end     context.CancelFunc // ends watch
	watched sync.WaitGroup

	mu     sync.Mutex
	writer *Writer // nil before Start
	closed bool
}

// Publish claims the stream for a publisher; owner describes it, without secrets. The log
// has a line when it freezes, and when it goes on. Only streams that AwaitPublisher was
// called for can be published to.
func Publish(s *camgate.Stream, owner string, log *slog.Logger) (*Publication, error) {
	if s.Status().Source != PublishSource {
		return nil, &camgate.StreamError{Op: "publish", Stream: s.Name(),
			Err: fmt.Errorf("%w: it has a source of its own; give it \"source: publish\" to publish to it", camgate.ErrForbidden)}
	}
	release, err := s.Claim(owner)
	if err != nil {
		return nil, err
	}
	s.SetStatus(camgate.Status{State: camgate.StateConnecting, Source: PublishSource})
	p := &Publication{stream: s, log: log, release: release}
	ctx, end := context.WithCancel(context.Background())
	p.end = end
	p.watched.Go(func() { p.watch(ctx) }) // waited for by Close
	return p, nil
}

// watch tells of a publisher from whom nothing complete comes any more. His session is
// not ended for it: whether he is still there is seen by those who talk to him, and who
// shows a screen, or pauses, may send nothing.
func (p *Publication) watch(ctx context.Context) {
	ticker := time.NewTicker(watchTick)
	defer ticker.Stop()
	pulse := newPulse(p.stream, cmp.Or(p.stream.Intake().Stall, defaultStall))
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			pulse.beat(now)
			p.tell(pulse.stalled(now))
		}
	}
}

// tell changes the stream's state where why, or that there is none, is news.
func (p *Publication) tell(why error) {
	from, to := camgate.StateStalled, camgate.StateLive
	if why != nil {
		from, to = to, from
	}
	if p.stream.Status().State != from {
		return
	}
	changed := false
	p.stream.ChangeStatus(func(st *camgate.Status) {
		if changed = st.State == from; changed {
			st.State, st.Err = to, why
		}
	})
	switch {
	case !changed:
	case why != nil:
		p.log.Warn("publisher is stalled", "err", why)
	default:
		p.log.Info("publisher is live again")
	}
}

// Start begins the media, or goes on with them after their Writer was closed. After Close
// it fails with ErrClosed.
func (p *Publication) Start(tracks []*camgate.Track) (*Writer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, &camgate.StreamError{Op: "publish", Stream: p.stream.Name(), Err: camgate.ErrClosed}
	}
	w, err := NewWriter(p.stream, tracks)
	p.writer = w
	return w, err
}

// Close ends the publication; the stream waits for the next one.
func (p *Publication) Close() {
	p.mu.Lock()
	closed, writer := p.closed, p.writer
	p.closed = true
	p.mu.Unlock()
	if closed {
		return
	}
	if writer != nil {
		writer.Close()
	}
	p.end()
	p.watched.Wait()
	AwaitPublisher(p.stream)
	p.release()
}
