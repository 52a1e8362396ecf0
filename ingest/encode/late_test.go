package encode

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camgate/camgate"
)

// TestLate judges trials that did not reach what is wanted in time.
func TestLate(t *testing.T) {
	const want = 36
	late, hung := context.DeadlineExceeded, ErrHung
	soft, hard := kind{name: "libx264"}, kind{name: "h264_vaapi", hardware: true}
	for _, tt := range []struct {
		name   string
		kind   kind
		a      attempt
		v      variant
		err    error
		late   bool
		usable bool
	}{
		{"slow by itself", soft, attempt{pictures: 30, fps: 20, cpu: 1450 * time.Millisecond, wall: 1500 * time.Millisecond}, variant{}, nil, false, false},
		{"slow for want of a processor", soft, attempt{pictures: 30, fps: 20, cpu: 500 * time.Millisecond, wall: 1500 * time.Millisecond}, variant{}, nil, true, true},
		{"slow, with half a processor", soft, attempt{pictures: 30, fps: 10, cpu: 750 * time.Millisecond, wall: 1500 * time.Millisecond}, variant{}, nil, false, false},
		{"one of two processors", soft, attempt{pictures: 30, fps: 20, cpu: 1500 * time.Millisecond, wall: 1500 * time.Millisecond}, variant{threads: 2}, nil, true, true},
		{"nothing, with a processor", soft, attempt{cpu: 10 * time.Second, wall: 10 * time.Second}, variant{}, late, true, false},
		{"nothing, without one", soft, attempt{cpu: time.Second, wall: 10 * time.Second}, variant{}, late, true, false},
		{"one picture", soft, attempt{pictures: 1, cpu: time.Second, wall: 10 * time.Second}, variant{}, late, true, true},
		{"some pictures, for want of a processor", soft, attempt{pictures: 9, fps: 5, cpu: time.Second, wall: 10 * time.Second}, variant{}, late, true, true},
		{"some pictures, really slow", soft, attempt{pictures: 9, fps: 1, cpu: 9500 * time.Millisecond, wall: 10 * time.Second}, variant{}, late, true, false},
		{"hardware that hangs", hard, attempt{pictures: 9, wall: 10 * time.Second, free: 0.8}, variant{}, hung, false, false},
		{"hardware that is not done, all pictures made", hard, attempt{pictures: 30, fps: 90, wall: 3 * time.Second, free: 0.5}, variant{}, late, true, false},
		{"hardware that is slow", hard, attempt{pictures: 30, fps: 9, wall: 3 * time.Second, free: 0.8}, variant{}, nil, false, false},
		{"not done, all pictures made", soft, attempt{pictures: 30, fps: 90, cpu: 3 * time.Second, wall: 3 * time.Second}, variant{}, late, true, true},
		{"hardware that does not begin", hard, attempt{wall: 10 * time.Second, free: 0.8}, variant{}, hung, true, false},
		{"hardware, the machine does not tell", hard, attempt{pictures: 9, wall: 10 * time.Second, free: -1}, variant{}, hung, false, false},
		{"hardware on a busy machine", hard, attempt{pictures: 9, wall: 10 * time.Second, free: 0.02}, variant{}, hung, true, false},
	} {
		p, late := tt.kind.late(tt.a, tt.v, want, tt.err)
		if late != tt.late || late && p.usable() != tt.usable || late && p.Reason == "" || p.Works {
			t.Errorf("%s: late %t, usable %t, %q", tt.name, late, p.usable(), p.Reason)
		}
	}
}

func TestTicks(t *testing.T) {
	before, now := parseTicks("cpu  100 0 50 800 50 0 0 0 40 0"), parseTicks("cpu  180 0 60 820 40 0 0 0 90 0")
	if before != (ticks{800, 1000}) || now.free(before) != 0.2 {
		t.Errorf("%+v, %v", before, now.free(before))
	}
	for _, line := range []string{"", "cpu", "cpu0 1 2 3 4 5 6", "cpu 1 2 3", "cpu a b c d e f", "intr 1 2 3 4 5 6"} {
		if got := parseTicks(line); got != (ticks{}) || now.free(got) >= 0 {
			t.Errorf("%q: %+v", line, got)
		}
	}
	if before.free(now) >= 0 {
		t.Error("time went back")
	}
}

