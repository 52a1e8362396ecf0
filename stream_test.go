package camgate

import (
	"errors"
	"strings"
	"testing"
)

func TestClaim(t *testing.T) {
	for _, owner := range []string{"rtsp publisher 127.0.0.1:5000", ""} {
		s := newStream("test", StreamLimits{})
		release, err := s.Claim(owner)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Claim("another one")
		var where *StreamError
		if !errors.Is(err, ErrPublisherActive) || !errors.As(err, &where) || where.Stream != "test" || !strings.Contains(err.Error(), owner) {
			t.Errorf("second claim beside %q: %v", owner, err)
		}
		if got := s.Info().Publisher; got != owner {
			t.Errorf("publisher is %q, want %q", got, owner)
		}
		release()
		again, err := s.Claim("another one")
		if err != nil {
			t.Fatalf("claim after release: %v", err)
		}
		release() // the first one's, once more: it is not its claim any more
		if _, err := s.Claim("a third one"); !errors.Is(err, ErrPublisherActive) {
			t.Errorf("a claim was released twice: %v", err)
		}
		again()
		s.Close()
		if _, err := s.Claim("late"); !errors.Is(err, ErrClosed) {
			t.Errorf("claim of a closed stream: %v", err)
		}
	}
}

func TestStart(t *testing.T) {
	opts := func(change func(*TrackOptions)) *Track {
		o := TrackOptions{
			Kind: Audio, Codec: Opus, ClockRate: 48000, Channels: 2, PayloadType: 97,
			RTPMap: "opus/48000/2", FMTP: "a=1", Packetizer: slicer{}, Params: &Params{Profile: "old"},
		}
		change(&o)
		return NewTrack(o)
	}
	same := func(*TrackOptions) {}
	tests := []struct {
		name  string
		next  []*Track
		stays bool
	}{
		{"the same", []*Track{videoTrack(), opts(same)}, true},
		{"other parameters", []*Track{videoTrack(), opts(func(o *TrackOptions) { o.Params = &Params{Profile: "new"} })}, true},
		{"other payload type", []*Track{videoTrack(), opts(func(o *TrackOptions) { o.PayloadType = 111 })}, true},
		{"other codec", []*Track{videoTrack(), opts(func(o *TrackOptions) { o.Codec = AAC })}, false},
		{"other clock", []*Track{videoTrack(), opts(func(o *TrackOptions) { o.ClockRate = 44100 })}, false},
		{"other channels", []*Track{videoTrack(), opts(func(o *TrackOptions) { o.Channels = 1 })}, false},
		{"other kind", []*Track{videoTrack(), opts(func(o *TrackOptions) { o.Kind = Data })}, false},
		{"other rtpmap", []*Track{videoTrack(), opts(func(o *TrackOptions) { o.RTPMap = "opus/48000" })}, false},
		{"other fmtp", []*Track{videoTrack(), opts(func(o *TrackOptions) { o.FMTP = "a=2" })}, false},
		{"other order", []*Track{opts(same), videoTrack()}, false},
		{"one less", []*Track{videoTrack()}, false},
		{"one more", []*Track{videoTrack(), opts(same), opts(same)}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFeed(t, StreamLimits{}, videoTrack(), opts(same))
			before, params := f.tracks, f.tracks[1].Params()
			r := f.subscribe(SubscribeOptions{})
			defer r.Close()
			f.publish('K', 10)
			f.Stop()
			f.start(tt.next...)
			f.publish(map[Kind]byte{Video: 'K', Audio: 'A'}[f.tracks[0].Kind], 10)
			n := 0
			var err error
			for range 2 {
				if _, err = r.Next(); err == nil {
					n++
				}
			}
			for i, track := range f.tracks {
				if track.ID != i {
					t.Errorf("track %d has ID %d", i, track.ID)
				}
			}
			if !tt.stays {
				if n != 1 || !errors.Is(err, ErrTracksChanged) || &f.tracks[0] != &tt.next[0] {
					t.Errorf("%d Units, then %v; want 1, then ErrTracksChanged and the new tracks", n, err)
				}
				return
			}
			if n != 2 || err != nil || f.tracks[0] != before[0] {
				t.Errorf("%d Units, %v; want that the reader and the tracks go on", n, err)
			}
			// Consumers see a change by the pointer: it stays when nothing changes.
			got, want := f.tracks[1].Params(), tt.next[1].Params()
			if want.Profile == params.Profile {
				want = params
			}
			if got != want {
				t.Errorf("parameters are %+v, want %+v", got, want)
			}
		})
	}
}

func TestStartRefuses(t *testing.T) {
	s := newStream("test", StreamLimits{})
	many := make([]*Track, maxTracks+1)
	for i := range many {
		many[i] = audioTrack()
	}
	for _, tracks := range [][]*Track{nil, many} {
		if _, err := s.Start(tracks); !errors.Is(err, ErrUnsupportedCodec) {
			t.Errorf("%d tracks: %v", len(tracks), err)
		}
	}
	if _, err := s.Start(many[1:]); err != nil {
		t.Errorf("%d tracks: %v", maxTracks, err)
	}
	// The last of them is read like any other.
	r, err := s.Subscribe(t.Context(), SubscribeOptions{Tracks: many[maxTracks:]})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s.Publish(&Unit{Track: many[1], RandomAccess: true})
	s.Publish(&Unit{Track: many[maxTracks], RandomAccess: true})
	if u, ok := r.Poll(); !ok || u.Track != many[maxTracks] {
		t.Error("the last track cannot be read")
	}
	s.Close()
	if _, err := s.Start(many[:1]); !errors.Is(err, ErrClosed) {
		t.Errorf("start of a closed stream: %v", err)
	}
}
