package camgate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestReady(t *testing.T) {
	broken := errors.New("camera refused the password")
	tests := []struct {
		name   string
		before func(s *Stream)
		after  func(s *Stream) // once Ready waits; nil: it must not wait
		want   error           // nil: the tracks
		text   string          // in the error
	}{
		{name: "there already", before: func(s *Stream) { s.Start([]*Track{videoTrack()}) }},
		{name: "source away for now", before: func(s *Stream) {
			s.Start([]*Track{videoTrack()})
			s.Stop()
			s.SetStatus(Status{State: StateRetrying, Err: broken, Retry: time.Now().Add(time.Minute)})
		}},
		{name: "comes", after: func(s *Stream) { s.Start([]*Track{videoTrack()}) }},
		{name: "comes after other changes", after: func(s *Stream) {
			s.SetStatus(Status{State: StateConnecting})
			s.SetStatus(Status{State: StateConnecting, Err: broken})
			s.Start([]*Track{videoTrack()})
		}},
		{name: "failed, not tried soon",
			before: func(s *Stream) {
				s.SetStatus(Status{State: StateFailed, Err: broken, Retry: time.Now().Add(time.Minute)})
			},
			want: ErrNotReady, text: "failed: camera refused the password"},
		{name: "failed, not tried at all",
			before: func(s *Stream) { s.SetStatus(Status{State: StateFailed, Err: broken}) },
			want:   ErrNotReady, text: broken.Error()},
		{name: "failed long ago, and tried when somebody asks",
			before: func(s *Stream) {
				s.SetStatus(Status{State: StateRetrying, Err: broken, Retry: time.Now().Add(-time.Second)})
			},
			after: func(s *Stream) { s.Start([]*Track{videoTrack()}) }},
		{name: "tried again just now",
			before: func(s *Stream) { s.SetStatus(Status{State: StateConnecting, Err: broken}) },
			after:  func(s *Stream) { s.Start([]*Track{videoTrack()}) }},
		{name: "fails while one waits",
			after: func(s *Stream) {
				s.SetStatus(Status{State: StateRetrying, Err: broken, Retry: time.Now().Add(time.Minute)})
			},
			want: ErrNotReady, text: broken.Error()},
		{name: "patience ends", after: func(s *Stream) { <-time.After(11 * time.Second) }, want: ErrNotReady},
		{name: "closed", before: func(s *Stream) { s.Close() }, want: ErrClosed},
		{name: "closed while one waits", after: func(s *Stream) { s.Close() }, want: ErrClosed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStream("test", StreamLimits{})
				if tt.before != nil {
					tt.before(s)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				var tracks []*Track
				var err error
				done := make(chan struct{})
				go func() {
					defer close(done)
					tracks, err = s.Ready(ctx)
				}()
				synctest.Wait()
				if tt.after != nil {
					if n, _ := s.Demand(); n != 1 {
						t.Errorf("demand is %d while one waits, want 1", n)
					}
					select {
					case <-done:
						t.Errorf("Ready did not wait: %v", err)
					default:
					}
					tt.after(s)
					synctest.Wait()
				}
				select {
				case <-done:
				default:
					t.Error("Ready still waits")
					cancel()
					<-done
				}
				if !errors.Is(err, tt.want) || (err == nil) != (len(tracks) == 1) {
					t.Errorf("got %v, %v; want %v", tracks, err, tt.want)
				}
				if err != nil && !strings.Contains(err.Error(), tt.text) {
					t.Errorf("%q lacks the cause %q", err, tt.text)
				}
				if errors.Is(err, broken) {
					t.Error("the source's error is not the viewer's")
				}
				if n, _ := s.Demand(); n != 0 {
					t.Errorf("demand is %d afterwards", n)
				}
			})
		})
	}
}

func TestLimits(t *testing.T) {
	s := newStream("test", StreamLimits{MaxReaders: 2})
	if _, err := s.Subscribe(t.Context(), SubscribeOptions{}); !errors.Is(err, ErrNotReady) {
		t.Errorf("before the start: %v", err)
	}
	if _, err := s.Start([]*Track{videoTrack()}); err != nil {
		t.Fatal(err)
	}
	var readers []*Reader
	for i, internal := range []bool{false, true, false, true} {
		r, err := s.Subscribe(t.Context(), SubscribeOptions{Internal: internal})
		if err != nil {
			t.Fatalf("reader %d: %v", i, err)
		}
		readers = append(readers, r)
	}
	_, err := s.Subscribe(t.Context(), SubscribeOptions{})
	if !errors.Is(err, ErrTooManyReaders) || !strings.Contains(err.Error(), "the limit is 2") {
		t.Errorf("third viewer: %v", err)
	}
	readers[1].Close() // no viewer
	if _, err := s.Subscribe(t.Context(), SubscribeOptions{}); !errors.Is(err, ErrTooManyReaders) {
		t.Errorf("a worker that leaves makes no room: %v", err)
	}
	readers[0].Close()
	readers[0].Close()
	r, err := s.Subscribe(t.Context(), SubscribeOptions{})
	if err != nil {
		t.Fatalf("after one left: %v", err)
	}
	if _, err := s.Subscribe(t.Context(), SubscribeOptions{}); !errors.Is(err, ErrTooManyReaders) {
		t.Errorf("closing twice makes room once: %v", err)
	}
	for _, r := range append(readers[2:], r) {
		r.Close()
	}
	if n, _ := s.Demand(); n != 0 {
		t.Errorf("demand is %d, want 0", n)
	}
	s.Close()
	s.Close()
	if _, err := s.Subscribe(t.Context(), SubscribeOptions{}); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestDefaultLimits(t *testing.T) {
	got := fmt.Sprintf("%+v", newStream("test", StreamLimits{MaxLag: time.Second}).limits)
	const want = "{Ring:{CacheBytes:33554432 CacheTime:15s Window:1s} MaxReaders:1000 MaxLag:1s MaxLagBytes:16777216}"
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