// trials are what a stand-in for trials is asked, and has answered.
type trials struct {
	asked  []string
	answer map[string]proof
}

// encodersWith returns Encoders whose trials take a second and end as told.
func encodersWith(log *bytes.Buffer, list *trials) *Encoders {
	e := New(Options{FFmpeg: "/bin/sh", Logger: slog.New(slog.NewTextHandler(log, nil))})
	e.stamp = e.stampOf("/bin/sh")
	e.listed = map[string]bool{"libx264": true, "h264_nvenc": true}
	begin := time.Now()
	e.trying = func(_ context.Context, k *kind, _ string, _ Settings, limit time.Duration) proof {
		at := time.Since(begin)
		time.Sleep(time.Second)
		if p, found := list.answer[k.name]; found {
			list.asked = append(list.asked, k.name+" at "+at.String()+" for "+limit.String())
			p.When = time.Now().Add(-time.Second)
			return p
		}
		return proof{When: time.Now(), Reason: "it is not here"}
	}
	return e
}

func TestTriedAgain(t *testing.T) {
	busy := proof{Late: true, Reason: "busy machine"}
	made := proof{Late: true, Reason: "busy machine", Pictures: 3, FPS: 4, Variant: "1 thread"}
	good := proof{Works: true, FPS: 100, Variant: "1 thread"}
	f := Format{Codec: camgate.Raw, Width: 320, Height: 240, Pixels: "gray", FPS: 10}
	for _, tt := range []struct {
		name       string
		soft, hard proof
		until      time.Duration
		want       []string
		names      string // at the end; empty: none
		warnings   int
	}{
		{"again and again, with more time", busy, proof{}, 30 * time.Second,
			[]string{"libx264 at 1s for 10s", "libx264 at 4s for 30s", "libx264 at 10s for 1m0s", "libx264 at 26s for 1m0s"}, "", 0},
		{"taken without proof", made, proof{}, 100 * time.Second, []string{"libx264 at 1s for 10s", "libx264 at 1m2s for 30s"}, "libx264", 1},
		{"hardware is never taken without proof", made, made, 4 * time.Second, nil, "libx264", 1},
		{"hardware that is late does not hold up what works", good, busy, 100 * time.Second, nil, "libx264", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				list := trials{answer: map[string]proof{"libx264": tt.soft}}
				if tt.hard.Late {
					list.answer["h264_nvenc"] = tt.hard
				}
				e := encodersWith(&log, &list)
				names := ""
				for begin := time.Now(); time.Since(begin) < tt.until; time.Sleep(time.Second) {
					encoders, err := e.Choose(t.Context(), f, Settings{})
					if names = ""; err == nil {
						for _, enc := range encoders {
							names += enc.Name()
						}
					} else if !errors.Is(err, camgate.ErrEncoderUnavailable) || !strings.Contains(err.Error(), "busy machine") {
						t.Fatal(err)
					}
				}
				if names != tt.names || tt.want != nil && !slices.Equal(list.asked, tt.want) {
					t.Errorf("%q after trials %q", names, list.asked)
				}
				if tt.hard.Late && len(list.asked) > 4 {
					t.Errorf("trials %q", list.asked)
				}
				if n := strings.Count(log.String(), "taken without proof"); n != tt.warnings {
					t.Errorf("%d warnings: %s", n, &log)
				}
				// When the machine has time again everything is as ever.
				list.answer["libx264"] = good
				time.Sleep(2 * soonFor)
				if encoders, err := e.Choose(t.Context(), f, Settings{}); err != nil || encoders[0].Name() != "libx264" {
					t.Errorf("%v, %v", encoders, err)
				}
				table, err := e.Prove(t.Context(), Settings{Width: 320, Height: 240, FPS: 10, Encoder: "libx264"})
				if err != nil || len(table) != 1 || !table[0].Works || table[0].Busy {
					t.Errorf("%+v, %v", table, err)
				}
			})
		})
	}
}

