package mjpeg

import (
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/cmd/camgate/demo"
	"github.com/camgate/camgate/internal/frameno"
)

// TestStream has ten viewers, one decoder, and compares each picture with the one
// that was published with its timestamp.
func TestStream(t *testing.T) {
	for _, tt := range []struct {
		name string
		clip func(testing.TB) *clip
	}{
		{"H264 1280x720", demoClip}, {"H264", h264Clip}, {"H264 with B-frames", bframesClip},
		{"H265", h265Clip}, {"H265 with open GOPs", openClip},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := tt.clip(t)
			f := start(t, Options{})
			numbers := numbersOf(t, f.stream, c)
			play(t, f.stream, c)
			eventually(t, "one second is cached", func() bool { return f.stream.Units() > demo.FPS+10 })
			begin := time.Now()
			const viewers, pictures = 10, 40
			var got [viewers][]*part
			var wg sync.WaitGroup
			for i := range got {
				v := f.view()
				got[i] = []*part{v.must()}
				if i == 0 {
					t.Logf("first picture after %v", time.Since(begin))
				}
				wg.Go(func() {
					for len(got[i]) < pictures {
						p, err := v.next()
						if err != nil {
							t.Errorf("viewer %d, picture %d: %v", i, len(got[i]), err)
							return
						}
						got[i] = append(got[i], p)
					}
				})
			}
			if n := len(childrenOf(t, os.Getpid())); n != 1 {
				t.Errorf("%d children", n)
			}
			wg.Wait()
			for i, parts := range got {
				checkOrder(t, i, parts)
			}
			for i := 0; i < len(got[0]); i += 3 {
				checkPicture(t, i, got[0][i], c, numbers)
			}
			checkServer(t, f, c)
		})
	}
}

// checkOrder checks that each picture is newer than the one before it, and new.
func checkOrder(t *testing.T, viewer int, parts []*part) {
	t.Helper()
	for i, p := range parts {
		if i > 0 && !p.at.After(parts[i-1].at) {
			t.Errorf("viewer %d, picture %d: taken at %v, the one before at %v", viewer, i, p.at, parts[i-1].at)
		}
		// A busy machine may be late, but not by more than the lag that takes a
		// decoder to the next keyframe, and the way to that.
		if i > 15 && p.delay > maxDecoderLag+3*time.Second {
			t.Errorf("viewer %d, picture %d is %v old", viewer, i, p.delay)
		}
	}
}

// checkPicture compares a picture with the one that was published for its time.
func checkPicture(t *testing.T, i int, p *part, c *clip, numbers *sync.Map) {
	t.Helper()
	img := p.decode(t)
	if img.Bounds().Size() != c.size {
		t.Errorf("picture of %v, want %v", img.Bounds(), c.size)
	}
	got, ok := frameno.Read(img)
	if !ok {
		t.Errorf("picture %d has no number", i)
	}
	if want, ok := numbers.Load(p.at.Round(time.Millisecond)); !ok || got != want {
		t.Errorf("picture %d shows %d, its time is that of %v", i, got, want)
	}
}

// checkServer checks what is known of one decoder with viewers that have left.
func checkServer(t *testing.T, f *fixture, c *clip) {
	t.Helper()
	if st := f.Stats(); st.Decoders != 1 || st.Failures != 0 || st.Decoding != 1 {
		t.Errorf("%+v", st)
	}
	running := f.transcoderOf(wanted{stream: f.stream})
	if running == nil {
		t.Fatal("no rendition")
	}
	r := running.rendition
	if p := r.Tracks()[0].Params(); p.Width != c.size.X || p.Height != c.size.Y {
		t.Errorf("the rendition is of %dx%d", p.Width, p.Height)
	}
	if info := r.Info(); info.BytesOut < 100_000 || info.Status.State != camgate.StateLive {
		t.Errorf("%d bytes out, state %s", info.BytesOut, info.Status.State)
	}
	reader, err := r.Subscribe(t.Context(), camgate.SubscribeOptions{Internal: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	u, err := reader.Next()
	if err != nil {
		t.Fatal(err)
	}
	if u.PacketCount() == 0 {
		t.Error("RTP cannot carry the pictures")
	}
}

// numbersOf collects the numbers of the pictures that are published, by the time
// they are presented.
func numbersOf(t *testing.T, s *camgate.Stream, c *clip) *sync.Map {
	t.Helper()
	var m sync.Map
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	ctx := t.Context()
	wg.Go(func() {
		if _, err := s.Ready(ctx); err != nil {
			t.Error(err)
			return
		}
		r, err := s.Subscribe(ctx, camgate.SubscribeOptions{Internal: true})
		if err != nil {
			t.Error(err)
			return
		}
		for i := 0; ; i++ {
			u, err := r.Next()
			if err != nil {
				return
			}
			m.Store(u.NTP.Round(time.Millisecond).Round(0), int(c.pts[i%len(c.pts)]/frame))
		}
	})
	return &m
}

// TestDecoderDies kills the decoder in several ways: the viewer's pictures go on
// in the same response.
func TestDecoderDies(t *testing.T) {
	for _, tt := range []struct {
		name   string
		signal syscall.Signal
	}{
		{"killed", syscall.SIGKILL},
		{"hangs", syscall.SIGSTOP}, // and does not mind SIGTERM
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := start(t, Options{StallTimeout: 500 * time.Millisecond})
			play(t, f.stream, h264Clip(t))
			v := f.view()
			v.must()
			for round := range 2 {
				pids := childrenOf(t, os.Getpid())
				if len(pids) != 1 {
					t.Fatalf("children %v", pids)
				}
				if err := syscall.Kill(pids[0], tt.signal); err != nil {
					t.Fatal(err)
				}
				hit := time.Now()
				for p := v.must(); p.at.Before(hit.Add(100 * time.Millisecond)); p = v.must() {
				}
				t.Logf("round %d: pictures again after %v", round, time.Since(hit))
				if d := time.Since(hit); d > 4*time.Second {
					t.Errorf("it took %v", d)
				}
				eventually(t, "one child", func() bool { return len(childrenOf(t, os.Getpid())) == 1 })
			}
			if st := f.Stats(); st.Failures != 2 || st.Decoders != 3 {
				t.Errorf("%+v", st)
			}
		})
	}
}

// TestIdle looks whether the decoder goes when nobody looks, and comes again.
func TestIdle(t *testing.T) {
	f := start(t, Options{Idle: 300 * time.Millisecond})
	play(t, f.stream, h264Clip(t))
	for range 2 {
		v := f.view()
		v.must()
		v.close()
		left := time.Now()
		eventually(t, "no child", func() bool { return len(childrenOf(t, os.Getpid())) == 0 })
		if d := time.Since(left); d < 250*time.Millisecond {
			t.Errorf("the decoder did not stay: %v", d)
		}
		eventually(t, "nobody reads", func() bool { n, _ := f.stream.Demand(); return n == 0 })
	}
	if st := f.Stats(); st.Decoders != 2 || st.Failures != 0 {
		t.Errorf("%+v", st)
	}
}
