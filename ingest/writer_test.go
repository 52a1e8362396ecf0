package ingest

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

func TestSoundWaitsForPicture(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBench(t, newH264(t), newAAC(t))
		b.none(sound(0))
		b.none(picture("N", 10*time.Millisecond))
		b.none(sound(20 * time.Millisecond))
		if got := b.Status().State; got != camgate.StateWaitingKeyframe {
			t.Errorf("state %q", got)
		}
		key := b.one(picture("I", 100*time.Millisecond))
		if got := b.Status().State; got != camgate.StateLive {
			t.Errorf("state %q", got)
		}
		b.none(sound(90 * time.Millisecond)) // to be heard before the picture
		u := b.one(sound(110 * time.Millisecond))
		near(t, "sound after picture", u.Time()-key.Time(), 10*time.Millisecond)
		if !key.Discontinuity || !u.Discontinuity || !key.RandomAccess || !u.RandomAccess {
			t.Errorf("picture %+v, sound %+v", key, u)
		}
	})
}

func TestSoundAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBench(t, newAAC(t), newTrack(t, camgate.TrackOptions{Codec: camgate.PCMU}))
		wait(time.Second)
		u := b.one(Sample{Track: 0, PTS: 48000, AU: [][]byte{{1}}})
		if u.Time() != time.Second || b.Status().State != camgate.StateLive {
			t.Errorf("at %v, state %q", u.Time(), b.Status().State)
		}
		u = b.one(Sample{Track: 1, PTS: 8080, AU: [][]byte{{1}}})
		near(t, "second track", u.Time(), 1010*time.Millisecond)
	})
}

func TestG711Pieces(t *testing.T) {
	for _, channels := range []int{1, 2} {
		for _, n := range []int{1, 160, 1188, 1189, 1190, 2376, 2377, 5000} {
			n *= channels
			b := newBench(t, newTrack(t, camgate.TrackOptions{Codec: camgate.PCMA, Channels: channels}))
			b.one(Sample{PTS: 0, AU: [][]byte{{1, 2}}})
			piece := make([]byte, n)
			for i := range piece {
				piece[i] = byte(i % 251)
			}
			var got []byte
			var start, next int64
			units := b.put(Sample{PTS: 8000, AU: [][]byte{piece}, Lost: 2})
			for i, u := range units {
				if i == 0 {
					start, next = u.PTS, u.PTS
				}
				if u.PTS != next {
					t.Errorf("piece %d of %d samples is at %d, want %d", i, n, u.PTS-start, next-start)
				}
				if first := i == 0; (u.Lost == 2) != first || u.Discontinuity != first {
					t.Errorf("piece %d: lost %d, discontinuity %v", i, u.Lost, u.Discontinuity)
				}
				pkts := packetsOf(t, u)
				if len(pkts) != 1 || len(pkts[0].Payload)%channels != 0 {
					t.Errorf("piece %d: %d packets, the first of %d bytes", i, len(pkts), len(pkts[0].Payload))
				}
				got = append(got, pkts[0].Payload...)
				next += int64(u.Size() / channels)
			}
			if !bytes.Equal(got, piece) {
				t.Errorf("%d bytes became %d other ones", n, len(got))
			}
		}
	}
}

