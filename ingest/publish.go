package ingest

import (
	"errors"
	"fmt"
	"sync"

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
	release func()

	mu     sync.Mutex
	writer *Writer // nil before Start
	closed bool
}

// Publish claims the stream for a publisher; owner describes it, without secrets.
// Only streams that AwaitPublisher was called for can be published to.
func Publish(s *camgate.Stream, owner string) (*Publication, error) {
	if s.Status().Source != PublishSource {
		return nil, &camgate.StreamError{Op: "publish", Stream: s.Name(),
			Err: fmt.Errorf("%w: it has a source of its own; give it \"source: publish\" to publish to it", camgate.ErrForbidden)}
	}
	release, err := s.Claim(owner)
	if err != nil {
		return nil, err
	}
	s.SetStatus(camgate.Status{State: camgate.StateConnecting, Source: PublishSource})
	return &Publication{stream: s, release: release}, nil
}

// Start begins the media. It is called once; after Close it fails with ErrClosed.
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
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.closed = true
	if p.writer != nil {
		p.writer.Close()
	}
	AwaitPublisher(p.stream)
	p.release()
}
