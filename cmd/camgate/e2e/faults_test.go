package e2e

import (
	"errors"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/cmd/camgate/fakecam"
	"github.com/camgate/camgate/ingest"
	"github.com/camgate/camgate/rtsp"
)

const (
	// soon is what is promised: within that time after a camera can be used, there is
	// the first picture.
	soon = 3 * time.Second
	// smooth is the longest time without a picture where nothing was interrupted.
	smooth = time.Second
)

// expectation is what is to become of a camera with faults.
type expectation struct {
	start time.Duration // within which there is a picture; 0: soon
	watch time.Duration // for how long it is looked at then; 0: 1.5 s
	gap   time.Duration // the longest time without a picture; 0: smooth
	// sessions is how many there may be; 0: two where UDP is tried before TCP.
	sessions uint64

	lossy   bool // pictures are broken, and no decoder is asked
	noVideo bool // there is only sound
	silent  bool // there is only video
	codec   camgate.Codec

	refused error         // it is not played, for this reason
	says    string        // in that reason
	within  time.Duration // in which it is refused; 0: soon
}

// faultRow is a camera and what is expected of it.
type faultRow struct {
	// faults are what is wrong with the camera; the row is that of the first one.
	faults []string
	by     []rtsp.Transport // nil: auto, which begins with UDP, and TCP
	tls    bool
	user   bool
	report time.Duration // between sender reports
	expire time.Duration // of sessions
	// meanwhile is what happens to it, a second after the first picture.
	meanwhile func(testing.TB, *pulled)
	want      expectation
	// also is what else is to be seen in the end.
	also func(testing.TB, *pulled)
}

func (r faultRow) name() string { name, _, _ := strings.Cut(r.faults[0], "="); return name }

// faultNames are all faults that the camera can have.
func faultNames() (names []string) {
	for line := range strings.Lines(fakecam.List()) {
		name, _, _ := strings.Cut(strings.Fields(line)[0], "[")
		names = append(names, name)
	}
	return names
}

// No fault is left out, and none is made up.
func TestFaultTableIsComplete(t *testing.T) {
	var rows []string
	for _, r := range faultTable() {
		rows = append(rows, r.name())
	}
	for _, name := range faultNames() {
		if !slices.Contains(rows, name) {
			t.Errorf("no row for %s", name)
		}
	}
	for _, name := range rows {
		if !slices.Contains(faultNames(), name) {
			t.Errorf("%s is no fault", name)
		}
	}
}

// atATime is how many cameras there are at a time: they wait for the clock mostly.
const atATime = 24

// TestFaults has a camera for each fault, and one with each for UDP and TCP where that
// is different. None is stuck, and nothing is left of any.
func TestFaults(t *testing.T) {
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	t.Run("each", func(t *testing.T) {
		var all rows
		var running sync.WaitGroup
		defer running.Wait()
		places := make(chan struct{}, atATime)
		for _, row := range faultTable() {
			for _, transport := range row.transports() {
				places <- struct{}{}
				running.Go(func() {
					defer func() { <-places }()
					t.Run(strings.Join(row.faults, " ")+" "+string(transport), func(t *testing.T) {
						all.check(t, func(t testing.TB) { row.test(t, transport) })
					})
				})
			}
		}
	})
	if !within(10*time.Second, func() bool { return runtime.NumGoroutine() <= goroutines && openFiles(t) <= files }) {
		t.Errorf("there were %d goroutines and %d descriptors, and now are %d and %d:\n%s",
			goroutines, files, runtime.NumGoroutine(), openFiles(t), stacks())
	}
}

func openFiles(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries) - 1 // without the folder
}

func (r faultRow) transports() []rtsp.Transport {
	if r.by == nil {
		return []rtsp.Transport{rtsp.TransportAuto, rtsp.TransportTCP}
	}
	return r.by
}

func (r faultRow) test(t testing.TB, transport rtsp.Transport) {
	o := fakecam.Options{Faults: r.faults, TLS: r.tls, ReportInterval: r.report, SessionTimeout: r.expire}
	if r.user {
		o.User, o.Password = cameraUser, cameraPassword
	}
	p, stop := pull(t, o, transport, ingest.Options{})
	p.deaf = r.name() == "dead-tls"
	defer stop()
	defer func() {
		if t.Failed() {
			t.Logf("status %+v\nsession %+v\n%d pictures, longest gap %s, camera %+v", p.stream.Status(), p.source.Session(),
				len(p.seen()), p.longest(), p.cam.Status().Requests)
		}
	}()
	switch {
	case r.want.refused != nil:
		r.refused(t, p)
	case r.want.noVideo:
		r.sounds(t, p)
	default:
		r.plays(t, p)
	}
	if r.also != nil {
		r.also(t, p)
	}
}

// refused checks that there are no pictures, and a reason for it.
func (r faultRow) refused(t testing.TB, p *pulled) {
	want := r.want
	if !within(or(want.within, soon), func() bool { return errors.Is(p.why(), want.refused) }) || !strings.Contains(p.why().Error(), want.says) {
		t.Errorf("reason %v, want %v with %q", p.why(), want.refused, want.says)
	}
	if n := len(p.seen()); n > 0 {
		t.Errorf("%d pictures", n)
	}
}

// sounds checks that there is sound when there is nothing else.
func (r faultRow) sounds(t testing.TB, p *pulled) {
	if !within(soon, func() bool { return p.heard() > 20 }) || p.stream.Status().State != camgate.StateLive {
		t.Errorf("%d pieces of sound", p.heard())
	}
}

// plays checks that there are pictures, soon and without pauses, of which a decoder
// makes something, and sound with them.
func (r faultRow) plays(t testing.TB, p *pulled) {
	want := r.want
	first := p.after(p.began, or(want.start, soon)+endsIn)
	if first == 0 {
		t.Fatalf("no picture: %v", p.why())
	}
	if first > or(want.start, soon) {
		t.Errorf("the first picture took %s", first)
	}
	if r.meanwhile != nil {
		within(time.Second, func() bool { return false })
		r.meanwhile(t, p)
	}
	within(or(want.watch, 1500*time.Millisecond), func() bool { return false })
	gap := p.longest()
	if gap > or(want.gap, smooth) {
		t.Errorf("for %s there was no picture", gap)
	}
	t.Logf("first picture after %s, longest gap %s", first.Round(time.Millisecond), gap.Round(time.Millisecond))
	if !want.lossy {
		p.decodes(t)
	}
	if p.heard() == 0 && !want.silent {
		t.Error("no sound")
	}
	for _, pic := range p.seen() {
		if pic.late < -time.Second || pic.late > 3*time.Second {
			t.Errorf("a picture is %s behind the clock", pic.late)
			break
		}
	}
	if st := p.stream.Status(); st.State != camgate.StateLive {
		t.Errorf("the source is %s: %v", st.State, st.Err)
	}
	if n := p.cam.Status().TotalSessions; want.sessions > 0 && n > want.sessions {
		t.Errorf("%d sessions", n)
	}
	if want.codec != "" && !slices.ContainsFunc(p.stream.Tracks(), func(t *camgate.Track) bool { return t.Codec == want.codec }) {
		t.Errorf("no track is %s", want.codec)
	}
}

func or(d, def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return d
}
