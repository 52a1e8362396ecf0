package ingest

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camgate/camgate"
)

func TestSwitchedOffAndOn(t *testing.T) {
	for name, onDemand := range map[string]bool{"always": false, "on demand": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				src := newFake("cam", plays(forever, nil))
				s := camgate.NewRendition("cam", camgate.StreamLimits{})
				sup := NewSupervisor(s, []camgate.Source{src}, Options{OnDemand: onDemand})
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- sup.Run(ctx) }()
				if _, err := s.Ready(ctx); err != nil {
					t.Fatal(err)
				}
				r, err := s.Subscribe(ctx, camgate.SubscribeOptions{})
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				time.Sleep(time.Second)
				sup.Enable(false)
				synctest.Wait()
				if st := s.Status(); st.State != camgate.StateIdle || !errors.Is(st.Err, errOff) || sup.Enabled() {
					t.Errorf("switched off: %+v", st)
				}
				time.Sleep(time.Hour)
				if n := len(src.began()); n != 1 {
					t.Errorf("%d attempts", n)
				}
				sup.Enable(true)
				time.Sleep(time.Second)
				if st := s.Status(); st.State != camgate.StateLive || st.Err != nil || s.Info().Readers == nil {
					t.Errorf("switched on: %+v", st)
				}
				cancel()
				<-done
			})
		})
	}
}

func TestPick(t *testing.T) {
	bubble(t, func(t *testing.T) {
		away := camgate.ErrConnectionFailed
		first, second := newFake("first", plays(forever, nil)), newFake("second", plays(20*time.Second, fails(away)), fails(away))
		s := camgate.NewRendition("cam", camgate.StreamLimits{})
		sup := NewSupervisor(s, []camgate.Source{first, second}, Options{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- sup.Run(ctx) }()
		time.Sleep(time.Second)
		now := func() string { return s.Status().Source }
		if now() != "first" || sup.Picked() != -1 {
			t.Errorf("at first %s", now())
		}
		sup.Pick(1)
		time.Sleep(10 * time.Second)
		if now() != "second" || s.Status().State != camgate.StateLive {
			t.Errorf("picked the second one, got %s", now())
		}
		time.Sleep(time.Minute)
		if now() != "second" || s.Status().State == camgate.StateLive || len(first.began()) != 1 {
			t.Errorf("the second one is away, and %s is %s", now(), s.Status().State)
		}
		if n := len(second.began()); n > 40 {
			t.Errorf("%d attempts", n)
		}
		sup.Pick(-1)
		time.Sleep(35 * time.Second)
		if now() != "first" || s.Status().State != camgate.StateLive {
			t.Errorf("as it likes: %s is %s", now(), s.Status().State)
		}
		cancel()
		<-done
	})
}
