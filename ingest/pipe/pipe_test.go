package pipe

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// published runs Publish over a pipe and gives the test its writing end, and what is
// published.
func published(t *testing.T, o Options, use func(in *os.File, next func() *camgate.Unit)) error {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	stream := camgate.NewRendition("test", camgate.StreamLimits{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	defer context.AfterFunc(ctx, func() { stream.Close(); w.Close() })()
	done := make(chan error, 1)
	go func() {
		err := Publish(r, stream, o)
		r.Close() // whoever writes finds it closed
		done <- err
	}()
	var reader *camgate.Reader
	use(w, func() *camgate.Unit {
		if reader == nil {
			if _, err := stream.Ready(ctx); err != nil {
				t.Fatal(err)
			}
			if reader, err = stream.Subscribe(ctx, camgate.SubscribeOptions{MaxLag: time.Hour}); err != nil {
				t.Fatal(err)
			}
		}
		u, err := reader.Next()
		if err != nil {
			t.Fatal(err)
		}
		return u
	})
	w.Close()
	return <-done
}

// Each picture is published before anything of the next one is written.
func TestNoPictureLate(t *testing.T) {
	for _, tt := range []struct {
		name  string
		codec camgate.Codec
		args  []string
		track camgate.Codec
	}{
		{"H264", camgate.H264, x264, camgate.H264},
		{"H264, 4 slices", camgate.H264, append([]string{"-x264-params", "slices=4"}, x264...), camgate.H264},
		{"H265", camgate.H265, x265, camgate.H265},
		{"MJPEG", camgate.MJPEG, mjpeg, camgate.MJPEG},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &window{}
			var s splitter = &h26x{window: w, codec: tt.codec}
			if tt.codec == camgate.MJPEG {
				s = &jpegs{window: w}
			}
			pictures, err := split(t, s, w, made(t, tt.args...), nil)
			if err != nil {
				t.Fatal(err)
			}
			err = published(t, Options{}, func(in *os.File, next func() *camgate.Unit) {
				for i, p := range pictures {
					var b []byte
					for _, piece := range p.au {
						if tt.codec != camgate.MJPEG {
							b = append(b, 0, 0, 0, 1)
						}
						b = append(b, piece...)
					}
					if _, err := in.Write(b); err != nil {
						t.Fatal(err)
					}
					u := next()
					if u.Track.Codec != tt.track || u.RandomAccess != (i%10 == 0 || tt.codec == camgate.MJPEG) {
						t.Errorf("picture %d: %s, random access %t", i, u.Track.Codec, u.RandomAccess)
					}
				}
			})
			if !errors.Is(err, io.EOF) {
				t.Errorf("ended with %v", err)
			}
		})
	}
}

func TestPublishMPEGTS(t *testing.T) {
	clip := made(t, "-filter_complex", "sine=r=48000:d=1", "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-c:a", "aac", "-f", "mpegts")
	err := published(t, Options{}, func(in *os.File, next func() *camgate.Unit) {
		if _, err := in.Write(clip); err != nil {
			t.Fatal(err)
		}
		var at [2]time.Duration
		for seen := [2]int{}; seen[0] < 20 || seen[1] < 20; {
			u := next()
			if u.Track.Kind == camgate.Video && seen[u.Track.ID] > 0 && u.Time()-at[u.Track.ID] != 40*time.Millisecond {
				t.Errorf("a picture after %v", u.Time()-at[u.Track.ID])
			}
			at[u.Track.ID] = u.Time()
			seen[u.Track.ID]++
		}
	})
	if err != nil && !errors.Is(err, io.EOF) {
		t.Errorf("ended with %v", err)
	}
}

