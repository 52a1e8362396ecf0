package rtsp

import (
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"

	"github.com/camgate/camgate"
)

// A hundred readers who come while the stream runs get all of it, and nothing of
// them is left when they are gone.
func TestHundredReaders(t *testing.T) {
	g := newGateway(t, withUDP)
	// However long a machine that has other work keeps one of them waiting.
	const lag = 20 * time.Second
	s, err := g.registry.Add("cam", camgate.StreamLimits{MaxLag: lag, Ring: camgate.RingLimits{Window: lag}})
	if err != nil {
		t.Fatal(err)
	}
	cam := newCamera(t, s, false)
	cam.gop(1)
	stop := cam.run()
	defer stop()
	fds := descriptors(t)
	all := make([]*viewer, 100)
	for i := range all {
		protocol := gortsplib.ProtocolTCP
		if i%4 == 0 {
			protocol = gortsplib.ProtocolUDP
		}
		all[i] = view(t, g.url("cam"), protocol, nil, 150)
	}
	for _, v := range all {
		v.mu.Lock()
		first := 0
		if len(v.numbers) > 0 {
			first = v.numbers[0]
		}
		v.mu.Unlock()
		v.wait(t, first)
		if first%25 != 0 && first != 0 {
			t.Errorf("begins at picture %d, no keyframe", first)
		}
	}
	for _, v := range all {
		v.client.Close()
	}
	eventually(t, "no readers", func() bool { return viewers(s) == 0 })
	eventually(t, "descriptors back to the start", func() bool { return descriptors(t) <= fds })
}

func descriptors(t testing.TB) int {
	t.Helper()
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// Readers that keep up share a goroutine, also when the GOP cache is empty because
// the GOP has outgrown it, and nobody is left in a lane.
func TestLanes(t *testing.T) {
	g := newGateway(t, nil)
	s, err := g.registry.Add("cam", camgate.StreamLimits{Ring: camgate.RingLimits{CacheTime: time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	cam := newCamera(t, s, false)
	cam.gop(1)
	var readers []*wire
	for range 40 {
		w := dialWire(t, g.url("cam"))
		w.setup(0)
		w.want(200, "PLAY", w.base)
		w.frame()
		readers = append(readers, w)
	}
	parked := func() (n, lanes int) {
		g.lanes.mu.Lock()
		defer g.lanes.mu.Unlock()
		for _, ls := range g.lanes.bySet {
			for _, l := range ls {
				n, lanes = n+len(*l.members.Load()), lanes+1
			}
		}
		return n, lanes
	}
	eventually(t, "all are parked", func() bool { n, _ := parked(); return n == 40 })
	if _, lanes := parked(); lanes > runtime.GOMAXPROCS(0) {
		t.Errorf("%d lanes", lanes)
	}
	for range 100 { // no keyframe in sight
		cam.picture(false)
	}
	late := dialWire(t, g.url("cam"))
	late.setup(0)
	late.want(200, "PLAY", late.base)
	cam.picture(false)
	last := int(cam.frame) - 1
	for _, w := range readers {
		for {
			if frame := w.frame(); frame[1] == 0 {
				if p := parseRTP(t, frame[4:]); p.Marker && number(p) == last {
					break
				}
			}
		}
	}
	for _, w := range readers[:20] {
		w.want(200, "TEARDOWN", w.base)
	}
	for _, w := range readers[20:] {
		w.conn.Close()
	}
	late.conn.Close()
	eventually(t, "nobody is parked", func() bool { n, lanes := parked(); return n == 0 && lanes == 0 })
	eventually(t, "nobody reads", func() bool { return len(s.Info().Readers) == 0 })
}
