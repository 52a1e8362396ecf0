package rendition

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

var (
	sps   = []byte{0x67, 0x64, 0x00, 0x0c, 0xac, 0x3b, 0x50, 0xb0, 0x4b, 0x42, 0x00, 0x00, 0x03, 0x00, 0x02, 0x00, 0x00, 0x03, 0x00, 0x3d, 0x08}
	spsB  = []byte{0x67, 0x4d, 0x40, 0x0c, 0xec, 0xa1, 0x83, 0x36, 0x02, 0x20, 0x00, 0x00, 0x03, 0x00, 0x20, 0x00, 0x00, 0x06, 0x41, 0xe2, 0x85, 0x32, 0xc0} // has B-frames
	pps   = []byte{0x68, 0xee, 0x3c, 0x80}
	idr   = []byte{0x65, 0x88, 0x84}
	other = []byte{0x41, 0x9a, 0x24}
)

// camera plays key pictures and others, with sound, until it is told to fail.
type camera struct {
	pyramid bool // B-frames, one of three is needed by the others

	mu    sync.Mutex
	fails error
	asked int
	runs  int
}

func (c *camera) String() string { return "camera" }

func (c *camera) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fails = err
}

func (c *camera) trouble() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fails
}

func (c *camera) Knock(context.Context) error { return c.trouble() }

func (c *camera) Run(ctx context.Context, s *camgate.Stream) error {
	if err := c.trouble(); err != nil {
		return err
	}
	video, err := ingest.NewTrack(camgate.TrackOptions{Codec: camgate.H264})
	if err != nil {
		return err
	}
	sound, err := ingest.NewTrack(camgate.TrackOptions{Codec: camgate.PCMA})
	if err != nil {
		return err
	}
	w, err := ingest.NewWriter(s, []*camgate.Track{video, sound})
	if err != nil {
		return err
	}
	defer w.Close()
	c.mu.Lock()
	c.runs++
	c.mu.Unlock()
	s.OnKeyframeRequest(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.asked++
	})
	for i := 0; ; i++ {
		if err := c.trouble(); err != nil {
			return err
		}
		au := [][]byte{other}
		if i%25 == 0 {
			au = [][]byte{sps, pps, idr}
		}
		if c.pyramid && i%25 == 0 {
			au[0] = spsB
		}
		shown := i
		if place := i % 25; c.pyramid && place > 0 {
			shown += []int{3, 0, -2, -1}[(place-1)%4]
			switch (place - 1) % 4 {
			case 1:
				au = [][]byte{{0x41, 0x9e, 0x24}}
			case 2, 3:
				au = [][]byte{{0x01, 0x9e, 0x24}}
			}
		}
		_ = w.Write(ingest.Sample{Track: 0, PTS: int64(shown) * 3600, AU: au})
		_ = w.Write(ingest.Sample{Track: 1, PTS: int64(i) * 320, AU: [][]byte{make([]byte, 320)}})
		select {
		case <-time.After(40 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// pair is a camera's stream and a rendition of it, both supervised.
type pair struct {
	camera        *camera
	parent, child *camgate.Stream
	stop          func()
}

func newPair(t *testing.T, onDemand bool, source func(parent, child *camgate.Stream) camgate.Source) *pair {
	p := &pair{camera: &camera{}}
	p.parent = camgate.NewRendition("cam", camgate.StreamLimits{})
	time.Sleep(time.Second) // so that the clocks are not the same (synctest)
	p.child = camgate.NewRendition("cam/sub", camgate.StreamLimits{})
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	up := ingest.NewSupervisor(p.parent, []camgate.Source{p.camera}, ingest.Options{OnDemand: onDemand, Linger: time.Second})
	down := ingest.NewSupervisor(p.child, []camgate.Source{source(p.parent, p.child)}, ingest.Options{OnDemand: onDemand, Linger: time.Second})
	all.Go(func() { _ = up.Run(ctx) })
	all.Go(func() { _ = down.Run(ctx) })
	all.Go(func() { _ = Want(ctx, p.child, p.parent) })
	p.stop = func() {
		cancel()
		all.Wait()
	}
	return p
}

func passing(parent, _ *camgate.Stream) camgate.Source { return New(Options{Parent: parent}) }

func (p *pair) read(t *testing.T, s *camgate.Stream) *camgate.Reader {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := s.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	r, err := s.Subscribe(t.Context(), camgate.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func next(t *testing.T, r *camgate.Reader) *camgate.Unit {
	t.Helper()
	u, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// All that the parent has comes through: the same bytes, at the same moment, with what
// is said of the tracks.
func TestPassThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, false, passing)
		defer p.stop()
		theirs, ours := p.read(t, p.parent), p.read(t, p.child)
		defer theirs.Close()
		defer ours.Close()
		pictures, sounds := 0, 0
		for range 200 {
			want, got := next(t, theirs), next(t, ours)
			if &want.AU[0][0] != &got.AU[0][0] || len(want.AU) != len(got.AU) {
				t.Fatal("the access unit is not the same")
			}
			if d := got.NTP.Sub(want.NTP).Abs(); d > want.Track.Duration(1) {
				t.Fatalf("shown %v away from the parent's time", d)
			}
			if want.RandomAccess != got.RandomAccess || want.Track.ID != got.Track.ID || want.Lost != got.Lost {
				t.Fatalf("got %+v, want %+v", got, want)
			}
			if got.Track.Kind == camgate.Video {
				pictures++
			} else {
				sounds++
			}
		}
		if pictures == 0 || sounds == 0 {
			t.Errorf("%d pictures, %d sounds", pictures, sounds)
		}
		if a, b := p.parent.Tracks()[0].Params(), p.child.Tracks()[0].Params(); a.Width == 0 || a != b {
			t.Errorf("parameters %+v, want %+v", b, a)
		}
		time.Sleep(time.Second)
		p.child.RequestKeyframe()
		if p.camera.asked == 0 {
			t.Error("the camera was not asked for a keyframe")
		}
	})
}

// Where the one follows the clock of the other, times are the very same.
func TestSameClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, false, func(parent, child *camgate.Stream) camgate.Source {
			child.Follow(parent)
			return New(Options{Parent: parent})
		})
		defer p.stop()
		theirs, ours := p.read(t, p.parent), p.read(t, p.child)
		defer theirs.Close()
		defer ours.Close()
		for range 100 {
			if want, got := next(t, theirs), next(t, ours); want.PTS != got.PTS || !want.NTP.Equal(got.NTP) {
				t.Fatalf("at %d %v, want %d %v", got.PTS, got.NTP, want.PTS, want.NTP)
			}
		}
	})
}

