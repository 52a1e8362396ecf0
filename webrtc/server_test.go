package webrtc

import (
	"testing"

	"github.com/pion/rtp"
)

func TestViewerReceives(t *testing.T) {
	stream := newStream(t)
	p := newProgram(t, stream, true)
	for range 30 {
		p.next()
	}
	g := newGateway(t, stream, logTo(t))
	p.run()
	c := g.join(t, clientOptions{})
	c.wait("picture and sound", func() bool { return len(c.packets["video"]) > 300 && len(c.packets["audio"]) > 50 })
	c.mu.Lock()
	defer c.mu.Unlock()
	for kind, packets := range c.packets {
		contiguous(t, kind, packets)
	}
}

func contiguous(t *testing.T, kind string, packets []*rtp.Packet) {
	t.Helper()
	for i := 1; i < len(packets); i++ {
		if d := packets[i].SequenceNumber - packets[i-1].SequenceNumber; d != 1 {
			t.Errorf("%s packet %d: sequence number goes on by %d", kind, i, d)
		}
		if d := int32(packets[i].Timestamp - packets[i-1].Timestamp); d < 0 {
			t.Errorf("%s packet %d: timestamp goes back by %d", kind, i, -d)
		}
	}
}
