package camgate

import (
	"errors"
	"slices"
	"testing"
)

// Who reads a variant is a reader of the stream: in its list, under its limit, and in
// what it counts.
func TestVariantReaders(t *testing.T) {
	s := newStream("door", StreamLimits{MaxReaders: 2})
	if _, err := s.Start([]*Track{videoTrack()}); err != nil {
		t.Fatal(err)
	}
	v, leave := s.NewVariant(Variant{Audio: Opus})
	if _, err := v.Start([]*Track{videoTrack()}); err != nil {
		t.Fatal(err)
	}
	subscribe := func(of *Stream, internal bool) *Reader {
		t.Helper()
		r, err := of.Subscribe(t.Context(), SubscribeOptions{Internal: internal, Protocol: "test"})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	a, b := subscribe(s, false), subscribe(v, false)
	worker := subscribe(v, true)
	defer worker.Close()
	for _, of := range []*Stream{s, v} {
		if _, err := of.Subscribe(t.Context(), SubscribeOptions{}); !errors.Is(err, ErrTooManyReaders) {
			t.Errorf("a third viewer: %v", err)
		}
	}
	b.Sent(100)
	b.Report(0.5, 0)
	info := s.Info()
	if len(info.Readers) != 2 || info.Readers[0].ID == info.Readers[1].ID || info.BytesOut != 100 {
		t.Errorf("readers %+v, %d bytes out", info.Readers, info.BytesOut)
	}
	if len(info.Variants) != 1 || info.Variants[0].Readers != 2 || info.Variants[0].String() != "Opus" {
		t.Errorf("variants %+v", info.Variants)
	}
	if got := s.Receptions(a.since.Add(-1)); len(got) != 1 {
		t.Errorf("receptions %v", got)
	}
	a.Close()
	b.Close()
	subscribe(s, false).Close()
	leave()
	if info := s.Info(); len(info.Readers) != 0 || len(info.Variants) != 0 || info.BytesOut != 100 {
		t.Errorf("in the end %+v", info)
	}
	s.Close()
	if _, err := v.Subscribe(t.Context(), SubscribeOptions{}); !errors.Is(err, ErrClosed) {
		t.Errorf("a viewer of a variant of a closed stream: %v", err)
	}
}

func TestMade(t *testing.T) {
	track := func(kind Kind, codec Codec, reorders bool) *Track {
		t := NewTrack(TrackOptions{Kind: kind, Codec: codec, ClockRate: 90000})
		t.SetReorders(reorders)
		return t
	}
	h264, b, h265 := track(Video, H264, false), track(Video, H264, true), track(Video, H265, true)
	aac, opus := track(Audio, AAC, false), track(Audio, Opus, false)
	rich := track(Video, H264, false)
	rich.SetParams(&Params{SPS: []byte{0x67, 122, 0, 0x1f}})
	for _, c := range []struct {
		from, to []*Track
		encoded  bool
		want     []string
	}{
		{[]*Track{h264, aac}, []*Track{h264, opus}, false, []string{"audio AAC -> Opus"}},
		{[]*Track{h265, aac}, []*Track{h264, aac}, true, []string{"video H265 -> H264"}},
		{[]*Track{b, opus}, []*Track{h264, opus}, false, []string{"video H264, B-frames left out"}},
		{[]*Track{b, aac}, []*Track{h264, opus}, true, []string{"video H264 -> H264, without B-frames", "audio AAC -> Opus"}},
		{[]*Track{h264}, []*Track{h264}, false, nil},
		{[]*Track{rich}, []*Track{h264}, true, []string{"video H264 -> H264, of 8 bits and 4:2:0"}},
		{[]*Track{aac}, []*Track{opus}, false, []string{"audio AAC -> Opus"}},
		{nil, nil, false, nil},
	} {
		if got := Made(c.from, c.to, c.encoded); !slices.Equal(got, c.want) {
			t.Errorf("made %q, want %q", got, c.want)
		}
	}
}
