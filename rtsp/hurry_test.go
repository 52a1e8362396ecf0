package rtsp

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"

	"github.com/camgate/camgate"
)

func subscribe(t testing.TB, s *camgate.Stream) *camgate.Reader {
	t.Helper()
	r, err := s.Subscribe(t.Context(), camgate.SubscribeOptions{LiveAudio: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// However long the cache is, its pictures keep their order and end at the live
// edge, within the time of one picture; what follows is not touched.
func TestHurry(t *testing.T) {
	for _, n := range []int{1, 2, 3, 50, 250} {
		s := camgate.NewRendition("cam", camgate.StreamLimits{})
		cam := newCamera(t, s, false)
		cam.size = 100
		cam.gop(n)
		r := subscribe(t, s)
		cam.gop(3)
		var units []*camgate.Unit
		for u, ok := r.Poll(); ok; u, ok = r.Poll() {
			units = append(units, u)
		}
		h := newHurry(units[0], r, []*outTrack{{track: cam.tracks[0]}})
		// Where the edge really is: a burst of ten seconds is moved a little on its
		// way to the stream's clock.
		edge := units[n-1].RTPTime()
		var last uint32
		for i, u := range units {
			ts := u.RTPTime() + h.shift(u)
			switch {
			case i >= n && ts != u.RTPTime():
				t.Errorf("%d cached: picture %d is live and moves", n, i)
			case i > 0 && int32(ts-last) <= 0:
				t.Errorf("%d cached: picture %d at %d after %d", n, i, ts, last)
			case i == 0 && edge-ts > 3600:
				t.Errorf("%d cached: begins %d ticks before the live edge", n, edge-ts)
			}
			last = ts
		}
	}
}

// Datagrams of a cache do not come faster than a player reads them, and the whole
// of it within a second or so.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, cached := range []time.Duration{2 * time.Second, 10 * time.Second} {
			track := h264Track(t)
			at := func(d time.Duration) *camgate.Unit { return &camgate.Unit{Track: track, PTS: track.Ticks(d)} }
			begin := time.Now()
			p := newPace(at(0), cached)
			for d := time.Duration(0); d <= cached; d += 40 * time.Millisecond {
				p.wait(at(d), nil)
				if got := time.Since(begin); got < d/20 {
					t.Errorf("%s of media after %s", d, got)
				}
			}
			if got := time.Since(begin); got > time.Second {
				t.Errorf("%s of media take %s", cached, got)
			}
		}
		begin := time.Now()
		pace{}.wait(nil, nil)
		if time.Since(begin) != 0 {
			t.Error("a reader at the live edge waits")
		}
	})
}

// A reader that leaves while its cache is held back is not kept for the rest of it.
func TestPaceEndsWithReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := camgate.NewRendition("cam", camgate.StreamLimits{})
		cam := newCamera(t, s, false)
		cam.gop(50)
		r := subscribe(t, s)
		p := &playback{reader: r, gone: make(chan struct{}), done: make(chan struct{})}
		first, _ := r.Poll()
		p.pace = newPace(first, 2*time.Second)
		begin, ended := time.Now(), make(chan error)
		go func() {
			for {
				if _, err := p.next(); err != nil {
					ended <- err
					return
				}
			}
		}()
		synctest.Wait()
		p.stop()
		p.stop() // by PAUSE, and by the end of the session
		if err := <-ended; !errors.Is(err, errStopped) {
			t.Error(err)
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("it ended after %s", took)
		}
	})
}

// The report of RFC 3550 section 6.4.1 names the moment of its sending on both
// clocks, and counts.
func TestSenderReport(t *testing.T) {
	s := camgate.NewRendition("cam", camgate.StreamLimits{})
	cam := newCamera(t, s, false)
	cam.gop(1)
	u, _ := subscribe(t, s).Poll()
	out := &outTrack{track: cam.tracks[0]}
	if out.due(time.Now()) {
		t.Error("a report before the first packet")
	}
	out.sent(u, len(u.Packets().Wire))
	now := u.NTP.Add(1500 * time.Millisecond)
	if !out.due(now) {
		t.Error("no report with the first packet")
	}
	packets, err := rtcp.Unmarshal(out.senderReport(now, "name"))
	if err != nil {
		t.Fatal(err)
	}
	sr := packets[0].(*rtcp.SenderReport)
	if sr.RTPTime != u.RTPTime()+135000 || sr.SSRC != cam.tracks[0].SSRC || sr.PacketCount != uint32(u.PacketCount()) {
		t.Errorf("%+v", sr)
	}
	if want := len(u.Packets().Wire) - 16*u.PacketCount(); sr.OctetCount != uint32(want) {
		t.Errorf("%d octets, want %d", sr.OctetCount, want)
	}
	seconds := float64(sr.NTPTime>>32) - 2208988800 + float64(sr.NTPTime&0xffffffff)/(1<<32)
	if d := seconds - float64(now.UnixNano())/1e9; d < -1e-6 || d > 1e-6 {
		t.Errorf("the wall clock is %f s off", d)
	}
	if out.due(now.Add(reportInterval-1)) || !out.due(now.Add(reportInterval)) {
		t.Error("the next report is not due after the interval")
	}
}