// TestBusyMachine has a real encoder that gets no processor for a while, as far as can be
// seen from outside: it begins late, or waits before each picture.
func TestBusyMachine(t *testing.T) {
	f := Format{Codec: camgate.Raw, Width: 320, Height: 240, Pixels: "gray", FPS: 1}
	state := t.TempDir()
	busy := filepath.Join(state, "busy")
	for _, tt := range []struct {
		name, change string
		usable       bool
	}{
		{"begins late", `[ -e ` + busy + ` ] && [ "$a" = pipe:0 ] && sleep 30`, false},
		{"waits", `[ -e ` + busy + ` ] && [ "$prev" = -vf ] && case $a in scale=16*) ;; *) a=$a,realtime=speed=0.2 ;; esac`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := os.WriteFile(busy, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			e := New(Options{FFmpeg: standIn(t, tt.change), StateDir: filepath.Join(state, tt.name), Logger: slog.New(slog.NewTextHandler(&log, nil))})
			e.trying = func(ctx context.Context, k *kind, path string, s Settings, limit time.Duration) proof {
				return e.trial(ctx, k, path, s, limit*7/10) // a little faster
			}
			list, err := e.Choose(t.Context(), f, Settings{Encoder: "libx264"})
			t.Logf("%v, %v\n%s", list, err, &log)
			if tt.usable && (err != nil || len(list) != 1) || !tt.usable && !errors.Is(err, camgate.ErrEncoderUnavailable) {
				t.Errorf("%v, %v", list, err)
			}
			table, err := e.Prove(t.Context(), Settings{Width: 320, Height: 240, FPS: 1, Encoder: "libx264"})
			if err != nil || len(table) != 1 || table[0].Works || !table[0].Busy || !strings.Contains(table[0].Reason, "busy machine") {
				t.Errorf("%+v, %v", table, err)
			}
			if err := os.Remove(busy); err != nil {
				t.Fatal(err)
			}
			for k, p := range e.proofs { // its pause is over
				p.When = p.When.Add(-soonFor)
				e.proofs[k] = p
			}
			if list, err = e.Choose(t.Context(), f, Settings{Encoder: "libx264"}); err != nil || len(list) != 1 {
				t.Fatalf("%v, %v", list, err)
			}
			again := New(Options{StateDir: filepath.Join(state, tt.name)}).load(e.stamp)
			for k, p := range again {
				if !p.Works {
					t.Errorf("kept: %s: %+v", k, p)
				}
			}
			if len(again) != 1 {
				t.Errorf("kept: %+v", again)
			}
		})
	}
}

// An encoder whose trial showed that it is slow to begin is given the time at work, too.
func TestPatience(t *testing.T) {
	for begin, want := range map[time.Duration]time.Duration{0: startTime, time.Second: startTime, 4 * time.Second: 12 * time.Second, time.Minute: maxStart} {
		if s := newSession(Encoder{begin: begin}, Format{}, Settings{}); s.patience != want {
			t.Errorf("%v until its first picture: %v, want %v", begin, s.patience, want)
		}
	}
}

// One that did not begin in time, and is all that there is, gets more of it each time: on
// a busy machine it would never begin.
func TestMoreTimeToBegin(t *testing.T) {
	e := New(Options{StateDir: t.TempDir()})
	raw := Format{Codec: camgate.Raw, Width: 320, Height: 240, Pixels: "gray", FPS: 30}
	late := &SessionError{Encoder: "libx264", Err: fmt.Errorf("%w: nothing of the first 12 pictures within 5s", errUnbegun)}
	for _, want := range []time.Duration{startTime, 2 * startTime, 4 * startTime, maxStart, maxStart} {
		list, err := e.Choose(t.Context(), raw, Settings{Encoder: "libx264"})
		if err != nil {
			t.Fatal(err)
		}
		s, err := list[0].Open(raw, Settings{})
		if err != nil {
			t.Fatal(err)
		}
		if d := s.patience - want; d < -time.Microsecond || d > time.Microsecond {
			t.Errorf("it has %v, want %v", s.patience, want)
		}
		e.Demote(list[0], late)
	}
}
