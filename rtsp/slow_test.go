package rtsp

import (
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// A reader that takes nothing is sent away; meanwhile the others get all.
func TestStuckReader(t *testing.T) {
	g := newGateway(t, func(o *Options) { o.ReaderTimeout = 3 * time.Second })
	s := g.stream(t, "cam")
	cam := newCamera(t, s, false)
	cam.size = 200_000
	cam.gop(1)
	stuck := dialWire(t, g.url("cam"))
	stuck.setup(0)
	stuck.want(200, "PLAY", stuck.base)
	good := dialWire(t, g.url("cam"))
	good.setup(0)
	good.want(200, "PLAY", good.base)
	stop := cam.run()
	defer stop()
	var next uint16
	begun := false
	for deadline := time.Now().Add(10 * time.Second); viewers(s) == 2; {
		if frame := good.frame(); frame[1] == 0 {
			p := parseRTP(t, frame[4:])
			if begun && p.SequenceNumber != next {
				t.Fatalf("packet %d after %d", p.SequenceNumber, next-1)
			}
			begun, next = true, p.SequenceNumber+1
		}
		if time.Now().After(deadline) {
			t.Fatal("the reader that is stuck is still there")
		}
	}
	eventually(t, "a line in the log", func() bool { return strings.Contains(g.logs.String(), "i/o timeout") })
}

// A reader that falls behind misses pictures, with a gap in the numbers that tells
// so, goes on at a keyframe, and stays.
func TestSlowReader(t *testing.T) {
	g := newGateway(t, nil)
	s, err := g.registry.Add("cam", camgate.StreamLimits{MaxLag: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	cam := newCamera(t, s, false)
	cam.size = 400_000
	cam.gop(1)
	w := dialWire(t, g.url("cam"))
	w.setup(0)
	w.want(200, "PLAY", w.base)
	stop := cam.run()
	defer stop()
	w.frame()
	skipped := func() (n uint64) {
		for _, r := range s.Info().Readers {
			for _, reason := range camgate.SkipReasons() {
				n += r.Skipped[reason]
			}
		}
		return n
	}
	// Takes a little, just enough not to be stuck, until it has missed something: however
	// slow the machine, a fifteenth of what the camera gives.
	const some = 20 // packets of each picture, which has 300
	taken, before := uint64(0), cam.tracks[0].Arrived()
	for deadline := time.Now().Add(20 * time.Second); skipped() == 0; {
		if taken < some*(cam.tracks[0].Arrived()-before) {
			w.frame()
			taken++
		}
		if time.Now().After(deadline) {
			t.Fatal("it misses nothing")
		}
		<-time.After(time.Millisecond)
	}
	var next uint16
	for begun := false; ; begun = true {
		frame := w.frame()
		if frame[1] != 0 {
			continue
		}
		p := parseRTP(t, frame[4:])
		if begun && p.SequenceNumber != next {
			if p.Payload[0]&0x1f != 24 || p.Payload[3]&0x1f != 7 {
				t.Errorf("after the gap comes % x", p.Payload[:4])
			}
			break
		}
		next = p.SequenceNumber + 1
	}
	w.want(200, "OPTIONS", w.base)
}
