package camgate

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Each Unit is published only when all readers have the one before it: a wake-up
// that is lost stops the test.
func TestNoLostWakeUps(t *testing.T) {
	const readers, units = 3, 20_000
	s := newStream("test", StreamLimits{})
	tracks, err := s.Start([]*Track{audioTrack()})
	if err != nil {
		t.Fatal(err)
	}
	var left atomic.Int64
	all := make(chan struct{}, 1)
	var wg sync.WaitGroup
	for range readers {
		r, err := s.Subscribe(t.Context(), SubscribeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			defer r.Close()
			for {
				if _, err := r.Next(); err != nil {
					return
				}
				if left.Add(-1) == 0 {
					all <- struct{}{}
				}
			}
		})
	}
	patience := time.NewTimer(time.Minute)
	defer patience.Stop()
	for n := range units {
		left.Store(readers)
		s.Publish(&Unit{Track: tracks[0], RandomAccess: true})
		select {
		case <-all:
		case <-patience.C:
			t.Fatalf("%d readers were not woken for Unit %d", left.Load(), n)
		}
	}
	s.Close()
	wg.Wait()
}
