package camgate

import (
	"math"
	"testing"
	"time"
)

func TestTrackTime(t *testing.T) {
	tests := []struct {
		rate  int
		ticks int64
		time  time.Duration
	}{
		{90000, 0, 0},
		{90000, 1, 11111},
		{90000, -1, -11111},
		{90000, 3600, 40 * time.Millisecond},
		{90000, 90000 * 86400 * 365, 365 * 24 * time.Hour},
		{48000, 960, 20 * time.Millisecond},
		{44100, 1024, 23219954},
		{8000, -160, -20 * time.Millisecond},
		{0, 5, 0},
	}
	for _, tt := range tests {
		track := &Track{TrackOptions: TrackOptions{ClockRate: tt.rate}}
		if got := track.Duration(tt.ticks); got != tt.time {
			t.Errorf("%d ticks at %d Hz are %v, want %v", tt.ticks, tt.rate, got, tt.time)
		}
		want := tt.ticks
		if tt.rate == 0 {
			want = 0
		}
		if got := track.Ticks(tt.time); got != want {
			t.Errorf("%v at %d Hz are %d ticks, want %d", tt.time, tt.rate, got, want)
		}
	}
	track := &Track{TrackOptions: TrackOptions{ClockRate: 1000}}
	for d, want := range map[time.Duration]int64{499999: 0, 500000: 1, 1499999: 1, 1500000: 2, -499999: 0, -500000: -1, -1500001: -2} {
		if got := track.Ticks(d); got != want {
			t.Errorf("%d ns are %d ms, want %d (rounded to the nearest)", d, got, want)
		}
	}
}

// Ticks survive the way through a Duration, for 292 years of them.
func FuzzTicks(f *testing.F) {
	for _, ticks := range []int64{0, 1, -1, 89999, 90001, 1 << 31, 1 << 32, 1<<33 - 1, 90000 * 86400 * 365 * 100, math.MaxInt64, math.MinInt64} {
		f.Add(ticks)
	}
	f.Fuzz(func(t *testing.T, ticks int64) {
		for _, rate := range []int{1000, 8000, 44100, 48000, 90000} {
			ticks := ticks % (int64(math.MaxInt64/time.Second) * int64(rate)) // what a Duration can hold
			track := &Track{TrackOptions: TrackOptions{ClockRate: rate}}
			d := track.Duration(ticks)
			if got := track.Ticks(d); got != ticks {
				t.Errorf("%d ticks at %d Hz are %d ns and then %d ticks", ticks, rate, d, got)
			}
			if (d < 0) != (ticks < 0) && d != 0 {
				t.Errorf("%d ticks at %d Hz are %d ns", ticks, rate, d)
			}
		}
	})
}

func TestNewTrack(t *testing.T) {
	a, b := videoTrack(), videoTrack()
	if a.SSRC == b.SSRC || a.RTPTime(0) == b.RTPTime(0) {
		t.Error("two tracks have the same SSRC or timestamps")
	}
	if a.RTPTime(1<<32+5)-a.RTPTime(0) != 5 || a.RTPTime(-5)-a.RTPTime(0) != math.MaxUint32-4 {
		t.Error("RTP timestamps do not wrap")
	}
	if a.Params() == nil {
		t.Error("no parameters")
	}
	p := &Params{Width: 1}
	a.SetParams(p)
	if a.Params() != p {
		t.Error("parameters are not those that were set")
	}
	if got := NewTrack(TrackOptions{Params: p}); got.Params() != p {
		t.Error("parameters are not those of the options")
	}
}

func TestUnderstood(t *testing.T) {
	for codec, want := range map[Codec]bool{
		H264: true, H265: true, VP8: true, VP9: true, AV1: true, MJPEG: true, Raw: true, AAC: true, Opus: true, PCMA: true, PCMU: true,
		G722: false, LPCM: false, AC3: false, KLV: false, "x-anything": false, "": false,
	} {
		if got := codec.Understood(); got != want {
			t.Errorf("%q: %v, want %v", codec, got, want)
		}
	}
}

func TestParamsDiffer(t *testing.T) {
	full := Params{VPS: []byte{1}, SPS: []byte{2}, PPS: []byte{3}, Config: []byte{4}, Width: 640, Height: 480, FPS: 25, Profile: "High 4.1"}
	tests := map[string]struct {
		change func(p *Params)
		want   bool
	}{
		"the same":       {func(p *Params) {}, false},
		"says nothing":   {func(p *Params) { *p = Params{} }, false},
		"says less":      {func(p *Params) { *p = Params{SPS: []byte{2}} }, false},
		"VPS":            {func(p *Params) { p.VPS = []byte{9} }, true},
		"SPS":            {func(p *Params) { p.SPS = []byte{2, 2} }, true},
		"PPS":            {func(p *Params) { p.PPS = []byte{9} }, true},
		"Config":         {func(p *Params) { p.Config = []byte{9} }, true},
		"Width":          {func(p *Params) { p.Width = 1280 }, true},
		"Height":         {func(p *Params) { p.Height = 720 }, true},
		"FPS":            {func(p *Params) { p.FPS = 30 }, true},
		"Profile":        {func(p *Params) { p.Profile = "Main 4.1" }, true},
		"the only thing": {func(p *Params) { *p = Params{PPS: []byte{9}} }, true},
	}
	for name, tt := range tests {
		next := full
		tt.change(&next)
		if got := full.differ(&next); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
	if !(&Params{}).differ(&full) {
		t.Error("what was not known before is new")
	}
}