func TestRefused(t *testing.T) {
	big := func(c camgate.Codec, n int) [][]byte {
		au := auOf(c, "IN")
		au[0] = append(bytes.Clone(au[0]), make([]byte, n)...)
		return au
	}
	passed := camgate.TrackOptions{Kind: camgate.Data, Codec: camgate.KLV, ClockRate: 90000, PayloadType: 100, RTPMap: "smtpe336m/90000"}
	tests := []struct {
		name string
		opts camgate.TrackOptions
		good [][]byte
		bad  [][]byte
	}{
		{"H264", camgate.TrackOptions{Codec: camgate.H264}, auOf(camgate.H264, "SPI"), big(camgate.H264, maxUnit)},
		{"H265", camgate.TrackOptions{Codec: camgate.H265}, auOf(camgate.H265, "VSPI"), big(camgate.H265, maxUnit)},
		{"AAC", camgate.TrackOptions{Codec: camgate.AAC}, [][]byte{make([]byte, maxAAC)}, [][]byte{make([]byte, maxAAC+1)}},
		{"Opus", camgate.TrackOptions{Codec: camgate.Opus}, [][]byte{make([]byte, 1275)}, [][]byte{make([]byte, 1<<16)}},
		{"MJPEG", camgate.TrackOptions{Codec: camgate.MJPEG}, [][]byte{goJPEG(t, 16, 16, 50)}, [][]byte{[]byte("<html>camera is busy</html>")}},
		{"passed through", passed, [][]byte{{1}, {2}}, [][]byte{{1}, make([]byte, maxPiece+1)}},
		{"passed through, too much", passed, [][]byte{{1}}, [][]byte{make([]byte, maxUnit+1)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, newTrack(t, tt.opts))
			b.one(Sample{PTS: 0, AU: tt.good})
			if err := b.Write(Sample{PTS: 3000, AU: tt.bad}); err == nil {
				t.Error("no error")
			}
			if units := b.take(); len(units) != 0 {
				t.Errorf("%d Units", len(units))
			}
			if u := b.one(Sample{PTS: 6000, AU: tt.good}); !u.Discontinuity {
				t.Error("no discontinuity after what is missing")
			}
			if u := b.one(Sample{PTS: 9000, AU: tt.good}); u.Discontinuity {
				t.Error("a discontinuity for ever")
			}
			b.end()
			if err := b.Write(Sample{PTS: 9000, AU: tt.good}); !errors.Is(err, camgate.ErrClosed) {
				t.Errorf("after Close: %v", err)
			}
		})
	}
}

func TestLost(t *testing.T) {
	b := newBench(t, newH264(t))
	next := func(u *camgate.Unit) uint16 { return u.FirstSeq() + uint16(u.PacketCount()) }
	steps := []struct {
		name    string
		letters string
		lost    int
		gap     int // in the sequence numbers; -1: nothing is published
		broken  bool
	}{
		{"start", "I", 0, 0, true},
		{"all there", "N", 0, 0, false},
		{"three packets", "N", 3, 3, true},
		{"all there again", "N", 0, 0, false},
		{"before parameter sets", "SP", 2, -1, false},
		{"after them", "I", 0, 0, true},
		{"very many", "N", 40000, maxLost, true},
		{"negative", "N", -5, 0, false},
	}
	var want uint16
	for i, step := range steps {
		sm := picture(step.letters, time.Duration(i)*40*time.Millisecond)
		sm.Lost = step.lost
		if step.gap < 0 {
			b.none(sm)
			continue
		}
		u := b.one(sm)
		if i == 0 {
			want = u.FirstSeq()
		}
		if got := int(u.FirstSeq() - want); got != step.gap {
			t.Errorf("%s: gap of %d, want %d", step.name, got, step.gap)
		}
		if u.Discontinuity != step.broken {
			t.Errorf("%s: discontinuity is %v", step.name, u.Discontinuity)
		}
		want = next(u)
	}
}

func TestLostBeforeTheFirstPicture(t *testing.T) {
	b := newBench(t, newH264(t))
	sm := picture("N", 0)
	sm.Lost = 7
	b.none(sm)
	if u := b.one(picture("I", 40*time.Millisecond)); u.Lost != 0 || !u.Discontinuity {
		t.Errorf("lost %d, discontinuity %v", u.Lost, u.Discontinuity)
	}
}

func TestMJPEGSize(t *testing.T) {
	b := newBench(t, newTrack(t, camgate.TrackOptions{Codec: camgate.MJPEG}))
	track := b.Writer.Tracks()[0]
	var before *camgate.Params
	for i, size := range [][3]int{{64, 48, 1}, {64, 48, 0}, {320, 180, 1}, {320, 180, 0}} {
		u := b.one(Sample{PTS: int64(i) * 3600, AU: [][]byte{goJPEG(t, size[0], size[1], 60)}})
		p := track.Params()
		if p.Width != size[0] || p.Height != size[1] || (p != before) != (size[2] == 1) || !u.RandomAccess {
			t.Errorf("picture %d: %+v, new: %v, random access: %v", i, p, p != before, u.RandomAccess)
		}
		before = p
	}
}

