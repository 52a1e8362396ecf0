package camgate

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// waiting runs r.Next in a goroutine and returns its result once it has one. It
// belongs into a synctest bubble.
func waiting(r *Reader) <-chan error {
	res := make(chan error, 1)
	go func() {
		_, err := r.Next()
		res <- err
	}()
	return res
}

func TestNextWakes(t *testing.T) {
	tests := []struct {
		name string
		do   func(f *feed, r *Reader, cancel func())
		want error
	}{
		{"a Unit", func(f *feed, r *Reader, cancel func()) { f.publish('K', 1) }, nil},
		{"Close of the reader", func(f *feed, r *Reader, cancel func()) { r.Close() }, ErrClosed},
		{"end of the context", func(f *feed, r *Reader, cancel func()) { cancel() }, ErrClosed},
		{"Close of the stream", func(f *feed, r *Reader, cancel func()) { f.Close() }, ErrClosed},
		{"other tracks", func(f *feed, r *Reader, cancel func()) { f.start(videoTrack()) }, ErrTracksChanged},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFeed(t, StreamLimits{}, videoTrack(), audioTrack())
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				r, err := f.Subscribe(ctx, SubscribeOptions{})
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				res := waiting(r)
				synctest.Wait()
				select {
				case err := <-res:
					t.Fatalf("Next returned %v before there was anything", err)
				default:
				}
				tt.do(f, r, cancel)
				synctest.Wait()
				select {
				case err := <-res:
					if !errors.Is(err, tt.want) {
						t.Errorf("Next: %v, want %v", err, tt.want)
					}
				default:
					t.Error("Next still waits")
					r.Close()
				}
			})
		})
	}
}

func TestSubscribeWithEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	synctest.Test(t, func(t *testing.T) {
		f := newFeed(t, StreamLimits{}, videoTrack())
		for range 100 {
			r, err := f.Subscribe(ctx, SubscribeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Next(); !errors.Is(err, ErrClosed) {
				t.Fatalf("Next: %v, want ErrClosed", err)
			}
		}
		synctest.Wait()
		if n, _ := f.Demand(); n != 0 {
			t.Errorf("demand is %d after all readers ended", n)
		}
	})
}

// A reader of tracks that are no more reads what is left of them, by their own
// keyframes, before it is told.
func TestTracksChangedWhileReading(t *testing.T) {
	f := newFeed(t, StreamLimits{MaxLagBytes: 3 * (100 + unitCost + pieceCost)}, videoTrack(), audioTrack())
	old := f.tracks
	behind, waits := f.subscribe(SubscribeOptions{}), f.subscribe(SubscribeOptions{})
	defer behind.Close()
	defer waits.Close()
	for _, letter := range "KPPPAPAK" {
		f.publish(byte(letter), 100)
	}
	if got := f.drain(behind, 1); got != "K0" {
		t.Fatalf("before: %q", got)
	}
	f.start(audioTrack())
	f.publish('A', 100)
	if got, want := f.drain(behind, -1), "P1 P2 P3 A4 P5 A6 K7"; got != want {
		t.Errorf("after the change: got %q, want %q", got, want)
	}
	if got, want := f.drain(waits, -1), "K0 P1 P2 P3 A4 P5 A6 K7"; got != want {
		t.Errorf("after the change: got %q, want %q", got, want)
	}
	if _, err := behind.Next(); !errors.Is(err, ErrTracksChanged) {
		t.Errorf("at the end: %v, want ErrTracksChanged", err)
	}
	if _, err := f.Subscribe(t.Context(), SubscribeOptions{Tracks: old[1:]}); !errors.Is(err, ErrTracksChanged) {
		t.Errorf("subscribe to tracks of before: %v, want ErrTracksChanged", err)
	}
	if _, err := f.Subscribe(t.Context(), SubscribeOptions{Tracks: old[:1]}); !errors.Is(err, ErrTracksChanged) {
		t.Errorf("subscribe to tracks of before: %v, want ErrTracksChanged", err)
	}
	r := f.subscribe(SubscribeOptions{Tracks: f.tracks})
	defer r.Close()
	f.publish('A', 100)
	if got := f.drain(r, -1); got != "A9" {
		t.Errorf("new tracks: got %q", got)
	}
}

// Whoever is told that the tracks changed finds the new ones.
func TestTracksChangedShowsTheNewOnes(t *testing.T) {
	s := newStream("test", StreamLimits{})
	for range 200 {
		before, after := []*Track{videoTrack()}, []*Track{audioTrack()}
		if _, err := s.Start(before); err != nil {
			t.Fatal(err)
		}
		r, err := s.Subscribe(t.Context(), SubscribeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan bool)
		go func() {
			_, err := r.Next()
			done <- errors.Is(err, ErrTracksChanged) && s.Tracks()[0] == after[0]
		}()
		if _, err := s.Start(after); err != nil {
			t.Fatal(err)
		}
		if !<-done {
			t.Fatal("a reader that was told of new tracks found the old ones")
		}
		r.Close()
	}
}