// A camera that goes takes no viewer of its rendition along: they hear why, and go on
// when it is back.
func TestParentGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, true, passing)
		defer p.stop()
		ours := p.read(t, p.child)
		defer ours.Close()
		for range 10 {
			next(t, ours)
		}
		cause := fmt.Errorf("%w: the plug is out", camgate.ErrConnectionFailed)
		p.camera.fail(cause)
		time.Sleep(20 * time.Second)
		if st := p.child.Status(); !errors.Is(st.Err, cause) || st.State == camgate.StateLive {
			t.Errorf("the rendition is %s: %v", st.State, st.Err)
		}
		p.camera.fail(nil)
		time.Sleep(3 * time.Second)
		last := time.Duration(-1)
		for range 50 {
			u := next(t, ours)
			if u.Track.ID == 0 {
				if u.Time() <= last {
					t.Fatalf("a picture at %v after one at %v", u.Time(), last)
				}
				last = u.Time()
			}
		}
		if st := p.child.Status(); st.State != camgate.StateLive || p.child.Now()-last > 5*time.Second {
			t.Errorf("the rendition is %s: %v, its pictures are of %v, now is %v", st.State, st.Err, last, p.child.Now())
		}
	})
}

// Who watches a rendition wakes its camera, and when nobody does, both sleep.
func TestDemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, true, passing)
		defer p.stop()
		time.Sleep(time.Minute)
		states := func() []camgate.State { return []camgate.State{p.parent.Status().State, p.child.Status().State} }
		asleep := []camgate.State{camgate.StateIdle, camgate.StateIdle}
		if got := states(); !slices.Equal(got, asleep) || p.camera.runs != 0 {
			t.Fatalf("%v although nobody watches", got)
		}
		r := p.read(t, p.child)
		next(t, r)
		synctest.Wait() // the supervisor says "live" when it has handed the picture out
		if got := states(); got[0] != camgate.StateLive || got[1] != camgate.StateLive {
			t.Errorf("%v although somebody watches", got)
		}
		r.Close()
		time.Sleep(5 * time.Second)
		if got := states(); !slices.Equal(got, asleep) {
			t.Errorf("%v although nobody watches any more", got)
		}
	})
}
