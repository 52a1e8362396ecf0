//go:build unix

package camgate

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// benchStream is a stream of pictures with a GOP of 50 in its cache.
func benchStream(tb testing.TB, size int) (s *Stream, next func() *Unit) {
	tb.Helper()
	s = newStream("bench", StreamLimits{MaxReaders: 10_000})
	tracks, err := s.Start([]*Track{videoTrack(), audioTrack()})
	if err != nil {
		tb.Fatal(err)
	}
	n := int64(0)
	au := [][]byte{make([]byte, size)}
	next = func() *Unit {
		u := &Unit{Track: tracks[0], PTS: n * 3600, RandomAccess: n%50 == 0, AU: au}
		n++
		return u
	}
	for range 75 {
		s.Publish(next())
	}
	return s, next
}

// readAll starts readers that call got for each Unit. stop ends them.
func readAll(tb testing.TB, s *Stream, readers int, got func()) (stop func()) {
	tb.Helper()
	var wg sync.WaitGroup
	for range readers {
		r, err := s.Subscribe(tb.Context(), SubscribeOptions{})
		if err != nil {
			tb.Fatal(err)
		}
		for _, ok := r.Poll(); ok; _, ok = r.Poll() {
		}
		wg.Go(func() {
			defer r.Close()
			for {
				if _, err := r.Next(); err != nil {
					return
				}
				got()
			}
		})
	}
	return func() {
		s.Close()
		wg.Wait()
	}
}

// cpuTime returns what the process has used: it says more than the time on the
// wall where other work runs beside.
func cpuTime(tb testing.TB) time.Duration {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// What a Unit costs its publisher, with readers that have to be woken for it.
func BenchmarkPublish(b *testing.B) {
	for _, readers := range []int{0, 1, 10, 100, 1000} {
		b.Run(fmt.Sprint(readers), func(b *testing.B) {
			s, next := benchStream(b, 20_000)
			var left atomic.Int64
			all := make(chan struct{}, 1)
			defer readAll(b, s, readers, func() {
				if left.Add(-1) == 0 {
					all <- struct{}{}
				}
			})()
			b.ReportAllocs()
			var published time.Duration // without the wait for the readers to sleep again
			for b.Loop() {
				left.Store(int64(readers))
				u := next()
				start := time.Now()
				s.Publish(u)
				published += time.Since(start)
				if readers > 0 {
					<-all
				}
			}
			b.ReportMetric(float64(published.Nanoseconds())/float64(b.N), "ns/publish")
		})
	}
}

// From Publish until all readers have the Unit.
func BenchmarkFanout(b *testing.B) {
	for _, readers := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprint(readers), func(b *testing.B) {
			s, next := benchStream(b, 20_000)
			var left atomic.Int64
			all := make(chan struct{}, 1)
			defer readAll(b, s, readers, func() {
				if left.Add(-1) == 0 {
					all <- struct{}{}
				}
			})()
			b.ReportAllocs()
			before := cpuTime(b)
			for b.Loop() {
				left.Store(int64(readers))
				s.Publish(next())
				<-all
			}
			used := cpuTime(b) - before
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*readers), "ns/reader")
			b.ReportMetric(float64(used.Nanoseconds())/float64(b.N*readers), "cpu-ns/reader")
		})
	}
}

// A reader that has Units waiting for it.
func BenchmarkPoll(b *testing.B) {
	s, _ := benchStream(b, 20_000)
	defer s.Close()
	r, err := s.Subscribe(b.Context(), SubscribeOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := r.Poll(); !ok {
			r.pos = r.edge - 20
		}
	}
}

func BenchmarkSubscribe(b *testing.B) {
	for _, readers := range []int{0, 1000} {
		b.Run(fmt.Sprint(readers), func(b *testing.B) {
			s, _ := benchStream(b, 20_000)
			defer readAll(b, s, readers, func() {})()
			b.ReportAllocs()
			for b.Loop() {
				r, err := s.Subscribe(b.Context(), SubscribeOptions{})
				if err != nil {
					b.Fatal(err)
				}
				if _, ok := r.Poll(); !ok {
					b.Fatal("nothing to start with")
				}
				r.Close()
			}
		})
	}
}

func BenchmarkUnitPackets(b *testing.B) {
	for _, size := range []int{200, 20_000, 200_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s, next := benchStream(b, size)
			defer s.Close()
			u := next()
			s.Publish(u)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				u.once = sync.Once{}
				if u.Packets().Len() == 0 {
					b.Fatal("no packets")
				}
			}
		})
	}
}

// A packet that a viewer asks for once more, half a second back.
func BenchmarkRetransmit(b *testing.B) {
	s, next := benchStream(b, 20_000)
	defer s.Close()
	r, err := s.Subscribe(b.Context(), SubscribeOptions{})
	if err != nil {
		b.Fatal(err)
	}
	u := next()
	s.Publish(u)
	for range 12 {
		s.Publish(next())
	}
	for b.Loop() {
		seq := u.FirstSeq() + uint16(rand.IntN(u.PacketCount()))
		if found, _ := r.Retransmit(u.Track, seq); found != u {
			b.Fatal("not found")
		}
	}
}

// allocations fails when f allocates more than limit on average.
func allocations(t *testing.T, what string, limit float64, runs int, f func()) {
	t.Helper()
	if n := testing.AllocsPerRun(runs, f); n > limit {
		t.Errorf("%s: %v allocations, the limit is %v", what, n, limit)
	}
}

func TestAllocations(t *testing.T) {
	s, next := benchStream(t, 20_000)
	units := make([]*Unit, 500)
	for i := range units {
		units[i] = next()
	}
	publish := func() {
		s.Publish(units[0])
		units = units[1:]
	}
	allocations(t, "Publish", 0, 100, publish)
	r, err := s.Subscribe(t.Context(), SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	allocations(t, "Publish and Poll", 0, 100, func() {
		publish()
		for _, ok := r.Poll(); ok; _, ok = r.Poll() {
		}
	})
	allocations(t, "Publish and Next", 0, 100, func() {
		publish()
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	})
}

// With readers that sleep it takes a channel to wake them all, and nothing for
// each of them.
func TestAllocationsOfWaking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, next := benchStream(t, 20_000)
		defer readAll(t, s, 100, func() {})()
		units := []*Unit{next(), next(), next(), next(), next(), next()}
		allocations(t, "Publish to 100 sleeping readers and their Next", 2, 5, func() {
			synctest.Wait()
			s.Publish(units[0])
			units = units[1:]
			synctest.Wait()
		})
	})
}
