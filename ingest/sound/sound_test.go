package sound

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// tone is a sound card as ffmpeg reads one: in real time, with times of the system's clock,
// which are those of the samples also where ffmpeg was not let run.
var tone = []string{"-f", "lavfi", "-i", "sine=f=440:r=48000:samples_per_frame=960,asetpts=PTS+RTCSTART/1000000/TB,arealtime"}

// camera is a source of JPEG pictures, 25 a second, until ctx ends.
type camera struct{}

func (camera) String() string { return "camera" }

const jpeg = "\xff\xd8\xff\xc0\x00\x11\x08\x00\x10\x00\x10\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01\xff\xda\x00\x02\x00\xff\xd9"

func (camera) Run(ctx context.Context, s *camgate.Stream) error {
	t, err := ingest.NewTrack(camgate.TrackOptions{Codec: camgate.MJPEG})
	if err != nil {
		return err
	}
	w, err := ingest.NewWriter(s, []*camgate.Track{t})
	if err != nil {
		return err
	}
	defer w.Close()
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	for n := int64(0); ; n++ {
		if err := w.Write(ingest.Sample{PTS: n * 3600, AU: [][]byte{[]byte(jpeg)}}); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// recorded runs a recorder beside the camera and hands the test what is published.
func recorded(t testing.TB, o Options, use func(s *camgate.Stream, tracks []*camgate.Track, next func() *camgate.Unit)) {
	t.Helper()
	if o.input == nil {
		o.input = tone
	}
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	s := camgate.NewRendition("bench", camgate.StreamLimits{})
	s.SetCompanion(r)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { _ = r.Run(ctx) })
	wg.Go(func() { _ = camera{}.Run(ctx, s) })
	tracks, err := s.Ready(ctx)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := s.Subscribe(ctx, camgate.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	use(s, tracks, func() *camgate.Unit {
		u, err := reader.Next()
		if err != nil {
			t.Fatal(err)
		}
		return u
	})
}

// Sound and pictures are on one clock, each at its own pace, and neither is late.
func TestSound(t *testing.T) {
	for name, row := range map[string]struct {
		codec       camgate.Codec
		step, delay time.Duration
	}{
		"Opus":    {camgate.Opus, 20 * time.Millisecond, 0},
		"AAC":     {camgate.AAC, 1024 * time.Second / 48000, 0},
		"delayed": {camgate.Opus, 20 * time.Millisecond, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			recorded(t, Options{Device: "hw:1", Codec: row.codec, Delay: row.delay}, func(s *camgate.Stream, tracks []*camgate.Track, next func() *camgate.Unit) {
				if len(tracks) != 2 || tracks[1].Codec != row.codec || tracks[1].Channels != 2 || tracks[1].ClockRate != 48000 {
					t.Fatalf("%d tracks", len(tracks))
				}
				var last time.Duration
				var lags []time.Duration
				pictures := 0
				for len(lags) < 100 {
					u := next()
					if u.Track != tracks[1] {
						pictures++
						continue
					}
					if d := u.Time() - last - row.step; len(lags) > 0 && (d > 3*time.Millisecond || d < -3*time.Millisecond) {
						t.Errorf("frame %d: a step of %v", len(lags), u.Time()-last)
					}
					last = u.Time()
					lags = append(lags, s.Now()-last+row.delay)
				}
				// The system may have let us wait for single ones.
				slices.Sort(lags)
				if least, usual := lags[0], lags[50]; least < -50*time.Millisecond || usual > 200*time.Millisecond {
					t.Errorf("frames are %v late at least, and usually %v", least, usual)
				}
				if pictures < 20 {
					t.Errorf("%d pictures", pictures)
				}
			})
		})
	}
}

// A card that fails is told and tried again; the pictures go on all the time.
func TestSoundFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ffmpeg")
	script := `#!/bin/sh
n=$(cat "$0.n" 2>/dev/null || echo 0)
echo $((n+1)) >"$0.n"
[ $n -ge 1 ] || { echo "[alsa @ 0x1] cannot open audio device plughw:7 (Device or resource busy)" >&2; exit 1; }
exec ffmpeg "$@"
`
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var warnings []string
	warn := func(text string) {
		mu.Lock()
		defer mu.Unlock()
		warnings = append(warnings, text)
	}
	recorded(t, Options{Device: "hw:7", FFmpeg: path, Warn: warn}, func(_ *camgate.Stream, tracks []*camgate.Track, next func() *camgate.Unit) {
		pictures := 0
		for u := next(); u.Track != tracks[1]; u = next() {
			pictures++
		}
		if pictures < 20 {
			t.Errorf("%d pictures before the sound", pictures)
		}
	})
	mu.Lock()
	defer mu.Unlock()
	if len(warnings) != 2 || !strings.Contains(warnings[0], ErrBusy.Error()) || warnings[1] != "" {
		t.Errorf("warnings %q", warnings)
	}
}

