package camgate

import (
	"testing"
	"time"
)

func TestRingRules(t *testing.T) {
	const unit = 100 + unitCost + pieceCost
	av := func() []*Track { return []*Track{videoTrack(), audioTrack()} }
	tests := []struct {
		name   string
		limits StreamLimits
		tracks func() []*Track
		only   func([]*Track) []*Track
		opts   SubscribeOptions
		script string
		got    string
		skips  string
	}{
		// 2. A new cursor starts at the newest keyframe.
		{name: "joiner starts at the newest keyframe",
			script: "K P A K P A sub read", got: "K3 P4 A5"},
		{name: "joiner goes on gap-free",
			script: "K P sub read P A K P read", got: "K0 P1 P2 A3 K4 P5"},
		{name: "joiner between two Units reads each once",
			script: "K P sub read1 P read1 P read read", got: "K0 P1 P2 P3"},
		{name: "joiner before anything waits for a keyframe",
			script: "sub read P A P K A P read", got: "K3 A4 P5", skips: "wait_keyframe=3"},
		{name: "joiner of a stream that has begun in the middle of a GOP",
			script: "P A P sub read P A K P read", got: "K5 P6", skips: "wait_keyframe=2"},
		{name: "sound of the cached GOP is left out when asked",
			opts:   SubscribeOptions{LiveAudio: true},
			script: "K A P A P sub A P read", got: "K0 P2 P4 A5 P6"},
		{name: "sound only, asked for with LiveAudio",
			only: func(ts []*Track) []*Track { return ts[1:] }, opts: SubscribeOptions{LiveAudio: true},
			script: "K A A sub A P read", got: "A3"},
		{name: "picture only",
			only:   func(ts []*Track) []*Track { return ts[:1] },
			script: "K A P sub A P read", got: "K0 P2 P4"},
		{name: "nothing wanted, nothing got",
			only:   func([]*Track) []*Track { return []*Track{} },
			script: "K A P sub A K P read", got: ""},

		// 3. A cursor that was evicted or lags goes to the newest keyframe.
		{name: "reader behind by time skips to the newest keyframe",
			limits: StreamLimits{MaxLag: 100 * time.Millisecond},
			script: "K P sub read +40ms P P +40ms K P P +40ms K P +40ms P P P read", got: "K0 P1 K7 P8 P9 P10 P11", skips: "lag=5"},
		{name: "reader behind by exactly MaxLag goes on",
			limits: StreamLimits{MaxLag: 100 * time.Millisecond},
			script: "K sub read P +100ms K P read", got: "K0 P1 K2 P3"},
		{name: "reader behind by bytes skips to the newest keyframe",
			limits: StreamLimits{MaxLagBytes: 3 * unit},
			script: "K P sub read P P K P P read", got: "K0 P1 K4 P5 P6", skips: "lag=2"},
		{name: "reader behind by exactly MaxLagBytes goes on",
			limits: StreamLimits{MaxLagBytes: 3 * unit},
			script: "K P sub read P P P P read", got: "K0 P1 P2 P3 P4 P5"},
		{name: "newest keyframe too old: waits for the next one, never mid-GOP",
			limits: StreamLimits{MaxLag: 100 * time.Millisecond},
			script: "K P sub read P K P +60ms P A +60ms P read A P K P read", got: "K0 P1 K10 P11", skips: "lag=6 wait_keyframe=2"},
		{name: "no keyframe ahead: waits for the next one",
			limits: StreamLimits{MaxLag: 100 * time.Millisecond},
			script: "K P P sub read2 read P +60ms P +60ms P P read P K P read", got: "K0 P1 P2 K8 P9", skips: "lag=4 wait_keyframe=1"},
		{name: "lag counts only once the joiner has caught up",
			limits: StreamLimits{MaxLag: 100 * time.Millisecond},
			script: "K P +90ms P +90ms P +90ms P sub read2 +90ms P read P read", got: "K0 P1 P2 P3 P4 P5 P6"},
		{name: "per reader MaxLag",
			opts:   SubscribeOptions{MaxLag: 50 * time.Millisecond},
			script: "K sub read P +60ms K P read", got: "K0 K2 P3", skips: "lag=1"},
		{name: "per reader MaxLagBytes",
			opts:   SubscribeOptions{MaxLagBytes: unit},
			script: "K sub read P K P read", got: "K0 K2 P3", skips: "lag=1"},

		// What is kept: the GOP, and a window.
		{name: "what a laggard wants is gone after the window",
			limits: StreamLimits{Ring: RingLimits{Window: 200 * time.Millisecond}, MaxLag: time.Minute},
			script: "K P sub read1 P P +100ms P K P +150ms P read", got: "K0 K5 P6 P7", skips: "evicted=4"},
		{name: "a laggard within the window misses nothing",
			limits: StreamLimits{Ring: RingLimits{Window: 200 * time.Millisecond}, MaxLag: time.Minute},
			script: "K P sub read1 P P +100ms P K P +100ms P read", got: "K0 P1 P2 P3 P4 K5 P6 P7"},
		{name: "the GOP is kept beyond the window",
			limits: StreamLimits{Ring: RingLimits{Window: 200 * time.Millisecond}},
			script: "K P +2s P A +2s P sub read", got: "K0 P1 P2 A3 P4"},
		{name: "GOP over CacheTime: joiners wait for the next keyframe",
			limits: StreamLimits{Ring: RingLimits{CacheTime: time.Second}},
			script: "K P +900ms P +101ms P sub read P K P read", got: "K5 P6", skips: "wait_keyframe=1"},
		{name: "GOP of exactly CacheTime is whole",
			limits: StreamLimits{Ring: RingLimits{CacheTime: time.Second}},
			script: "K P +900ms P +100ms P sub read", got: "K0 P1 P2 P3"},
		{name: "GOP over CacheBytes: a joiner that reads it waits for the next keyframe",
			limits: StreamLimits{Ring: RingLimits{CacheBytes: 4 * unit}},
			script: "K P P P sub read1 P P read P K P read", got: "K0 K7 P8", skips: "evicted=5 wait_keyframe=1"},
		{name: "the newest Unit is kept however large it is",
			limits: StreamLimits{Ring: RingLimits{CacheBytes: 4 * unit}},
			script: "K P K:5000 sub P read", got: "", skips: "evicted=2"},

		// A second video track, read on its own, has no cached GOP but starts at a
		// keyframe of its own all the same.
		{name: "second video track",
			tracks: func() []*Track { return []*Track{videoTrack(), videoTrack()} },
			only:   func(ts []*Track) []*Track { return ts[1:] },
			script: "K k sub read P p K p k p read", got: "k6 p7", skips: "wait_keyframe=4"},
		{name: "second video track, behind",
			tracks: func() []*Track { return []*Track{videoTrack(), videoTrack()} },
			only:   func(ts []*Track) []*Track { return ts[1:] },
			limits: StreamLimits{MaxLag: 100 * time.Millisecond},
			script: "sub k read p +200ms K k p read p k p read", got: "k0 k6 p7", skips: "lag=4 wait_keyframe=1"},

		// 4. Every unit is a keyframe: freshest wins.
		{name: "MJPEG: joiner gets the newest picture",
			tracks: func() []*Track { return []*Track{jpegTrack()} },
			script: "K K K sub read", got: "K2"},
		{name: "MJPEG: laggard gets the newest picture",
			tracks: func() []*Track { return []*Track{jpegTrack()} },
			limits: StreamLimits{MaxLag: 100 * time.Millisecond},
			script: "K sub read K K +200ms K K read", got: "K0 K4", skips: "lag=3"},
		{name: "MJPEG: who is slow from the first picture on has the newest one since it was moved",
			tracks: func() []*Track { return []*Track{jpegTrack()} },
			limits: StreamLimits{Ring: RingLimits{Window: 200 * time.Millisecond}, MaxLag: 100 * time.Millisecond},
			script: "K sub read1 K +250ms K read1 K +150ms K read1 K +150ms K read1", got: "K0 K2 K4 K6", skips: "lag=2 evicted=1"},
		{name: "sound only: joiner starts at the live edge",
			tracks: func() []*Track { return []*Track{audioTrack()} },
			script: "A A A sub A A read", got: "A3 A4"},
		{name: "sound only: laggard goes to the live edge",
			tracks: func() []*Track { return []*Track{audioTrack()} },
			limits: StreamLimits{MaxLag: 100 * time.Millisecond},
			script: "A sub A read A A +200ms A read A read", got: "A1 A5", skips: "lag=3"},
		{name: "sound of a stream with pictures: never waits for a keyframe",
			only:   func(ts []*Track) []*Track { return ts[1:] },
			limits: StreamLimits{MaxLag: 100 * time.Millisecond},
			script: "A sub A read A K A +200ms P A read A read", got: "A1 A7", skips: "lag=5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.tracks == nil {
				tt.tracks = av
			}
			f := newFeed(t, tt.limits, tt.tracks()...)
			if tt.only != nil {
				tt.opts.Tracks = tt.only(f.tracks)
			}
			got, skipped := f.play(tt.script, tt.opts)
			if got != tt.got || skipped != tt.skips {
				t.Errorf("%s:\ngot  %q skipped %q\nwant %q skipped %q", tt.script, got, skipped, tt.got, tt.skips)
			}
		})
	}
}

// A stream that nobody reads keeps what a reader to come needs, and little more; while
// somebody reads it the window is whole.
func TestUnreadRing(t *testing.T) {
	f := newFeed(t, StreamLimits{Ring: RingLimits{Window: time.Second}}, videoTrack(), audioTrack())
	held := func() int {
		units, _ := f.gen.Load().ring.held()
		return units
	}
	gop := func() { f.play("+100ms K +100ms P +100ms P +100ms P +100ms P +100ms A", SubscribeOptions{}) }
	gop()
	gop()
	f.play("+100ms K", SubscribeOptions{})
	if n := held(); n != 3 { // of 100 and 200 ms before
		t.Errorf("%d Units are kept for nobody", n)
	}
	r := f.subscribe(SubscribeOptions{})
	if u := r.Edge(f.tracks[1]); u == nil {
		t.Error("the newest sound before the keyframe is gone")
	}
	gop()
	gop()
	f.play("+100ms K", SubscribeOptions{})
	if n := held(); n != 11 {
		t.Errorf("%d Units are kept for a reader", n)
	}
	r.Close()
	r.Close()
	f.play("+100ms K", SubscribeOptions{})
	if n := held(); n != 3 {
		t.Errorf("%d Units are kept after it left", n)
	}
}
