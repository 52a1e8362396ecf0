package e2e

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/camgate/camgate/cmd/camgate/fakecam"
	"github.com/camgate/camgate/ingest"
	"github.com/camgate/camgate/rtsp"
)

// TestCamerasThatComeAndGo has cameras that leave and return a hundred times in all,
// with all that they stand for: a port that is closed, connections that are reset.
// After each return there is a picture soon, and nothing adds up.
func TestCamerasThatComeAndGo(t *testing.T) {
	const cameras, times = 5, 20
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	var all []*pulled
	for i := range cameras {
		by := []rtsp.Transport{rtsp.TransportTCP, rtsp.TransportAuto}[i%2]
		p, stop := pull(t, fakecam.Options{TLS: i == 4}, by, ingest.Options{})
		defer stop()
		p.forget()
		all = append(all, p)
	}
	var took []time.Duration
	took = append(took, comeAndGo(t, all, 2)...)
	before := heap()
	took = append(took, comeAndGo(t, all, times-2)...)
	after := heap()
	slices.Sort(took)
	t.Logf("%d returns: first picture after %s in the median, %s at the most; heap %d KiB before, %d KiB after",
		len(took), took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond), before>>10, after>>10)
	if after > before+before/4+1<<20 {
		t.Error("memory grows")
	}
	for _, p := range all {
		if n := p.stream.Status().Reconnects; n < times {
			t.Errorf("it came back %d times", n)
		}
	}
	// With the cameras, each has three goroutines for a connection or more.
	if n := runtime.NumGoroutine() - goroutines; n > 40*cameras {
		t.Errorf("%d goroutines for %d cameras:\n%s", n, cameras, stacks())
	}
	if n := openFiles(t) - files; n > 16*cameras {
		t.Errorf("%d descriptors for %d cameras", n, cameras)
	}
}

// comeAndGo makes all cameras leave and return, that often, and returns how long each
// time took from the return to the first picture.
func comeAndGo(t *testing.T, all []*pulled, times int) (took []time.Duration) {
	t.Helper()
	var mu sync.Mutex
	var cameras sync.WaitGroup
	for i, p := range all {
		cameras.Go(func() {
			for n := range times {
				if p.after(time.Now(), soon) == 0 {
					t.Errorf("camera %d, time %d: no pictures", i, n)
				}
				p.cam.Leave()
				within(time.Duration(50+40*n)*time.Millisecond, func() bool { return false })
				if err := p.cam.Return(); err != nil {
					t.Errorf("camera %d: %v", i, err)
					return
				}
				wait := p.after(time.Now(), 2*soon)
				if wait == 0 || wait > soon {
					t.Errorf("camera %d, time %d: first picture after %s: %v", i, n, wait, p.why())
				}
				mu.Lock()
				took = append(took, wait)
				mu.Unlock()
			}
		})
	}
	cameras.Wait()
	return took
}

// heap is what is in use when all garbage is gone.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
