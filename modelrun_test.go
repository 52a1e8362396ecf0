package camgate

import (
	"math/rand/v2"
	"testing"
	"time"
)

// script hands out the bytes of a fuzz input; zeros at its end.
type script []byte

func (s *script) next(n int) int {
	if len(*s) == 0 {
		return 0
	}
	b := (*s)[0]
	*s = (*s)[1:]
	return int(b) % n
}

// runModel plays a script of publish, subscribe, poll, close, lag and restart on a
// stream and on the model.
func runModel(t *testing.T, s script) {
	tracks := [][]*Track{
		{videoTrack(), audioTrack()},
		{videoTrack()},
		{jpegTrack()},
		{audioTrack()},
		{audioTrack(), videoTrack(), videoTrack()},
	}[s.next(5)]
	limits := StreamLimits{
		MaxReaders: 1 << 30, // a script may subscribe as often as it likes
		Ring: RingLimits{
			CacheBytes: 1000 << s.next(9),
			CacheTime:  500 * time.Millisecond << s.next(7),
			Window:     100 * time.Millisecond << s.next(7),
		},
		MaxLag:      200 * time.Millisecond << s.next(6),
		MaxLagBytes: 500 << s.next(9),
	}
	f := newFeed(t, limits, tracks...)
	m := &model{limits: limits}
	var readers []*modelReader
	main := f.gen.Load().main
	begin := true // the main track's next Unit is the first since Start
	for len(s) > 0 {
		switch s.next(32) {
		default:
			u := &Unit{Track: f.tracks[s.next(len(f.tracks))], Lost: s.next(40) / 38}
			u.AU = [][]byte{make([]byte, 40*s.next(40))}
			u.RandomAccess = u.Track.Kind == Audio || u.Track.Codec == MJPEG || s.next(16) == 0
			if u.Track == main && begin {
				u.RandomAccess, begin = true, false
			}
			f.Publish(u)
			m.publish(u, u.RandomAccess && (main == nil || main == u.Track), f.now)
		case 0:
			var opts SubscribeOptions
			switch s.next(4) {
			case 0:
				opts.Tracks = f.tracks[s.next(len(f.tracks)):]
			case 1:
				opts.LiveAudio = true
			case 2:
				opts.MaxLag, opts.MaxLagBytes = 300*time.Millisecond, 900
			}
			readers = append(readers, m.subscribe(f.subscribe(opts), f.tracks, main, opts))
		case 1, 2, 3:
			if len(readers) > 0 {
				r := readers[s.next(len(readers))]
				for n := s.next(20); n >= 0 && r.check(t); n-- {
				}
			}
		case 4:
			if len(readers) > 0 {
				i := s.next(len(readers))
				readers[i].Close()
				m.used--
				if _, ok := readers[i].Poll(); ok {
					t.Fatal("a closed reader reads on")
				}
				readers = append(readers[:i], readers[i+1:]...)
			}
		case 5:
			f.now += time.Duration(10*s.next(256)) * time.Millisecond
		case 6, 7, 8, 9:
			f.now += 40 * time.Millisecond
		case 10:
			f.Stop()
			f.start(f.tracks...)
			begin = true
		case 11:
			if len(readers) > 0 {
				m.checkRetransmit(t, readers[s.next(len(readers))], f.tracks[s.next(len(f.tracks))], s.next(60))
			}
		}
	}
	units, bytes := f.gen.Load().ring.held()
	if want := len(m.all) - m.tail; units != want || want > 0 && bytes != int64(m.held(m.tail)) {
		t.Fatalf("%d Units of %d bytes are kept, want %d", units, bytes, want)
	}
	for _, r := range readers {
		for r.check(t) {
		}
		r.Close()
	}
}

// checkRetransmit looks for a packet that lies back from the end of a track, and
// for the edge.
func (m *model) checkRetransmit(t *testing.T, r *modelReader, track *Track, back int) {
	t.Helper()
	seq := track.nextSeq - uint16(back) + 1
	var want, edge *Unit
	index := 0
	for i, mu := range m.all[m.tail:] {
		u := mu.unit
		if u.Track != track {
			continue
		}
		if d := int(int16(seq - u.FirstSeq())); d >= 0 && d < u.PacketCount() {
			want, index = u, d
		}
		if m.tail+i < r.edge {
			edge = u
		}
	}
	if u, i := r.Retransmit(track, seq); u != want || i != index {
		t.Fatalf("Retransmit of %d: %p, %d; want %p, %d", seq, u, i, want, index)
	}
	if u := r.Edge(track); u != edge {
		t.Fatalf("Edge is %p, want %p", u, edge)
	}
}

func FuzzRing(f *testing.F) {
	rng := rand.New(rand.NewPCG(3, 4))
	for n := range 20 {
		b := make([]byte, 100*n)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { runModel(t, b[:min(len(b), 1<<14)]) })
}

func TestRingModel(t *testing.T) {
	for seed := range uint64(150) {
		rng := rand.New(rand.NewPCG(seed, 0))
		b := make([]byte, 4000)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		runModel(t, b)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
