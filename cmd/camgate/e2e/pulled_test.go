package e2e

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/cmd/camgate/demo"
	"github.com/camgate/camgate/cmd/camgate/fakecam"
	"github.com/camgate/camgate/ingest"
	"github.com/camgate/camgate/ingest/trust"
	"github.com/camgate/camgate/rtsp"
)

// What stands in URLs only when it is written right.
const (
	cameraUser     = "us er@home"
	cameraPassword = "p@ss:w/rd%?#"
)

// pulled is a camera with faults that is taken by the parts of the gateway, and a
// viewer of it, all in this process.
type pulled struct {
	cam    *fakecam.Cam
	stream *camgate.Stream
	source *rtsp.Source
	began  time.Time
	deaf   bool // the camera does not notice either, without a fault

	mu       sync.Mutex
	pictures []picture
	sounds   int
	changes  int    // of tracks
	forgets  bool   // only the latest pictures are kept
	bytes    []byte // of the pictures, with start codes, from a keyframe on
}

// picture is one that the viewer got.
type picture struct {
	at   time.Time
	late time.Duration // behind the stream's clock
	lost int           // packets before it
}

// pull runs a camera, and what takes it, until stop is called. That makes sure that
// both end in time, and that the camera has no connection of ours left.
func pull(t testing.TB, o fakecam.Options, transport rtsp.Transport, opts ingest.Options) (p *pulled, stop func()) {
	t.Helper()
	o.Clip, o.Seed = demo.Clip(), 1
	cam, err := fakecam.New(o)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(cam.URL())
	if err != nil {
		t.Fatal(err)
	}
	if o.User != "" {
		u.User = url.UserPassword(o.User, o.Password)
	}
	secure, err := trust.New(trust.Options{Pins: pinsOf(t, cam)})
	if err != nil {
		t.Fatal(err)
	}
	source, err := rtsp.NewSource(rtsp.SourceOptions{URL: u, Transport: transport, TLS: secure})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := camgate.NewRegistry(0).Add("cam", camgate.StreamLimits{})
	if err != nil {
		t.Fatal(err)
	}
	p = &pulled{cam: cam, stream: stream, source: source, began: time.Now()}
	supervisor := ingest.NewSupervisor(stream, []camgate.Source{source}, opts)
	return p, p.run(t, supervisor)
}

func pinsOf(t testing.TB, cam *fakecam.Cam) []trust.Pin {
	if cam.Fingerprint() == "" {
		return nil
	}
	pin, err := trust.ParsePin(cam.Fingerprint())
	if err != nil {
		t.Fatal(err)
	}
	return []trust.Pin{pin}
}

// endsIn is within what time a source has to end, whatever its camera does.
const endsIn = 5 * time.Second

func (p *pulled) run(t testing.TB, supervisor *ingest.Supervisor) (stop func()) {
	camera, switchOff := context.WithCancel(context.Background())
	gateway, quit := context.WithCancel(context.Background())
	off, ended := make(chan error, 1), make(chan error, 1)
	var viewer sync.WaitGroup
	go func() { off <- p.cam.Run(camera) }()
	go func() { ended <- supervisor.Run(gateway) }()
	viewer.Go(func() { p.view(gateway) })
	return sync.OnceFunc(func() {
		quit()
		begin := time.Now()
		select {
		case <-ended:
		case <-time.After(4 * endsIn):
			t.Fatalf("the source does not end:\n%s", stacks())
		}
		if took := time.Since(begin); took > endsIn {
			t.Errorf("it took %s to end", took)
		}
		viewer.Wait()
		p.cam.Clear() // one that is frozen does not notice who leaves
		if !p.deaf && !within(endsIn, func() bool { return p.cam.Status().Connections == 0 }) {
			t.Errorf("the camera has %d connections of ours left", p.cam.Status().Connections)
		}
		switchOff()
		if err := <-off; err != nil {
			t.Errorf("camera: %v", err)
		}
	})
}

func stacks() []byte {
	buf := make([]byte, 4<<20)
	return buf[:runtime.Stack(buf, true)]
}

