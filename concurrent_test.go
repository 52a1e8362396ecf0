package camgate

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The pictures of these tests carry their number as PTS, and every tenth one is a
// keyframe.
const gop = 10

// witness checks what one reader gets: in order, each once, and no picture without
// the one that it builds on.
type witness struct {
	*Reader
	first, last int64 // PTS of the first and last picture; -1: none yet
	units       uint64
}

func watch(r *Reader) *witness { return &witness{Reader: r, first: -1, last: -1} }

func (w *witness) see(u *Unit) error {
	w.units++
	if u.Track.Kind != Video {
		return nil
	}
	switch {
	case u.PTS <= w.last:
		return fmt.Errorf("picture %d after %d", u.PTS, w.last)
	case u.RandomAccess != (u.PTS%gop == 0):
		return fmt.Errorf("picture %d is torn", u.PTS)
	case !u.RandomAccess && u.PTS != w.last+1:
		return fmt.Errorf("picture %d after %d: in the middle of a GOP", u.PTS, w.last)
	}
	if w.first < 0 {
		w.first = u.PTS
	}
	w.last = u.PTS
	return nil
}

// lost returns how many Units the reader was not given.
func (w *witness) lost() (n uint64) {
	for _, skipped := range w.Stats().Skipped {
		n += skipped
	}
	return n
}

// write publishes n pictures with sound between them, and lets others run. It
// calls each before every picture.
func write(f *Stream, tracks []*Track, n int, each func(i int)) {
	for i := range n {
		each(i)
		f.Publish(&Unit{Track: tracks[0], PTS: int64(i), RandomAccess: i%gop == 0, AU: [][]byte{make([]byte, 100)}})
		f.Publish(&Unit{Track: tracks[1], PTS: int64(i), RandomAccess: true, AU: [][]byte{make([]byte, 10)}})
		if i%4 == 0 {
			runtime.Gosched()
		}
	}
}

// One writer, and readers that come and go, many of them slow.
func TestReadersComeAndGo(t *testing.T) {
	const readers, pictures = 50, 10000
	s := newStream("test", StreamLimits{Ring: RingLimits{CacheBytes: 150_000}, MaxLagBytes: 40_000})
	tracks, err := s.Start([]*Track{videoTrack(), audioTrack()})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var visits, units, lost atomic.Uint64
	for n := range readers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(n), 0))
			for ended := false; !ended; {
				r, err := s.Subscribe(t.Context(), SubscribeOptions{})
				if err != nil {
					return // the stream has ended
				}
				w := watch(r)
				pause := rng.IntN(4) * rng.IntN(60)
				for range 1 + rng.IntN(400) {
					u, err := w.Next()
					if err == nil {
						err = w.see(u)
					}
					if err != nil {
						if ended = errors.Is(err, ErrClosed); !ended {
							t.Error(err)
						}
						break
					}
					for until := s.Units() + uint64(pause); s.Units() < until && s.Units() < 2*pictures; {
						runtime.Gosched()
					}
				}
				if rng.IntN(8) == 0 {
					var other sync.WaitGroup
					other.Go(w.Close) // by somebody else, as at the end of a context
					if _, err := w.Next(); err == nil {
						w.units++
					}
					other.Wait()
				}
				w.Close()
				visits.Add(1)
				units.Add(w.units)
				lost.Add(w.lost())
			}
		})
	}
	write(s, tracks, pictures, func(int) {})
	s.Close()
	wg.Wait()
	info := s.Info()
	if info.Demand != 0 || len(info.Readers) != 0 {
		t.Errorf("demand is %d and %d readers are left after all went", info.Demand, len(info.Readers))
	}
	if lost.Load() == 0 || units.Load() == 0 {
		t.Errorf("%d visits read %d Units and lost %d: the test does not test", visits.Load(), units.Load(), lost.Load())
	}
	if n := s.gen.Load().ring.waiters.Load(); n != 0 {
		t.Errorf("%d waiters are left", n)
	}
	t.Logf("%d visits, %d Units read, %d lost", visits.Load(), units.Load(), lost.Load())
}

// A hundred join while the publisher is at it: each starts at a keyframe and
// misses nothing until the end. Nothing is evicted, so the window has to grow
// under the hands of those who read it.
func TestJoinsDuringPublish(t *testing.T) {
	const joins, pictures = 100, 3000
	s := newStream("test", StreamLimits{MaxLagBytes: 1 << 40})
	tracks, err := s.Start([]*Track{videoTrack(), audioTrack()})
	if err != nil {
		t.Fatal(err)
	}
	s.gen.Load().ring.clock = func() time.Duration { return 0 }
	var joining, reading sync.WaitGroup
	joined := make(chan struct{}, joins)
	starts := make([]int64, joins)
	join := func(n int) {
		r, err := s.Subscribe(t.Context(), SubscribeOptions{})
		joined <- struct{}{}
		joining.Done()
		if err != nil {
			t.Error(err)
			return
		}
		defer r.Close()
		w := watch(r)
		for {
			u, err := w.Next()
			if errors.Is(err, ErrClosed) {
				break
			}
			if err == nil {
				err = w.see(u)
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
		starts[n] = w.first
		if got := w.Stats().Skipped; got != ([skipReasons]uint64{}) {
			t.Errorf("reader %d skipped %v", n, got)
		}
		if want := 2 * uint64(pictures-w.first); w.last != pictures-1 || w.units != want {
			t.Errorf("reader %d: %d Units from picture %d to %d, want %d", n, w.units, w.first, w.last, want)
		}
	}
	joining.Add(joins)
	write(s, tracks, pictures, func(i int) {
		if i == pictures/2 { // however busy the machine is, one is there before those who follow
			<-joined
		}
		if n := i * joins / pictures; n*pictures == i*joins {
			reading.Go(func() { join(n) })
		}
	})
	joining.Wait()
	s.Close()
	reading.Wait()
	for n, first := range starts {
		if first%gop != 0 {
			t.Errorf("reader %d started at picture %d", n, first)
		}
	}
	if slices.Min(starts) == slices.Max(starts) {
		t.Error("all started at the same picture: the test does not test")
	}
}

// The tracks change again and again while readers ask for some of them: a reader
// gets Units of those that it asked for, or is told.
func TestTracksChangeUnderReaders(t *testing.T) {
	s := newStream("test", StreamLimits{})
	start := func(tracks ...*Track) []*Track {
		tracks, err := s.Start(tracks)
		if err != nil {
			t.Fatal(err)
		}
		return tracks
	}
	start(audioTrack())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				want := s.Tracks()[:1]
				r, err := s.Subscribe(t.Context(), SubscribeOptions{Tracks: want})
				switch {
				case errors.Is(err, ErrClosed):
					return
				case errors.Is(err, ErrTracksChanged):
					continue
				case err != nil:
					t.Error(err)
					return
				}
				w := watch(r)
				for {
					u, err := w.Next()
					if err == nil && u.Track != want[0] {
						err = fmt.Errorf("a Unit of another %s track", u.Track.Kind)
					}
					if err == nil {
						err = w.see(u)
					}
					if err != nil {
						if !IsGone(err) {
							t.Error(err)
						}
						break
					}
				}
				r.Close()
			}
		})
	}
	for i := range 300 {
		if i%2 == 0 {
			write(s, start(videoTrack(), audioTrack()), 25, func(int) {})
		} else {
			tracks := start(audioTrack(), videoTrack())
			write(s, []*Track{tracks[1], tracks[0]}, 25, func(int) {})
		}
	}
	s.Close()
	wg.Wait()
}
