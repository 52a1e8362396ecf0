package hls

import (
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// TestParameterChange: the picture changes its size within a session, and tracks
// change with a new one; players are told of both in the playlist that they have.
func TestParameterChange(t *testing.T) {
	big, small, other := load(t, "h264-aac").only(camgate.Video), load(t, "h264-small"), load(t, "h265-opus")
	inBubble(t, Options{}, func(t *testing.T, g *gateway) {
		g.wg.Go(func() {
			play(g.ctx, t, g.stream, big, 7*time.Second)
			play(g.ctx, t, g.stream, small, 7*time.Second)
			play(g.ctx, t, g.stream, other, forever)
		})
		time.Sleep(5 * time.Second)
		before := g.get(t, indexName)
		g.get(t, mediaName)
		time.Sleep(4 * time.Second)
		body := g.get(t, mediaName)
		maps := strings.Count(body, "#EXT-X-MAP:")
		if maps != 2 || strings.Count(body, "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:") != 1 {
			t.Errorf("after the change of parameters:\n%s", body)
		}
		if index := g.get(t, indexName); !strings.Contains(index, "RESOLUTION=160x90") || !strings.Contains(before, "RESOLUTION=320x180") {
			t.Errorf("before:\n%s\nafter:\n%s", before, index)
		}
		time.Sleep(7 * time.Second)
		body = g.get(t, mediaName)
		if strings.Count(body, "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:") == 0 {
			t.Errorf("after the change of tracks:\n%s", body)
		}
		if index := g.get(t, indexName); !strings.Contains(index, "hvc1") || !strings.Contains(index, "opus") {
			t.Errorf("after the change of tracks:\n%s", index)
		}
		time.Sleep(20 * time.Second)
		body = g.get(t, mediaName)
		if strings.Contains(body, "#EXT-X-DISCONTINUITY\n") || !strings.Contains(body, "#EXT-X-DISCONTINUITY-SEQUENCE:2\n") {
			t.Errorf("long after:\n%s", body)
		}
		m := g.media(t, "")
		tracks := samples(t, g.get(t, m.Map.URI), g.get(t, m.Segments[0].URI))
		if len(tracks[1]) != 50 || len(tracks[2]) < 90 {
			t.Errorf("%d pictures and %d sounds in a segment of 2 s", len(tracks[1]), len(tracks[2]))
		}
	})
}

// TestSourceReturns: the source is away for a while; its return is a discontinuity
// and the numbers go on.
func TestSourceReturns(t *testing.T) {
	c := load(t, "h264-aac")
	inBubble(t, Options{}, func(t *testing.T, g *gateway) {
		g.wg.Go(func() {
			play(g.ctx, t, g.stream, c, 5*time.Second)
			time.Sleep(8 * time.Second)
			play(g.ctx, t, g.stream, c, forever)
		})
		time.Sleep(3 * time.Second)
		m := g.media(t, "")
		parts, news := 0, 0
		for range 100 {
			n := g.media(t, next(m))
			if last := n.Parts; len(last) > 0 && (len(m.Parts) == 0 || last[len(last)-1].URI != m.Parts[len(m.Parts)-1].URI) {
				parts++
			}
			for i, s := range n.Segments {
				if s.Discontinuity && n.MediaSequence+i >= m.MediaSequence+len(m.Segments) {
					news++
				}
			}
			m = n
		}
		if parts < 50 || news != 1 {
			t.Errorf("%d parts seen, %d discontinuities", parts, news)
		}
	})
}
