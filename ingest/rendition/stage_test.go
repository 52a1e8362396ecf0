package rendition

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// parrot says each thing once more, in another codec.
type parrot struct {
	to     camgate.Codec
	closed atomic.Bool
	says   error
}

func (p *parrot) Track() camgate.TrackOptions {
	return camgate.TrackOptions{Kind: camgate.Audio, Codec: p.to, ClockRate: 48000, Channels: 1}
}

func (p *parrot) Write(at time.Duration, au [][]byte, _ bool, out func(time.Duration, []byte) error) error {
	if p.says != nil {
		return p.says
	}
	return out(at, au[0][:10])
}

func (p *parrot) Close() { p.closed.Store(true) }

// studio makes parrots, and knows them all.
type studio struct {
	mu   sync.Mutex
	all  []*parrot
	fail error
	mute error // what the first one says
}

func (s *studio) make(_ *camgate.Track, to camgate.Codec) (Sound, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return nil, s.fail
	}
	p := &parrot{to: to}
	if len(s.all) == 0 {
		p.says = s.mute
	}
	s.all = append(s.all, p)
	return p, nil
}

// stage is a camera's stream, and what makes variants of it.
type stage struct {
	camera   *camera
	stream   *camgate.Stream
	variants *Variants
	stop     func()
}

func newStage(t *testing.T, opts VariantOptions) *stage {
	t.Helper()
	return newStageOf(t, &camera{}, opts)
}

func newStageOf(t *testing.T, c *camera, opts VariantOptions) *stage {
	t.Helper()
	s := &stage{camera: c, stream: camgate.NewRendition("cam", camgate.StreamLimits{}), variants: NewVariants(opts)}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	up := ingest.NewSupervisor(s.stream, []camgate.Source{s.camera}, ingest.Options{})
	all.Go(func() { _ = up.Run(ctx) })
	all.Go(func() { _ = s.variants.Run(ctx) })
	s.stop = func() {
		cancel()
		all.Wait()
	}
	time.Sleep(3 * time.Second) // the camera's GOP has 25 pictures: there is one to begin with
	return s
}

func (s *stage) use(t *testing.T, v camgate.Variant) (*camgate.Stream, func()) {
	t.Helper()
	stream, release, err := s.variants.Use(t.Context(), s.stream, v)
	if err != nil {
		t.Fatal(err)
	}
	return stream, release
}

// watch is use by somebody who reads it.
func (s *stage) watch(t *testing.T, v camgate.Variant) (stream *camgate.Stream, r *camgate.Reader, leave func()) {
	t.Helper()
	stream, release := s.use(t, v)
	r, err := stream.Subscribe(t.Context(), camgate.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return stream, r, func() { r.Close(); release() }
}
