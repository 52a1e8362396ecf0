package rendition

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camgate/camgate"
)

// Settings change without a gap: the old session goes on until the new one has a
// keyframe.
func TestSettingsChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := (&workshop{}).add(worker{name: "soft", delay: 300 * time.Millisecond, gop: 25})
		b := newBench(t, shop, Settings{Bitrate: 1e5})
		defer b.close()
		b.watch(t, 60, 40*time.Millisecond)
		want, _ := b.source.Settings()
		want.Width, want.Height = 160, 90
		b.source.Set(want)
		b.watch(t, 100, 40*time.Millisecond)
		want.Bitrate = 2e5
		b.source.Set(want)
		b.watch(t, 100, 40*time.Millisecond)
		works := shop.works()
		if len(works) != 3 || works[1].settings.Width != 160 || works[2].settings.Bitrate != 2e5 {
			t.Fatalf("%d sessions", len(works))
		}
		for i, w := range works {
			if _, ended := w.state(); ended != (i < 2) {
				t.Errorf("session %d has ended: %v", i, ended)
			}
		}
	})
}

func TestBitrateChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := (&workshop{}).add(worker{name: "soft", able: true})
		b := newBench(t, shop, Settings{Bitrate: 1e5})
		defer b.close()
		b.watch(t, 60, 40*time.Millisecond)
		want, _ := b.source.Settings()
		want.Bitrate = 2e5
		b.source.Set(want)
		b.watch(t, 60, 40*time.Millisecond)
		works := shop.works()
		if n, _ := works[0].state(); len(works) != 1 || n != 2e5 {
			t.Errorf("%d sessions, the first one with %d", len(works), n)
		}
		// From encoded to untouched and back: readers stay.
		b.source.Set(Settings{})
		for i := 0; i < 50; i++ {
			next(t, b.reader)
		}
		if got := b.child.Info().Encoder; got != "" {
			t.Errorf("encoded by %q", got)
		}
		b.source.Set(want)
		for i := 0; i < 200; i++ {
			next(t, b.reader)
		}
		if got := b.child.Info().Encoder; got != "soft" {
			t.Errorf("encoded by %q", got)
		}
	})
}

func TestSlots(t *testing.T) {
	s := New(Options{Parent: camgate.NewRendition("cam", camgate.StreamLimits{}), Slots: make(chan struct{}, 1)})
	leave, err := s.enter()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.enter(); !errors.Is(err, camgate.ErrEncoderUnavailable) {
		t.Errorf("a second one: %v", err)
	}
	leave()
	if _, err := s.enter(); err != nil {
		t.Error(err)
	}
}

