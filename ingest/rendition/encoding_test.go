package rendition

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest/encode"
)

// workshop is a machine's encoders as a test wants them.
type workshop struct {
	mu      sync.Mutex
	list    []*worker
	demoted []string
	open    []*work // all that were
}

func (w *workshop) Choose(_ context.Context, _ encode.Format, s encode.Settings) ([]Encoder, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []Encoder
	for _, e := range w.list {
		if !slices.Contains(w.demoted, e.name) && (s.Encoder == "" || s.Encoder == e.name) {
			out = append(out, e)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: all are broken", camgate.ErrEncoderUnavailable)
	}
	return out, nil
}

func (w *workshop) Demote(e Encoder, _ error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.demoted = append(w.demoted, e.Name())
}

func (w *workshop) works() []*work {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.open)
}

// worker is an encoder that copies the kind of what it gets: a keyframe each gop
// pictures, or when asked, each delayed by a while.
type worker struct {
	shop  *workshop
	name  string
	gop   int
	delay time.Duration
	dies  int  // after so many pictures; 0: never
	able  bool // to make keyframes and change the bitrate when asked
}

func (e *worker) Name() string { return e.name }

func (e *worker) Open(f encode.Format, s encode.Settings) (Session, error) {
	w := &work{worker: e, format: f, settings: s, bitrate: s.Bitrate}
	e.shop.mu.Lock()
	defer e.shop.mu.Unlock()
	e.shop.open = append(e.shop.open, w)
	return w, nil
}

type work struct {
	*worker
	format   encode.Format
	settings encode.Settings

	mu      sync.Mutex
	key     bool
	bitrate int
	ended   bool
}

func (w *work) ForceKeyframe() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.key = w.able
	return w.able
}

func (w *work) SetBitrate(n int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.able {
		w.bitrate = n
	}
	return w.able
}

func (w *work) Run(ctx context.Context, in func(context.Context) (encode.Picture, error), out func(encode.Picture) error) error {
	defer func() {
		w.mu.Lock()
		w.ended = true
		w.mu.Unlock()
	}()
	time.Sleep(w.delay)
	for i := 0; ; i++ {
		p, err := in(ctx)
		if err != nil {
			return err
		}
		if p.Release != nil {
			p.Release()
		}
		if w.dies > 0 && i >= w.dies {
			return encode.ErrDied
		}
		w.mu.Lock()
		key := i%w.gop == 0 || w.key
		w.key = w.key && !key
		w.mu.Unlock()
		p.Key, p.AU = key, [][]byte{{0x41, 0x9a, byte(i)}}
		if key {
			p.AU = [][]byte{sps, pps, {0x65, 0x88, byte(i)}}
		}
		if err := out(p); err != nil {
			return err
		}
	}
}

func (w *workshop) add(e worker) *workshop {
	e.shop = w
	if e.gop == 0 {
		e.gop = 25
	}
	w.list = append(w.list, &e)
	return w
}

// bench is a pair whose rendition is encoded.
type bench struct {
	*pair
	shop   *workshop
	source *Source
	reader *camgate.Reader
	last   *camgate.Unit
}

func newBench(t *testing.T, shop *workshop, want Settings) *bench {
	b := &bench{shop: shop}
	b.pair = newPair(t, false, func(parent, _ *camgate.Stream) camgate.Source {
		b.source = New(Options{Parent: parent, Want: want, Encoders: shop})
		return b.source
	})
	b.reader = b.read(t, b.child)
	return b
}

func (b *bench) close() {
	b.reader.Close()
	b.stop()
}

// watch looks at pictures for a while: their times go on, no pause is longer than
// that, and where something new begins it begins with a keyframe.
func (b *bench) watch(t *testing.T, pictures int, pause time.Duration) (sound int) {
	t.Helper()
	for pictures > 0 {
		began := time.Now()
		u := next(t, b.reader)
		if u.Track.Kind != camgate.Video {
			sound++
			continue
		}
		pictures--
		if b.last != nil {
			if u.PTS <= b.last.PTS {
				t.Fatalf("a picture at %v after one at %v", u.Time(), b.last.Time())
			}
			if d := u.Time() - b.last.Time(); d > pause+time.Millisecond {
				t.Fatalf("no picture for %v", d)
			}
			if n := u.AU[len(u.AU)-1][2]; n != b.last.AU[len(b.last.AU)-1][2]+1 && !u.RandomAccess {
				t.Fatalf("a session begins at %v without a keyframe", u.Time())
			}
		}
		if time.Since(began) > 3*time.Second {
			t.Fatalf("waited for a picture for %v", time.Since(began))
		}
		b.last = u
	}
	return sound
}