// The log has a line for each time that a card goes, also when it goes as it did before, and
// none for the attempts in between.
func TestSoundFailsAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ffmpeg")
	script := `#!/bin/sh
n=$(cat "$0.n" 2>/dev/null || echo 0)
echo $((n+1)) >"$0.n"
if [ $n -ge 2 ]; then
	ffmpeg "$@" &
	while [ ! -e "$0.gone" ]; do sleep 0.1; done
	kill $!
fi
echo "cannot open audio device plughw:7 (No such device)" >&2
exit 1
`
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	gone := make(chan struct{}, 100)
	warn := func(text string) {
		if text != "" {
			gone <- struct{}{}
		} else if err := os.WriteFile(path+".gone", nil, 0o600); err != nil { // once it was there
			t.Error(err)
		}
	}
	recorded(t, Options{Device: "hw:7", FFmpeg: path, Warn: warn, Logger: slog.New(slog.NewTextHandler(&log, nil))}, func(*camgate.Stream, []*camgate.Track, func() *camgate.Unit) {
		for n := range 3 {
			select {
			case <-gone:
			case <-time.After(30 * time.Second):
				t.Fatalf("the card has gone %d times", n)
			}
		}
	})
	if n := strings.Count(log.String(), "sound failed"); n != 2 {
		t.Errorf("%d lines:\n%s", n, log.String())
	}
}

// Nothing is recorded while nobody wants it.
func TestUnwanted(t *testing.T) {
	r, err := New(Options{Device: "default", FFmpeg: "camgate-no-such-program"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	r.Join(func(int, time.Time, [][]byte) {})()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for _, o := range []Options{{}, {Device: "-i"}, {Device: "hw:1", Codec: camgate.PCMA}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}

func TestErrors(t *testing.T) {
	for said, want := range map[string]error{
		"cannot open audio device plughw:1 (Device or resource busy)":               ErrBusy,
		"cannot open audio device plughw:1 (No such file or directory)":             ErrNoCard,
		"cannot open audio device plughw:1 (No such device)":                        ErrNoCard,
		"ALSA lib confmisc.c:165:(snd_config_get_card) Cannot get card index for 9": ErrNoCard,
		"cannot open audio device default (Permission denied)":                      ErrPermission,
		"Unknown input format: 'alsa'":                                              ErrNoALSA,
		"something else":                                                            camgate.ErrConnectionFailed,
	} {
		if err := explain(errors.New(said), "hw:1"); !errors.Is(err, want) || !strings.Contains(err.Error(), said) {
			t.Errorf("%s: %v", said, err)
		}
	}
	dir := t.TempDir()
	list := filepath.Join(dir, "cards")
	text := " 0 [PCH            ]: HDA-Intel - HDA Intel PCH\n                      HDA Intel PCH at 0xf7e10000 irq 30\n 1 [Loopback       ]: Loopback - Loopback\n                      Loopback 1\n"
	if err := os.WriteFile(list, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := cards(list); got != "there are: hw:0 is HDA Intel PCH, hw:1 is Loopback" {
		t.Error(got)
	}
	if got := cards(filepath.Join(dir, "none")); got != "this machine has none" {
		t.Error(got)
	}
	fd := filepath.Join(dir, "4711", "fd")
	if err := errors.Join(os.MkdirAll(fd, 0o755), os.Symlink("/dev/snd/pcmC1D0c", filepath.Join(fd, "5")), os.WriteFile(filepath.Join(dir, "4711", "comm"), []byte("arecord\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for device, want := range map[string]string{"hw:1": ": arecord, pid 4711", "plughw:1,0": ": arecord, pid 4711", "hw:2": "", "default": ""} {
		if got := holder(dir, device); got != want {
			t.Errorf("%s: %q, want %q", device, got, want)
		}
	}
}

func TestWall(t *testing.T) {
	now := time.Unix(1795245617, 41e6)
	for _, off := range []time.Duration{0, -20 * time.Millisecond, time.Second, -3 * time.Hour} {
		at := now.Add(off)
		pts := (at.Unix()*90000 + int64(at.Nanosecond())*9/100000) & (1<<33 - 1)
		if d := wallOf(pts, now).Sub(at); d > time.Millisecond || d < -time.Millisecond {
			t.Errorf("%v: off by %v", off, d)
		}
	}
}