func TestPassedThrough(t *testing.T) {
	b := newBench(t,
		newTrack(t, camgate.TrackOptions{Kind: camgate.Video, Codec: "MP4V-ES", ClockRate: 90000, PayloadType: 100, RTPMap: "MP4V-ES/90000"}),
		newTrack(t, camgate.TrackOptions{Kind: camgate.Data, Codec: camgate.KLV, ClockRate: 90000, PayloadType: 101, RTPMap: "smtpe336m/90000"}))
	b.none(Sample{Track: 1, PTS: 0, AU: [][]byte{{9}}})
	b.none(Sample{Track: 0, PTS: 0, AU: [][]byte{{1}, {2}}})
	u := b.one(Sample{Track: 0, PTS: 3000, AU: [][]byte{{1}, {2}}, RandomAccess: true})
	if !u.RandomAccess || u.PacketCount() != 2 {
		t.Errorf("%+v", u)
	}
	if u := b.one(Sample{Track: 0, PTS: 6000, AU: [][]byte{{3}}}); u.RandomAccess {
		t.Error("any picture is taken for a key picture")
	}
	if u := b.one(Sample{Track: 1, PTS: 6000, AU: [][]byte{{9}}}); !u.RandomAccess {
		t.Error("data waits for a key picture")
	}
}

// A source that comes back with what it had changes nothing; one without parameter
// sets in its SDP keeps those that were learnt.
func TestParamsStay(t *testing.T) {
	b := newBench(t, newH264(t))
	track := b.Writer.Tracks()[0]
	b.one(picture("spI", 0))
	p := track.Params()
	for _, sdp := range []string{"sp", "", "sp"} {
		b.end()
		b.session(newTrack(t, camgate.TrackOptions{Codec: camgate.H264, Params: paramsOf(camgate.H264, sdp)}))
		b.one(picture("I", 0))
		if track.Params() != p || b.Writer.Tracks()[0] != track {
			t.Errorf("SDP with %q: other parameters", sdp)
		}
	}
	b.end()
	b.session(newH264(t))
	if track.Params() == p || track.Params().Width != 352 {
		t.Errorf("new parameters: %+v", track.Params())
	}
}

func TestTooManyTracks(t *testing.T) {
	s := camgate.NewRendition("test", camgate.StreamLimits{})
	if _, err := NewWriter(s, nil); !errors.Is(err, camgate.ErrUnsupportedCodec) {
		t.Errorf("no tracks: %v", err)
	}
	s.Close()
	if _, err := NewWriter(s, []*camgate.Track{newH264(t)}); !errors.Is(err, camgate.ErrClosed) {
		t.Errorf("closed stream: %v", err)
	}
}

func TestWriterIsSafe(t *testing.T) {
	b := newBench(t, newH264(t), newAAC(t))
	var all sync.WaitGroup
	for _, write := range []func(at time.Duration) error{
		func(at time.Duration) error { return b.Write(picture("SPI", at)) },
		func(at time.Duration) error { return b.Write(sound(at)) },
	} {
		all.Go(func() {
			for i := range 500 {
				if err := write(time.Duration(i) * time.Millisecond); err != nil && !errors.Is(err, camgate.ErrClosed) {
					t.Error(err)
				}
				b.Status()
			}
		})
	}
	all.Go(func() {
		for n := 0; n < 100; n++ {
			u, err := b.reader.Next()
			if err != nil {
				t.Error(err)
				return
			}
			u.Packets()
			u.Track.Params()
		}
		b.end()
	})
	all.Wait()
}

// Pictures that are not in the order of their times are B-frames' doing.
func TestBFramesAreNoticed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBench(t, newTrack(t, camgate.TrackOptions{Codec: camgate.H264}))
		for _, at := range []time.Duration{0, 40, 80} {
			b.one(picture(map[bool]string{true: "XPI", false: "N"}[at == 0], at*time.Millisecond))
		}
		if b.Writer.Tracks()[0].Reorders() {
			t.Error("pictures in their order are said to be reordered")
		}
		b.one(picture("N", 200*time.Millisecond))
		b.one(picture("B", 120*time.Millisecond))
		if !b.Writer.Tracks()[0].Reorders() {
			t.Error("a picture to be shown before the one ahead of it was not noticed")
		}
		b.end()
		b.session(newTrack(t, camgate.TrackOptions{Codec: camgate.H264}))
		if b.one(picture("XPI", 0)); b.Writer.Tracks()[0].Reorders() {
			t.Error("a new session is said to have what the one before had")
		}
	})
}
