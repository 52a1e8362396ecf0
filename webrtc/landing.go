package webrtc

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/camgate/camgate"
)

// landing is a rendition that can be read.
type landing struct {
	rung   int
	plan   *plan
	reader *camgate.Reader
	since  time.Time
	asked  bool
	err    error
}

func (n *landing) drop() {
	if n == nil || n.err != nil {
		return
	}
	n.reader.Close()
	n.plan.end()
}

// prepare makes a stream ready to be read in place of another plan's.
func (s *session) prepare(ctx context.Context, stream *camgate.Stream, from *plan) *landing {
	ctx, cancel := context.WithTimeout(ctx, s.server.opts.StartTimeout)
	defer cancel()
	tracks, err := stream.Ready(ctx)
	if err != nil {
		return &landing{err: err}
	}
	p, err := s.server.plan(ctx, s.offer, stream, tracks)
	if err != nil {
		return &landing{err: err}
	}
	if err := p.follows(from); err != nil {
		p.end()
		return &landing{err: err}
	}
	r, err := p.stream.Subscribe(s.ctx, s.reading(p, s.transport.path.Load().remote.String())) //nolint:contextcheck // it outlives what prepares it
	if err != nil {
		p.end()
		return &landing{err: err}
	}
	return &landing{plan: p, reader: r}
}

// follows makes a plan one that can take the place of another one: the same sections,
// by the same payload types.
func (p *plan) follows(old *plan) error {
	routes := slices.Clone(old.routes)
	for i := range routes {
		r := &routes[i]
		n := slices.IndexFunc(p.routes, func(o route) bool { return o.section == r.section })
		if n < 0 || r.codec.fits(p.routes[n].track) == 0 {
			return fmt.Errorf("%w: it has no %s %s", camgate.ErrUnsupportedCodec, r.track.Kind, r.track.Codec)
		}
		r.track = p.routes[n].track
	}
	p.routes = routes
	return nil
}

// goTo reads another rendition from now on.
func (v *viewer) goTo(n *landing, now time.Time) {
	c, old := v.climb, v.reader.Load()
	for u, ok := old.Poll(); ok; u, ok = old.Poll() { // sound is not to miss anything
		if u.Track.Kind == camgate.Audio {
			v.send(u, v.shift(u))
		}
	}
	v.change(n.plan, n.reader)
	old.Close()
	c.next, c.hush = nil, false
	verdict := v.judgement()
	from := c.streams[c.ladder.rung].Name()
	c.changes++
	c.ladder.went(now, n.rung)
	c.target, c.meter = n.rung, meter{}
	v.watch()
	v.tellPath()
	v.tellChoice(verdict)
	v.log.Info("reader gets another rendition", "rendition", c.streams[n.rung].Name(), "before", from,
		"estimate", int(verdict.carries), "queue", verdict.queue, "lost_percent", int(verdict.lost*100+0.5))
}

// change puts another plan and its reader in the place of those of now.
func (v *viewer) change(p *plan, r *camgate.Reader) {
	v.now.end()
	v.now = p
	v.transport.mu.Lock()
	defer v.transport.mu.Unlock()
	v.from.Store(p.stream)
	v.reader.Store(r)
	for i, l := range v.lanes {
		l.track, l.past, l.turned = p.routes[i].track, nil, l.newest != nil
		video := l.track.Kind == camgate.Video
		l.hurried, l.overlaps = video, !video
	}
}
