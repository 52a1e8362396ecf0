package camgate

import (
	"testing"
	"time"
)

func TestRetransmit(t *testing.T) {
	f := newFeed(t, StreamLimits{}, videoTrack(), audioTrack())
	video, audio := f.tracks[0], f.tracks[1]
	video.nextSeq, audio.nextSeq = 65530, 100
	early := f.subscribe(SubscribeOptions{})
	defer early.Close()
	publish := func(track *Track, lost, packets int) *Unit {
		u := &Unit{Track: track, Lost: lost, RandomAccess: true}
		for range packets {
			u.AU = append(u.AU, []byte{1})
		}
		f.Publish(u)
		return u
	}
	a := publish(video, 0, 4)      // 65530 to 65533
	sound1 := publish(audio, 0, 1) // 100
	b := publish(video, 1, 3)      // 65535 to 1; 65534 was lost
	sound2 := publish(audio, 5, 1) // 106
	publish(video, 0, 0)           // none: 2 is c's
	c := publish(video, 0, 2)      // 2 and 3
	late := f.subscribe(SubscribeOptions{})
	defer late.Close()
	d := publish(video, 100, 1) // 104

	type find struct {
		track *Track
		seq   uint16
		unit  *Unit
		index int
	}
	check := func(tests []find) {
		t.Helper()
		for _, r := range []*Reader{early, late} {
			for _, tt := range tests {
				if u, i := r.Retransmit(tt.track, tt.seq); u != tt.unit || i != tt.index {
					t.Errorf("%s packet %d: %p, %d; want %p, %d", tt.track.Kind, tt.seq, u, i, tt.unit, tt.index)
				}
			}
		}
	}
	check([]find{
		{video, 65530, a, 0},
		{video, 65533, a, 3},
		{video, 65534, nil, 0}, // lost on the way to us
		{video, 65535, b, 0},
		{video, 0, b, 1},
		{video, 1, b, 2},
		{video, 2, c, 0},
		{video, 3, c, 1},
		{video, 4, nil, 0},
		{video, 103, nil, 0},
		{video, 104, d, 0},
		{video, 105, nil, 0},   // not there yet
		{video, 65529, nil, 0}, // before the first
		{video, 40000, nil, 0},
		{video, 20000, nil, 0},
		{audio, 106, sound2, 0},
		{audio, 100, sound1, 0},
		{audio, 105, nil, 0},
		{audio, 107, nil, 0},
		{audio, 99, nil, 0},
	})
	e := publish(video, 40000, 2) // more lost than half of all numbers
	check([]find{
		{video, 40105, e, 0},
		{video, 40106, e, 1},
		{video, 40104, nil, 0},
		{video, 40107, nil, 0},
		{audio, 100, sound1, 0},
	})
}

func TestRetransmitWindow(t *testing.T) {
	f := newFeed(t, StreamLimits{Ring: RingLimits{Window: time.Second}}, jpegTrack(), audioTrack())
	r := f.subscribe(SubscribeOptions{})
	defer r.Close()
	if u, _ := r.Retransmit(f.tracks[0], 0); u != nil {
		t.Error("found something in an empty ring")
	}
	old := f.publish('K', 3000)
	f.now += 600 * time.Millisecond
	kept := f.publish('K', 3000)
	f.publish('A', 10)
	f.now += 600 * time.Millisecond
	f.publish('K', 3000)
	if u, _ := r.Retransmit(f.tracks[0], old.FirstSeq()+2); u != nil {
		t.Error("found what left the window")
	}
	if u, i := r.Retransmit(f.tracks[0], kept.FirstSeq()+2); u != kept || i != 2 {
		t.Errorf("got %p, %d, want %p, 2", u, i, kept)
	}
	if u, _ := r.Retransmit(audioTrack(), 5); u != nil {
		t.Error("found a packet of a foreign track")
	}
}

func TestEdgeAndCached(t *testing.T) {
	f := newFeed(t, StreamLimits{}, videoTrack(), audioTrack())
	empty := f.subscribe(SubscribeOptions{})
	defer empty.Close()
	f.play("A K +2s P", SubscribeOptions{}) // the sound before the keyframe is gone
	r := f.subscribe(SubscribeOptions{})
	defer r.Close()
	edges := func(r *Reader) string {
		return f.names[r.Edge(f.tracks[0])] + "|" + f.names[r.Edge(f.tracks[1])]
	}
	if got := edges(empty) + edges(r); got != "|P2|" {
		t.Errorf("edges are %q", got)
	}
	f.play("A P", SubscribeOptions{})
	if got := edges(empty) + edges(r); got != "|P2|" {
		t.Errorf("edges moved on to %q", got)
	}
	for _, want := range []bool{true, true, false, false} {
		u, ok := r.Poll()
		if !ok || r.Cached(u) != want {
			t.Errorf("%s cached: %v, want %v", f.names[u], !want, want)
		}
	}
	f.play("+2s K", SubscribeOptions{})
	if got := edges(r); got != "|" {
		t.Errorf("edges are %q, which are not kept any more", got)
	}
}
