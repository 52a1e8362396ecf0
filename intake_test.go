package camgate

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestFence(t *testing.T) {
	s := newStream("test", StreamLimits{})
	ended := 0
	if _, err := s.Begin([]*Track{videoTrack()}, func() { ended++ }); err != nil {
		t.Fatal(err)
	}
	begin, lift := s.Fence()
	if ended != 1 {
		t.Errorf("ended %d times", ended)
	}
	if _, err := s.Start([]*Track{videoTrack()}); !errors.Is(err, ErrClosed) {
		t.Errorf("Start behind a fence: %v", err)
	}
	if _, err := s.Begin([]*Track{videoTrack()}, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Begin behind a fence: %v", err)
	}
	if _, err := begin([]*Track{videoTrack()}, func() { ended += 10 }); err != nil {
		t.Error(err)
	}
	_, liftOther := s.Fence()
	if ended != 11 {
		t.Errorf("the one behind the first fence: %d", ended)
	}
	lift()
	lift()
	if _, err := s.Start([]*Track{videoTrack()}); !errors.Is(err, ErrClosed) {
		t.Errorf("Start behind the other fence: %v", err)
	}
	liftOther()
	if _, err := s.Start([]*Track{videoTrack()}); err != nil {
		t.Error(err)
	}
	_, lift = s.Fence()
	lift()
	if ended != 11 {
		t.Errorf("ended after another one began: %d", ended)
	}
}

func TestRepeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFeed(t, StreamLimits{}, videoTrack(), audioTrack())
		if f.Repeat(0) {
			t.Error("repeated nothing")
		}
		<-time.After(time.Second)
		f.publish('K', 200)
		f.publish('P', 100)
		before := f.Info()
		<-time.After(10 * time.Second)
		if !f.Repeat(f.Units()) {
			t.Fatal("no picture to repeat")
		}
		if f.Repeat(f.Units() - 1) {
			t.Error("repeated although the source is back")
		}
		r := f.subscribe(SubscribeOptions{})
		defer r.Close()
		u, ok := r.Poll()
		if !ok || !u.RandomAccess || !u.Discontinuity || u.Size() != 200 || u.Time().Round(time.Millisecond) != 11*time.Second {
			t.Errorf("joiner got %+v", u)
		}
		after := f.Info()
		if after.UnitsIn != before.UnitsIn || after.BytesIn != before.BytesIn || !after.Still || !after.OfflineSince.Equal(before.OfflineSince) {
			t.Errorf("%+v", after)
		}
		f.publish('P', 10)
		if f.Info().Still {
			t.Error("still after a picture of the source")
		}
		changed := NewTrack(f.tracks[0].TrackOptions)
		changed.SetParams(&Params{SPS: []byte{1}, Width: 7})
		if _, err := f.Start([]*Track{changed, audioTrack()}); err != nil {
			t.Fatal(err)
		}
		if f.Repeat(f.Units()) {
			t.Error("repeated a picture of other parameters")
		}
	})
}

func TestStatusKeeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream("test", StreamLimits{})
		begin := time.Now()
		gone := errors.New("gone")
		for range 3 {
			s.SetStatus(Status{State: StateConnecting})
			s.ChangeStatus(func(st *Status) { st.State = StateWaitingKeyframe })
			<-time.After(time.Second)
			s.ChangeStatus(func(st *Status) { st.State = StateLive })
			<-time.After(time.Second)
			s.SetStatus(Status{State: StateStalled})
			<-time.After(time.Second)
			s.SetStatus(Status{State: StateLive})
			if st := s.Status(); time.Since(st.LiveSince) != 2*time.Second {
				t.Errorf("live since %v, a stall ago", st.LiveSince)
			}
			s.SetStatus(Status{State: StateRetrying, Err: gone})
		}
		s.SetStatus(Status{State: StateIdle})
		st := s.Status()
		if st.Attempts != 3 || st.Reconnects != 2 || !st.LiveSince.IsZero() || st.LastErr != gone || st.LastErrAt.Sub(begin) != 9*time.Second {
			t.Errorf("%+v", st)
		}
	})
}