// within waits until something is so; false when it is not in time.
func within(limit time.Duration, is func() bool) bool {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for begin := time.Now(); !is(); <-ticker.C {
		if time.Since(begin) > limit {
			return false
		}
	}
	return true
}

// view is a viewer that stays, whatever happens to the stream.
func (p *pulled) view(ctx context.Context) {
	for ctx.Err() == nil {
		if _, err := p.stream.Ready(ctx); err != nil {
			// The source has failed for now: a viewer comes again.
			within(50*time.Millisecond, func() bool { return ctx.Err() != nil })
			continue
		}
		reader, err := p.stream.Subscribe(ctx, camgate.SubscribeOptions{Internal: true})
		if err != nil {
			continue
		}
		for err == nil {
			var u *camgate.Unit
			if u, err = reader.Next(); err == nil {
				p.see(u)
			}
		}
		reader.Close()
		if errors.Is(err, camgate.ErrTracksChanged) {
			p.mu.Lock()
			p.changes++
			p.mu.Unlock()
		}
	}
}

// maxKept bounds what is kept to be decoded.
const maxKept = 16 << 20

func (p *pulled) see(u *camgate.Unit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if u.Track.Kind == camgate.Audio {
		p.sounds++
		return
	}
	p.pictures = append(p.pictures, picture{now, p.stream.Now() - u.Time(), u.Lost})
	if p.forgets {
		p.pictures = slices.Clone(p.pictures[max(len(p.pictures)-keptByForgetful, 0):])
		return
	}
	if len(p.bytes)+u.Size() > maxKept {
		return
	}
	for _, nalu := range u.AU {
		p.bytes = append(append(p.bytes, 0, 0, 0, 1), nalu...)
	}
}

const keptByForgetful = 50

// forget keeps no more than the latest pictures, in a test that measures memory.
func (p *pulled) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forgets = true
}

// seen are the pictures so far.
func (p *pulled) seen() []picture {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pictures[:len(p.pictures):len(p.pictures)]
}

// heard is how many pieces of sound came.
func (p *pulled) heard() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sounds
}

// after waits for the first picture after a moment; 0: there is none in time.
func (p *pulled) after(moment time.Time, limit time.Duration) (wait time.Duration) {
	within(limit, func() bool {
		if all := p.seen(); len(all) > 0 && all[len(all)-1].at.After(moment) {
			i := len(all)
			for i > 0 && all[i-1].at.After(moment) {
				i--
			}
			wait = all[i].at.Sub(moment)
		}
		return wait > 0
	})
	return wait
}

// longest is the longest time without a picture, from the first one to now.
func (p *pulled) longest() (gap time.Duration) {
	all := p.seen()
	for i := range all {
		next := time.Now()
		if i+1 < len(all) {
			next = all[i+1].at
		}
		gap = max(gap, next.Sub(all[i].at))
	}
	return gap
}

// decodes checks that another decoder makes pictures of all that came, without a
// complaint.
func (p *pulled) decodes(t testing.TB) {
	t.Helper()
	p.mu.Lock()
	data, pictures := p.bytes, len(p.pictures)
	p.mu.Unlock()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "error", "-threads", "1", "-f", "h264", "-i", "pipe:0",
		"-fps_mode", "passthrough", "-progress", "pipe:1", "-f", "null", os.DevNull)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(data), &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, errs.String())
	}
	if errs.Len() > 0 {
		t.Errorf("a decoder complains:\n%s", firstLines(errs.String(), 5))
	}
	last := out.String()[max(strings.LastIndex(out.String(), "frame="), 0):]
	got := 0
	if _, err := fmt.Sscanf(last, "frame=%d", &got); err != nil || got < pictures {
		t.Errorf("of %d pictures %d were decoded", pictures, got)
	}
}

func firstLines(text string, n int) string {
	lines := strings.SplitN(text, "\n", n+1)
	return strings.Join(lines[:min(n, len(lines))], "\n")
}

// why is what the stream says of its source.
func (p *pulled) why() error {
	st := p.stream.Status()
	return cmp.Or(st.Err, st.LastErr)
}