func TestEncoded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := (&workshop{}).add(worker{name: "soft", able: true})
		b := newBench(t, shop, Settings{Width: 320, Height: 180, Bitrate: 1e5})
		defer b.close()
		if sound := b.watch(t, 100, 40*time.Millisecond); sound < 90 {
			t.Errorf("%d pieces of sound", sound)
		}
		if d := b.child.Now() - b.last.Time(); d > 50*time.Millisecond {
			t.Errorf("the newest picture is %v old", d)
		}
		works := shop.works()
		if len(works) != 1 || works[0].settings.Width != 320 || works[0].settings.Codec != camgate.H264 || works[0].format.Codec != camgate.H264 || works[0].format.Width == 0 {
			t.Errorf("%+v", works)
		}
		if info := b.child.Info(); info.Encoder != "soft" || len(info.Warnings) != 0 || info.Tracks[0].Params().Width == 0 || info.Status.State != camgate.StateLive {
			t.Errorf("%+v", info)
		}
		before := b.last
		for !b.last.RandomAccess || b.last == before { // right behind a keyframe
			b.watch(t, 1, 40*time.Millisecond)
		}
		b.child.RequestKeyframe()
		came := false
		for range 3 {
			b.watch(t, 1, 40*time.Millisecond)
			came = came || b.last.RandomAccess
		}
		if !came {
			t.Error("no keyframe although one was asked for")
		}
	})
}

// An encoder that fails is replaced by the next one; viewers stay, and hear of it.
func TestDemotion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := (&workshop{}).add(worker{name: "hard", dies: 60}).add(worker{name: "soft", able: true, delay: 200 * time.Millisecond})
		b := newBench(t, shop, Settings{Bitrate: 1e5})
		defer b.close()
		b.watch(t, 150, time.Second)
		info := b.child.Info()
		if info.Encoder != "soft" || len(info.Warnings) != 1 || !strings.Contains(info.Warnings[0], "hard failed") || !strings.Contains(info.Warnings[0], "soft encodes in its place") {
			t.Errorf("%q, %q", info.Encoder, info.Warnings)
		}
		if info.Status.State != camgate.StateLive || info.Status.Reconnects != 0 {
			t.Errorf("%+v", info.Status)
		}
		shop.mu.Lock()
		shop.demoted = nil
		shop.mu.Unlock()
		b.watch(t, 25*60*11, time.Second) // it is tried again, and dies again
		if n := len(shop.works()); n < 4 {
			t.Errorf("%d sessions", n)
		}
	})
}

func TestNoEncoder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		p := newPair(t, false, func(parent, _ *camgate.Stream) camgate.Source {
			return New(Options{Parent: parent, Want: Settings{Bitrate: 1e5}, Encoders: &workshop{}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		})
		defer p.stop()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if n := strings.Count(log.String(), "the picture cannot be encoded"); n != 1 {
			t.Errorf("told %d times:\n%s", n, log.String())
		}
		if st := p.child.Status(); !errors.Is(st.Err, camgate.ErrEncoderUnavailable) || st.State != camgate.StateRetrying {
			t.Errorf("%s: %v", st.State, st.Err)
		}
	})
}

// Settings change without a gap: the old session goes on until the new one has a
// keyframe.
func TestSettingsChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := (&workshop{}).add(worker{name: "soft", delay: 300 * time.Millisecond, gop: 25})
		b := newBench(t, shop, Settings{Bitrate: 1e5})
		defer b.close()
		b.watch(t, 60, 40*time.Millisecond)
		want, _ := b.source.Settings()
		want.Width, want.Height = 160, 90
		b.source.Set(want)
		b.watch(t, 100, 40*time.Millisecond)
		want.Bitrate = 2e5
		b.source.Set(want)
		b.watch(t, 100, 40*time.Millisecond)
		works := shop.works()
		if len(works) != 3 || works[1].settings.Width != 160 || works[2].settings.Bitrate != 2e5 || !works[0].ended || !works[1].ended || works[2].ended {
			t.Errorf("%+v", works)
		}
	})
}

func TestBitrateChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := (&workshop{}).add(worker{name: "soft", able: true})
		b := newBench(t, shop, Settings{Bitrate: 1e5})
		defer b.close()
		b.watch(t, 60, 40*time.Millisecond)
		want, _ := b.source.Settings()
		want.Bitrate = 2e5
		b.source.Set(want)
		b.watch(t, 60, 40*time.Millisecond)
		if works := shop.works(); len(works) != 1 || works[0].bitrate != 2e5 {
			t.Errorf("%+v", works)
		}
		// From encoded to untouched and back: readers stay.
		b.source.Set(Settings{})
		for i := 0; i < 50; i++ {
			next(t, b.reader)
		}
		if got := b.child.Info().Encoder; got != "" {
			t.Errorf("encoded by %q", got)
		}
		b.source.Set(want)
		for i := 0; i < 200; i++ {
			next(t, b.reader)
		}
		if got := b.child.Info().Encoder; got != "soft" {
			t.Errorf("encoded by %q", got)
		}
	})
}

