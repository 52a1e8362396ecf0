package camgate

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream("test", StreamLimits{})
		made := time.Now()
		if got := s.Status(); got.State != StateIdle || !got.Since.Equal(made) {
			t.Errorf("new stream: %+v", got)
		}
		cause := errors.New("gone")
		<-time.After(time.Second)
		s.SetStatus(Status{State: StateIdle, Source: "demo", Since: made.Add(time.Hour)})
		if got := s.Status(); !got.Since.Equal(made) || got.Source != "demo" {
			t.Errorf("same state: %+v, want Since to stay", got)
		}
		s.SetStatus(Status{State: StateRetrying, Err: cause, Retries: 2})
		failed := time.Now()
		<-time.After(time.Second)
		s.SetStatus(Status{State: StateRetrying, Err: cause, Retries: 3})
		if got := s.Status(); !got.Since.Equal(failed) || got.Retries != 3 || got.Err != cause || got.Source != "" {
			t.Errorf("retrying: %+v, want it since %v", got, failed)
		}
	})
}

func TestChanged(t *testing.T) {
	s := newStream("test", StreamLimits{})
	var r *Reader
	var release func()
	steps := []struct {
		name   string
		do     func() error
		demand int
	}{
		{"SetStatus", func() error { s.SetStatus(Status{State: StateConnecting}); return nil }, 0},
		{"Claim", func() (err error) { release, err = s.Claim("me"); return }, 0},
		{"Start", func() error { _, err := s.Start([]*Track{videoTrack()}); return err }, 0},
		{"Subscribe", func() (err error) { r, err = s.Subscribe(t.Context(), SubscribeOptions{}); return }, 1},
		{"Start of the same", func() error { _, err := s.Start([]*Track{videoTrack()}); return err }, 1},
		{"Close of a reader", func() error { r.Close(); return nil }, 0},
		{"Stop", func() error { s.Stop(); return nil }, 0},
		{"release", func() error { release(); return nil }, 0},
		{"Hold", func() error { release = s.Hold(); return nil }, 1},
		{"the end of Hold", func() error { release(); release(); return nil }, 0},
		{"Close", func() error { s.Close(); return nil }, 0},
	}
	for _, step := range steps {
		changed := s.Changed()
		_, demanded := s.Demand()
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		for _, ch := range []<-chan struct{}{changed, demanded} {
			select {
			case <-ch:
			default:
				t.Errorf("%s is not told to those who watch", step.name)
			}
		}
		if n, _ := s.Demand(); n != step.demand {
			t.Errorf("demand after %s is %d, want %d", step.name, n, step.demand)
		}
	}
}

func TestInfo(t *testing.T) {
	f := newFeed(t, StreamLimits{MaxLagBytes: 2*(100+unitCost+pieceCost) + 50}, videoTrack(), audioTrack())
	release, err := f.Claim("rtsp 192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if info := f.Info(); info.Cached != 0 || info.UnitsIn != 0 || len(info.Tracks) != 2 || info.Readers != nil {
		t.Errorf("before the first Unit: %+v", info)
	}
	f.publish('P', 100)
	viewer := f.subscribe(SubscribeOptions{Protocol: "webrtc", Remote: "192.0.2.7:5000"})
	worker := f.subscribe(SubscribeOptions{Protocol: "hls", Internal: true})
	defer worker.Close()
	f.publish('P', 100)
	f.publish('K', 200)
	f.drain(viewer, -1)
	f.drain(worker, -1)
	viewer.Sent(300)
	viewer.Sent(33)
	worker.Sent(4000)
	for range 3 {
		f.publish('P', 100)
	}
	f.publish('K', 100)
	f.drain(viewer, -1)

	check := func(when string, readers []ReaderInfo, demand int) {
		t.Helper()
		got := f.Info()
		want := Info{
			Name: "test", Status: f.Status(), Publisher: "rtsp 192.0.2.1", Tracks: got.Tracks, Readers: readers, Demand: demand,
			BytesIn: 800, BytesOut: 4333, UnitsIn: 7, Cached: 800 + 7*(unitCost+pieceCost),
			Skipped:      map[string]uint64{"lag": 3, "evicted": 0, "wait_keyframe": 2},
			OfflineSince: got.OfflineSince,
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b *Track) bool { return a == b })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	first := ReaderInfo{ID: 1, Protocol: "webrtc", Remote: "192.0.2.7:5000", ReaderStats: ReaderStats{
		Bytes: 333, Since: viewer.since, Skipped: [skipReasons]uint64{SkipLag: 3, SkipNoKey: 1}}}
	second := ReaderInfo{ID: 2, Protocol: "hls", Internal: true, ReaderStats: ReaderStats{
		Bytes: 4000, Since: worker.since, Skipped: [skipReasons]uint64{SkipNoKey: 1}}}
	check("both there", []ReaderInfo{first, second}, 2)
	viewer.Close()
	check("one left", []ReaderInfo{second}, 1)
}

func TestClocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFeed(t, StreamLimits{}, videoTrack(), audioTrack())
		made := time.Now()
		<-time.After(3 * time.Second)
		if got := f.Stream.Now(); got != 3*time.Second {
			t.Errorf("Now is %v, want 3s", got)
		}
		for _, u := range []*Unit{
			{Track: f.tracks[0], PTS: 90000, RandomAccess: true},
			{Track: f.tracks[1], PTS: 72000},
			{Track: f.tracks[0], PTS: 45000},
		} {
			f.Publish(u)
			if want := made.Add(u.Time()); !u.NTP.Equal(want) {
				t.Errorf("NTP of %v is %v, want %v", u.Time(), u.NTP, want)
			}
			if got := u.RTPTime() - u.Track.RTPTime(0); got != uint32(u.PTS) {
				t.Errorf("RTP timestamp of PTS %d is %d after that of 0", u.PTS, got)
			}
		}
		if got, want := f.Newest(), 1500*time.Millisecond; got != want {
			t.Errorf("Newest is %v, want %v", got, want)
		}
		if f.Units() != 3 {
			t.Errorf("Units is %d, want 3", f.Units())
		}
	})
}