func TestPublishFails(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []byte
		want error
	}{
		{"nothing", nil, io.EOF},
		{"a word", []byte("usage: none"), camgate.ErrUnsupportedCodec},
		{"words without end", bytes.Repeat([]byte("no. "), 1<<20), camgate.ErrUnsupportedCodec},
		{"MPEG-TS without a track", bytes.Repeat(append([]byte{0x47, 0x1f, 0xff, 0x10}, make([]byte, tsPacket-4)...), 20), io.EOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := published(t, Options{}, func(in *os.File, _ func() *camgate.Unit) {
				_, _ = in.Write(tt.in)
			})
			if !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

// scripted is an Input that is silent where the script has nothing.
type scripted struct {
	pieces  [][]byte
	limited bool
	patient int // silences that found no deadline
}

func (s *scripted) SetReadDeadline(at time.Time) error {
	s.limited = !at.IsZero()
	return nil
}

func (s *scripted) Read(b []byte) (int, error) {
	for len(s.pieces) > 0 && len(s.pieces[0]) == 0 {
		s.pieces = s.pieces[1:]
		if s.limited {
			return 0, os.ErrDeadlineExceeded
		}
		s.patient++
	}
	if len(s.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(b, s.pieces[0])
	s.pieces = s.pieces[1:]
	return n, nil
}

// A program that pauses within pictures is given the time it takes.
func TestPauses(t *testing.T) {
	in := &scripted{}
	for range 10 {
		in.pieces = append(in.pieces, stream(camgate.H264, "SPI"), nil, stream(camgate.H264, "i"), nil)
	}
	if err := Publish(in, camgate.NewRendition("test", camgate.StreamLimits{}), Options{}); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if in.patient < 10 {
		t.Errorf("%d of 20 silences were waited for", in.patient)
	}
}

func TestClock(t *testing.T) {
	in, n := &scripted{}, time.Duration(0)
	for range 30 {
		in.pieces = append(in.pieces, stream(camgate.H264, "SPI"), nil)
	}
	s := camgate.NewRendition("test", camgate.StreamLimits{})
	err := Publish(in, s, Options{Format: H264, Clock: func() (time.Duration, bool) { n += 20 * time.Millisecond; return n, true }})
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if d := s.Newest(); d < 580*time.Millisecond || d > 900*time.Millisecond {
		t.Errorf("the newest picture is from %v, want 29 x 20 ms after the start", d)
	}
}

func TestCadence(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	blur := func(most time.Duration) time.Duration { return time.Duration(random.Int64N(int64(most))) }
	for _, tt := range []struct {
		name    string
		period  time.Duration
		known   bool
		blur    time.Duration
		most    time.Duration // that a step may be off
		pauseAt int
	}{
		{name: "30 a second", period: time.Second / 30, blur: 10 * time.Millisecond, most: 3 * time.Millisecond},
		{name: "known pace", period: time.Second / 30, known: true, blur: 20 * time.Millisecond, most: 5 * time.Millisecond},
		{name: "one a second", period: time.Second, blur: 100 * time.Millisecond, most: 30 * time.Millisecond},
		{name: "exact", period: 40 * time.Millisecond, blur: 1, most: time.Microsecond},
		{name: "pause", period: 40 * time.Millisecond, blur: 10 * time.Millisecond, most: 5 * time.Millisecond, pauseAt: 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c cadence
			if tt.known {
				c.period = tt.period
			}
			var last, at time.Duration
			for i := range 400 {
				came := at + blur(tt.blur)
				out := c.time(came)
				settled := i > 60 && (tt.pauseAt == 0 || i < tt.pauseAt || i > tt.pauseAt+60)
				if step := out - last; settled && (step < tt.period-tt.most || step > tt.period+tt.most) {
					t.Errorf("picture %d: a step of %v, want %v", i, step, tt.period)
				}
				if d := out - came; settled && (d < -tt.blur || d > tt.blur) {
					t.Errorf("picture %d: %v away from its arrival", i, d)
				}
				if i > 0 && out <= last {
					t.Errorf("picture %d: %v after %v", i, out, last)
				}
				last = out
				if at += tt.period; i == tt.pauseAt && i > 0 {
					at += 3 * time.Second
				}
			}
		})
	}
}

// A burst of pictures of the past does not set the pace.
func TestCadenceBurst(t *testing.T) {
	var c cadence
	last := time.Duration(-1)
	for i := range 300 {
		at := max(time.Duration(i)*40*time.Millisecond, time.Second)
		out := c.time(at)
		if out <= last {
			t.Fatalf("picture %d: %v after %v", i, out, last)
		}
		if i > 150 && (out-at > 50*time.Millisecond || at-out > 50*time.Millisecond) {
			t.Errorf("picture %d: %v, came at %v", i, out, at)
		}
		last = out
	}
}

func TestErrorsAreShort(t *testing.T) {
	if err := errUnknown(bytes.Repeat([]byte{0}, 1000)); len(err.Error()) > 200 || strings.ContainsRune(err.Error(), 0) {
		t.Error(err)
	}
}