// The last Units before the end reach a reader that is not behind.
func TestNothingLostAtTheEnd(t *testing.T) {
	for range 200 {
		f := newFeed(t, StreamLimits{}, videoTrack())
		r := f.subscribe(SubscribeOptions{})
		f.publish('K', 1)
		got := make(chan int)
		go func() {
			n := 0
			for {
				if _, err := r.Next(); err != nil {
					got <- n
					return
				}
				n++
			}
		}()
		for range 10 {
			f.publish('P', 1)
		}
		f.Close()
		if n := <-got; n != 11 {
			t.Fatalf("got %d of 11 Units", n)
		}
		r.Close()
	}
}

func TestKeyframeRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFeed(t, StreamLimits{MaxLagBytes: 3 * (100 + unitCost + pieceCost)}, videoTrack(), audioTrack())
		asked := 0
		f.OnKeyframeRequest(func() { asked++ })
		expect := func(what string, want int) {
			t.Helper()
			if asked != want {
				t.Errorf("%s: asked %d times, want %d", what, asked, want)
			}
			asked = 0
			<-time.After(keyframeInterval) // of the bubble's clock
		}
		f.publish('P', 100)
		r := f.subscribe(SubscribeOptions{})
		defer r.Close()
		expect("nothing to start with", 1)
		f.publish('A', 100)
		f.drain(r, -1)
		expect("sound says nothing about the picture", 0)
		f.publish('P', 100)
		f.publish('P', 100)
		f.drain(r, -1)
		expect("the request was lost", 1)
		f.publish('K', 100)
		f.publish('P', 100)
		f.drain(r, -1)
		expect("it came", 0)
		for range 10 {
			f.publish('P', 100)
		}
		f.drain(r, -1)
		expect("behind, and no keyframe ahead", 1)
		f.subscribe(SubscribeOptions{}).Close()
		expect("a joiner finds a keyframe", 0)
		f.subscribe(SubscribeOptions{Tracks: f.tracks[1:]}).Close()
		expect("sound needs none", 0)
		f.RequestKeyframe()
		f.RequestKeyframe()
		expect("requests of many are one", 1)
		f.Stop()
		f.RequestKeyframe()
		expect("nobody is there", 0)
	})
}

// One who starts anywhere gets no cached GOP and waits for no keyframe.
func TestAnyStart(t *testing.T) {
	f := newFeed(t, StreamLimits{}, videoTrack())
	f.publish('K', 10)
	f.publish('P', 10)
	r := f.subscribe(SubscribeOptions{AnyStart: true})
	if u, ok := r.Poll(); ok {
		t.Errorf("got %s", f.names[u])
	}
	want := f.publish('P', 10)
	if u, ok := r.Poll(); !ok || u != want {
		t.Errorf("got %s, want %s", f.names[u], f.names[want])
	}
	asked := 0
	f.OnKeyframeRequest(func() { asked++ })
	f.subscribe(SubscribeOptions{AnyStart: true})
	if asked > 0 {
		t.Error("asked for a keyframe")
	}
}

// The log tells of a slow reader once in ten seconds, by reason.
func TestSlowReaderIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFeed(t, StreamLimits{}, videoTrack())
		var log bytes.Buffer
		r, err := f.Subscribe(t.Context(), SubscribeOptions{
			MaxLagBytes: 1000, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		slow := func() { // is at the live edge, and then far behind it
			for range 30 {
				f.publish('K', 100)
			}
			for _, ok := r.Poll(); ok; _, ok = r.Poll() {
			}
		}
		for _, want := range []int{0, 1, 1} { // the first time it has not caught up yet
			slow()
			if got := strings.Count(log.String(), "reader is slow"); got != want {
				t.Errorf("%d lines, want %d: %s", got, want, log.String())
			}
		}
		time.Sleep(10 * time.Second) // the bubble's
		slow()
		if got := strings.Count(log.String(), "reason=lag units_missed="); got != 2 {
			t.Errorf("%d lines with a reason, want 2: %s", got, log.String())
		}
		slow()
		time.Sleep(10 * time.Second)
		r.Poll() // what it missed meanwhile, although it is not slow any more
		if got := strings.Count(log.String(), "reason=lag units_missed="); got != 3 {
			t.Errorf("%d lines with a reason, want 3: %s", got, log.String())
		}
	})
}