func TestFit(t *testing.T) {
	track := camgate.NewTrack(camgate.TrackOptions{Codec: camgate.H264, Params: &camgate.Params{Width: 640, Height: 360, FPS: 25}})
	deep := camgate.NewTrack(camgate.TrackOptions{Codec: camgate.H264, Params: &camgate.Params{SPS: []byte{0x67, 122, 0, 0x1f}}})
	raw := camgate.NewTrack(camgate.TrackOptions{Codec: camgate.Raw, Params: &camgate.Params{Width: 640, Height: 360}})
	tests := []struct {
		name  string
		s     Settings
		track *camgate.Track
		want  bool
	}{
		{"nothing", Settings{}, track, true},
		{"raw", Settings{}, raw, false},
		{"its codec", Settings{Codec: camgate.H264}, track, true},
		{"its codec, plain", Settings{Codec: camgate.H264, Only420: true}, track, true},
		{"4:2:2", Settings{Codec: camgate.H264}, deep, true},
		{"4:2:2 that is to be plain", Settings{Codec: camgate.H264, Only420: true}, deep, false},
		{"another codec", Settings{Codec: camgate.H265}, track, false},
		{"its size", Settings{Width: 640, Height: 360}, track, true},
		{"another size", Settings{Width: 320, Height: 180}, track, false},
		{"its rate", Settings{FPS: 25}, track, true},
		{"a lower rate", Settings{FPS: 15}, track, false},
		{"a bitrate", Settings{Bitrate: 1}, track, false},
		{"asked of the device", Settings{Bitrate: 1, FPS: 15, Asked: true}, track, true},
		{"an encoder", Settings{Encoder: "libx264"}, track, false},
		{"an encoder, for what the device was asked", Settings{Encoder: "libx264", Asked: true}, track, false},
		{"any encoder", Settings{Encoder: "auto"}, track, true},
	}
	for _, tt := range tests {
		if got := tt.s.fit(tt.track); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// What a stream could not be made by the encoders is known before it is touched.
func TestCheck(t *testing.T) {
	known := camgate.TrackOptions{Kind: camgate.Video, Codec: camgate.H264, Params: &camgate.Params{Width: 640, Height: 360, FPS: 25}}
	unknown := camgate.TrackOptions{Kind: camgate.Video, Codec: camgate.H264, Params: &camgate.Params{}}
	one := (&workshop{}).add(worker{name: "one"})
	full := make(chan struct{}, 1)
	full <- struct{}{}
	for _, tt := range []struct {
		name  string
		of    *camgate.TrackOptions
		shop  *workshop
		slots chan struct{}
		want  Settings
		err   string
	}{
		{"as it is", &known, nil, full, Settings{}, ""},
		{"its size", &known, nil, full, Settings{Width: 640, Height: 360, Bitrate: 1, Asked: true}, ""},
		{"an encoder", &known, one, nil, Settings{Encoder: "one"}, ""},
		{"an encoder that does not work", &known, one, nil, Settings{Encoder: "two"}, "all are broken"},
		{"none there", &known, nil, nil, Settings{Bitrate: 1}, "there are none"},
		{"too many at work", &known, one, full, Settings{Bitrate: 1}, "which is 1 (limits.encoders)"},
		{"a camera that was never there", nil, one, nil, Settings{Encoder: "two"}, ""},
		{"of a size that is not known yet", &unknown, one, nil, Settings{Encoder: "two"}, ""},
	} {
		parent := camgate.NewRendition("cam", camgate.StreamLimits{})
		if tt.of != nil {
			if _, err := parent.Begin([]*camgate.Track{camgate.NewTrack(*tt.of)}, nil); err != nil {
				t.Fatal(err)
			}
		}
		o := Options{Parent: parent, Slots: tt.slots}
		if tt.shop != nil {
			o.Encoders = tt.shop
		}
		err := New(o).Check(t.Context(), tt.want)
		if (err == nil) != (tt.err == "") || err != nil && (!errors.Is(err, camgate.ErrEncoderUnavailable) || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// Pictures that pass go on until an encoder that is wanted has one, however long it takes
// to begin, and where none works.
func TestFromPassingToEncoded(t *testing.T) {
	for _, tt := range []struct {
		name   string
		worker worker
		want   Settings
		by     string
		warned string
	}{
		{"slow to begin", worker{name: "slow", delay: 20 * time.Second, able: true}, Settings{Bitrate: 1_000_000}, "slow", ""},
		{"keyframes only by themselves", worker{name: "rigid", gop: 40}, Settings{Bitrate: 1_000_000}, "rigid", ""},
		{"it dies before", worker{name: "weak", delay: time.Second, dies: -1}, Settings{Bitrate: 1_000_000}, "", "what was changed has no effect: no encoder available: all are broken"},
		{"no such encoder", worker{name: "one"}, Settings{Encoder: "two"}, "", "what was changed has no effect: no encoder available: all are broken"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, (&workshop{}).add(tt.worker), Settings{})
				defer b.close()
				b.watch(t, 50, 45*time.Millisecond)
				b.source.Set(tt.want)
				b.watch(t, 1000, 45*time.Millisecond)
				info := b.child.Info()
				if info.Encoder != tt.by {
					t.Errorf("encoded by %q", info.Encoder)
				}
				if warned := strings.Join(info.Warnings, "\n"); !strings.Contains(warned, tt.warned) || tt.warned == "" && warned != "" {
					t.Errorf("warnings: %q", warned)
				}
				b.source.Set(Settings{})
				b.watch(t, 100, 1100*time.Millisecond) // to the next keyframe
				if info := b.child.Info(); info.Encoder != "" || len(info.Warnings) != 0 {
					t.Errorf("as it was: %q, %q", info.Encoder, info.Warnings)
				}
			})
		})
	}
}
