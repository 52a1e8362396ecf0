package webrtc

import (
	"encoding/binary"
	"testing"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/camgate/camgate"
)

// twoSizes is a gateway with a stream and a smaller one, on the same clock, whose
// pictures have numbers from subFrames on.
func twoSizes(t *testing.T) (g *gateway, sub *camgate.Stream) {
	t.Helper()
	stream := newStream(t)
	sub = camgate.NewRendition("cam/sub", camgate.StreamLimits{})
	t.Cleanup(sub.Close)
	sub.Follow(stream)
	p, small := newProgram(t, stream, true), newProgram(t, sub, true)
	small.frame, small.p, small.idr = subFrames, 800, 3_000
	for range 20 {
		p.next()
		small.next()
	}
	g = newGateway(t, stream, logTo(t), func(o *Options) {
		o.Smaller = func(s *camgate.Stream) []*camgate.Stream {
			if s != stream {
				t.Error(s.Name())
			}
			return []*camgate.Stream{sub}
		}
	})
	p.run()
	small.run()
	return g, sub
}

const subFrames = 50_000

// number is that of the picture whose last packet p is; ok is false for others.
func number(p *rtp.Packet) (n int, ok bool) {
	if !p.Marker || len(p.Payload) < 5 {
		return 0, false
	}
	return int(binary.BigEndian.Uint32(p.Payload[len(p.Payload)-5:]) & 0xffff), true
}

// complain reports losses until ok is true of the newest picture.
func (c *client) complain(what string, ok func(newest int) bool) {
	c.t.Helper()
	told := 0
	c.wait(what, func() bool {
		packets := c.packets["video"]
		if len(packets) == 0 {
			return false
		}
		p := packets[len(packets)-1]
		if len(packets) > told+20 {
			told = len(packets)
			report := &rtcp.ReceiverReport{SSRC: 1, Reports: []rtcp.ReceptionReport{{SSRC: p.SSRC, FractionLost: 100, LastSequenceNumber: uint32(p.SequenceNumber)}}}
			if err := c.pc.WriteRTCP([]rtcp.Packet{report}); err != nil {
				c.t.Error(err)
			}
		}
		n, is := number(p)
		return is && ok(n)
	})
}

// A viewer that misses much gets the smaller rendition in the same packets: the numbers
// go on, timestamps are in order, and sound misses nothing. When that ends, it gets the
// stream again.
func TestSmallerRendition(t *testing.T) {
	g, sub := twoSizes(t)
	v := g.join(t, clientOptions{})
	v.complain("smaller pictures", func(n int) bool { return n > subFrames })
	choice := func() *camgate.Choice {
		for _, r := range sub.Info().Readers {
			return r.Choice
		}
		return nil
	}
	eventually(t, "the API tells", func() bool {
		c := choice()
		return c != nil && c.Asked == "cam" && c.Rendition == "cam/sub" && c.Changes == 1
	})
	v.wait("more of them", func() bool { return len(v.packets["audio"]) > 100 })
	if n := len(g.stream.Info().Readers); n != 0 {
		t.Errorf("%d readers of the stream", n)
	}
	sub.Close()
	v.wait("large pictures", func() bool {
		p := v.packets["video"]
		n, ok := number(p[len(p)-1])
		return ok && n < subFrames
	})
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, kind := range []string{"video", "audio"} {
		jumps := 0
		for i, p := range v.packets[kind][1:] {
			before := v.packets[kind][i]
			if p.SequenceNumber != before.SequenceNumber+1 || p.SSRC != before.SSRC {
				t.Errorf("%s: %v after %v", kind, p.Header, before.Header)
			}
			d := int32(p.Timestamp - before.Timestamp)
			if d < 0 || before.Marker && d == 0 && kind == "video" {
				t.Errorf("%s: timestamp %d after %d", kind, p.Timestamp, before.Timestamp)
			}
			if kind == "audio" && d != 960 {
				jumps++
			}
		}
		if jumps > 2 { // the rendition that ended may have been ahead
			t.Errorf("%s: %d gaps", kind, jumps)
		}
	}
}

// Who watches a stream that never fits is sent the smaller one, and hears no less.
func TestSmallerRenditionIsNotThere(t *testing.T) {
	g, sub := twoSizes(t)
	sub.Close()
	v := g.join(t, clientOptions{})
	v.complain("pictures all the same", func(n int) bool { return n > 100 && n < subFrames })
}
