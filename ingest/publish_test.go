package ingest

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

var quiet = slog.New(slog.DiscardHandler)

func TestPublish(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := camgate.NewRendition("test", camgate.StreamLimits{})
		if _, err := Publish(s, "obs", quiet); !errors.Is(err, camgate.ErrForbidden) {
			t.Errorf("a stream with a source of its own: %v", err)
		}
		AwaitPublisher(s)
		if _, err := s.Ready(t.Context()); !errors.Is(err, camgate.ErrNotReady) {
			t.Errorf("nobody publishes: %v", err)
		}
		state := func(want camgate.State, cause error) {
			t.Helper()
			if st := s.Status(); st.State != want || st.Err != cause || st.Source != PublishSource {
				t.Errorf("%+v, want %q, %v", st, want, cause)
			}
		}
		state(camgate.StateIdle, errNobody)

		p, err := Publish(s, "rtsp 192.0.2.1:5000", quiet)
		if err != nil {
			t.Fatal(err)
		}
		state(camgate.StateConnecting, nil)
		if _, err := Publish(s, "other", quiet); !errors.Is(err, camgate.ErrPublisherActive) {
			t.Errorf("a second publisher: %v", err)
		}
		w, err := p.Start([]*camgate.Track{newH264(t)})
		if err != nil {
			t.Fatal(err)
		}
		state(camgate.StateWaitingKeyframe, nil)
		r, err := s.Subscribe(t.Context(), camgate.SubscribeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(picture("I", 0)); err != nil {
			t.Fatal(err)
		}
		state(camgate.StateLive, nil)
		next := func() {
			t.Helper()
			if u, err := r.Next(); err != nil || !u.Discontinuity {
				t.Errorf("%+v, %v", u, err)
			}
		}
		next()
		p.Close()
		p.Close()
		state(camgate.StateIdle, errNobody)
		if err := w.Write(picture("I", time.Second)); !errors.Is(err, camgate.ErrClosed) {
			t.Errorf("write after Close: %v", err)
		}
		if _, err := p.Start([]*camgate.Track{newH264(t)}); !errors.Is(err, camgate.ErrClosed) {
			t.Errorf("start after Close: %v", err)
		}

		// The next one goes on for the same readers.
		wait(time.Minute)
		if p, err = Publish(s, "rtsp 192.0.2.1:5001", quiet); err != nil {
			t.Fatal(err)
		}
		if w, err = p.Start([]*camgate.Track{newH264(t)}); err != nil {
			t.Fatal(err)
		}
		if err := w.Write(picture("I", 5*time.Hour)); err != nil {
			t.Fatal(err)
		}
		next()
		p.Close()
		if p, err = Publish(s, "gone before it began", quiet); err != nil {
			t.Fatal(err)
		}
		p.Close()
		state(camgate.StateIdle, errNobody)
		r.Close()
	})
}

// A publisher whose picture freezes is stalled, whatever else comes from him, and live
// again with the next picture. His session goes on: he may have paused.
func TestPublisherStalls(t *testing.T) {
	for name, tt := range map[string]struct {
		intake camgate.Intake
		after  time.Duration
	}{
		"as it comes": {camgate.Intake{}, 2500 * time.Millisecond},
		"configured":  {camgate.Intake{Stall: 40 * time.Second}, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := camgate.NewRendition("test", camgate.StreamLimits{})
				s.SetIntake(tt.intake)
				AwaitPublisher(s)
				var log bytes.Buffer
				p, err := Publish(s, "obs", slog.New(slog.NewTextHandler(&log, nil)))
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
				tracks := []*camgate.Track{newH264(t), newAAC(t)}
				w, err := p.Start(tracks)
				if err != nil {
					t.Fatal(err)
				}
				begin := time.Now()
				put := func(sm Sample) {
					t.Helper()
					if err := w.Write(sm); err != nil {
						t.Fatal(err)
					}
				}
				state := func(want camgate.State, why string) {
					t.Helper()
					st := s.Status()
					if st.State != want || st.Source != PublishSource || (st.Err == nil) != (why == "") || st.Err != nil && !strings.Contains(st.Err.Error(), why) {
						t.Errorf("after %s: %+v, want %q, %q", time.Since(begin), st, want, why)
					}
					if want == camgate.StateStalled && !errors.Is(st.Err, camgate.ErrTimeout) {
						t.Error(st.Err)
					}
				}
				wait(time.Minute) // nothing came yet: he connects
				state(camgate.StateWaitingKeyframe, "")
				put(picture("I", time.Since(begin)))
				told := s.Changed()
				wait(tt.after - 2*watchTick)
				put(sound(time.Since(begin)))
				state(camgate.StateLive, "")
				wait(5 * watchTick) // a picture is seen up to a tick late, and so is that there is none
				state(camgate.StateStalled, "no picture for ")
				select {
				case <-told:
				default:
					t.Error("nobody was told")
				}
				put(picture("N", time.Since(begin)))
				wait(2 * watchTick)
				state(camgate.StateLive, "")
				since := s.Status().LiveSince
				w.Close() // PAUSE
				wait(time.Hour)
				state(camgate.StateStalled, "no picture for ")
				if st := s.Status(); st.LiveSince != since {
					t.Errorf("live since %s, %s", st.LiveSince, since)
				}
				if w, err = p.Start([]*camgate.Track{newH264(t), newAAC(t)}); err != nil {
					t.Fatal(err)
				}
				state(camgate.StateWaitingKeyframe, "")
				put(picture("I", time.Since(begin)))
				wait(2 * watchTick)
				state(camgate.StateLive, "")
				wait(time.Hour)
				p.Close()
				state(camgate.StateIdle, errNobody.Error())
				if got := strings.Count(log.String(), "publisher is stalled"); got != 3 {
					t.Errorf("%d lines about it:\n%s", got, log.String())
				}
				if got := strings.Count(log.String(), "publisher is live again"); got != 1 {
					t.Errorf("%d lines about its end:\n%s", got, log.String())
				}
			})
		})
	}
}