// The bitrate follows the viewers: down for one who loses packets, and up when he has
// gone; for one bad one of ten it stays.
func TestAdaptive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := (&workshop{}).add(worker{name: "soft", able: true})
		b := &bench{shop: shop}
		b.pair = newPair(t, false, func(parent, _ *camgate.Stream) camgate.Source {
			b.source = New(Options{Parent: parent, Encoders: shop, Want: Settings{Bitrate: 1e6}, Adaptive: Adaptive{Min: 2e5, Max: 1e6}})
			return b.source
		})
		b.reader = b.read(t, b.child)
		defer b.close()
		bitrate := func() int {
			b.watch(t, 1, time.Hour)
			works := shop.works()
			w := works[len(works)-1]
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.bitrate
		}
		report := func(seconds int, readers []*camgate.Reader, lost ...float64) {
			for range seconds {
				for i, r := range readers {
					r.Report(lost[i])
				}
				time.Sleep(time.Second)
			}
		}
		if got := bitrate(); got != 1e6 {
			t.Fatalf("it begins with %d", got)
		}
		bad := b.read(t, b.child)
		report(30, []*camgate.Reader{bad}, 0.1)
		if got := bitrate(); got > 4e5 || got < 2e5 {
			t.Errorf("%d although a viewer loses a tenth", got)
		}
		bad.Close()
		time.Sleep(3 * time.Minute)
		if got := bitrate(); got != 1e6 {
			t.Errorf("%d after the viewer went", got)
		}
		crowd := make([]*camgate.Reader, 10)
		for i := range crowd {
			crowd[i] = b.read(t, b.child)
			defer crowd[i].Close()
		}
		report(60, crowd, 0.3, 0, 0, 0, 0, 0, 0, 0, 0, 0)
		if got := bitrate(); got != 1e6 {
			t.Errorf("%d for all, as one of ten has a bad network", got)
		}
	})
}

// A camera that was asked for its bitrate and compresses itself goes through as it is,
// whatever the viewers lose, and the stream says so.
func TestAdaptiveOfACameraThatCompresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := (&workshop{}).add(worker{name: "soft", able: true})
		b := &bench{shop: shop}
		want := Settings{Bitrate: 1e6, Asked: true}
		b.pair = newPair(t, false, func(parent, _ *camgate.Stream) camgate.Source {
			b.source = New(Options{Parent: parent, Encoders: shop, Want: want, Adaptive: Adaptive{Min: 2e5, Max: 1e6}})
			return b.source
		})
		b.reader = b.read(t, b.child)
		defer b.close()
		warned := func() bool {
			return slices.ContainsFunc(b.child.Info().Warnings, func(w string) bool { return strings.Contains(w, "adaptive has no effect") })
		}
		for range 30 {
			b.reader.Report(0.3)
			for range 60 {
				next(t, b.reader)
			}
		}
		if info := b.child.Info(); len(shop.works()) != 0 || info.Encoder != "" || !warned() {
			t.Errorf("%d sessions, encoded by %q, %q", len(shop.works()), info.Encoder, info.Warnings)
		}
		// Once it is encoded anew, for another reason, it follows.
		want.Asked = false
		b.source.Set(want)
		for range 60 {
			b.reader.Report(0.3)
			for range 60 {
				next(t, b.reader)
			}
		}
		works := shop.works()
		if len(works) == 0 || warned() {
			t.Fatalf("%d sessions, %q", len(works), b.child.Info().Warnings)
		}
		w := works[len(works)-1]
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.bitrate >= 1e6 {
			t.Errorf("%d although the viewer loses a third", w.bitrate)
		}
	})
}

func TestSlots(t *testing.T) {
	s := New(Options{Parent: camgate.NewRendition("cam", camgate.StreamLimits{}), Slots: make(chan struct{}, 1)})
	leave, err := s.enter()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.enter(); !errors.Is(err, camgate.ErrEncoderUnavailable) {
		t.Errorf("a second one: %v", err)
	}
	leave()
	if _, err := s.enter(); err != nil {
		t.Error(err)
	}
}

func TestFit(t *testing.T) {
	track := camgate.NewTrack(camgate.TrackOptions{Codec: camgate.H264, Params: &camgate.Params{Width: 640, Height: 360, FPS: 25}})
	raw := camgate.NewTrack(camgate.TrackOptions{Codec: camgate.Raw, Params: &camgate.Params{Width: 640, Height: 360}})
	tests := []struct {
		name  string
		s     Settings
		track *camgate.Track
		want  bool
	}{
		{"nothing", Settings{}, track, true},
		{"raw", Settings{}, raw, false},
		{"its codec", Settings{Codec: camgate.H264}, track, true},
		{"another codec", Settings{Codec: camgate.H265}, track, false},
		{"its size", Settings{Width: 640, Height: 360}, track, true},
		{"another size", Settings{Width: 320, Height: 180}, track, false},
		{"its rate", Settings{FPS: 25}, track, true},
		{"a lower rate", Settings{FPS: 15}, track, false},
		{"a bitrate", Settings{Bitrate: 1}, track, false},
		{"asked of the device", Settings{Bitrate: 1, FPS: 15, Asked: true}, track, true},
		{"an encoder", Settings{Encoder: "libx264"}, track, false},
		{"any encoder", Settings{Encoder: "auto"}, track, true},
	}
	for _, tt := range tests {
		if got := tt.s.fit(tt.track); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
