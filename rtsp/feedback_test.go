package rtsp

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/google/go-cmp/cmp"
	"github.com/pion/rtcp"
)

// When reports go out: every second, faster while nothing comes, and at once after
// the sender's.
func TestFeedbackTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var mu sync.Mutex
		var times []time.Duration
		var last rtcp.CompoundPacket
		f := newFeedback(90000, 5, "camera", begin, func(p rtcp.Packet) {
			mu.Lock()
			defer mu.Unlock()
			times = append(times, time.Since(begin))
			last = *p.(*rtcp.CompoundPacket)
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			(&pull{}).watch(ctx, []*feed{{feedback: f}}, func() bool { return true })
		}()
		defer func() { cancel(); <-done }()
		advance := func(d time.Duration, sending bool) {
			for range d / (100 * time.Millisecond) {
				if sending {
					f.packet(9, uint16(time.Since(begin)/(100*time.Millisecond)), 0, time.Now())
				}
				time.Sleep(100 * time.Millisecond)
			}
			synctest.Wait()
		}
		ms := time.Millisecond
		check := func(what string, want ...time.Duration) {
			t.Helper()
			mu.Lock()
			defer mu.Unlock()
			if diff := cmp.Diff(want, times); diff != "" {
				t.Errorf("%s: %s", what, diff)
			}
			times = nil
		}
		advance(2300*ms, true)
		check("while packets come", 1000*ms, 2000*ms)
		f.control(&rtcp.SenderReport{SSRC: 9, NTPTime: 1 << 40}, time.Now())
		check("after a sender report", 2300*ms)
		f.control(&rtcp.SenderReport{SSRC: 10}, time.Now())
		f.control(&rtcp.Goodbye{}, time.Now())
		check("after others")
		mu.Lock()
		if err := last.Validate(); err != nil || len(last[0].(*rtcp.ReceiverReport).Reports) != 1 {
			t.Errorf("%v, %v", last, err)
		}
		mu.Unlock()
		advance(2200*ms, false)
		check("silence", 3250*ms, 3750*ms, 4000*ms, 4250*ms, 4500*ms)
	})
}

// A sender that has not begun is reported to as well, without a block.
func TestFeedbackBeforeAnything(t *testing.T) {
	var sent []rtcp.Packet
	now := time.Now()
	f := newFeedback(8000, 5, "camera", now, func(p rtcp.Packet) { sent = append(sent, p) })
	f.tick(now.Add(800 * time.Millisecond))
	f.tick(now.Add(time.Second))
	if len(sent) != 1 {
		t.Fatalf("%d reports", len(sent))
	}
	b, err := sent[0].Marshal()
	if err != nil || len(b) < 8 || b[0] != 0x80 || b[1] != 201 || b[3] != 1 {
		t.Errorf("% x, %v", b, err)
	}
}

// A BYE is believed once nothing follows on it.
func TestBye(t *testing.T) {
	bye := &rtcp.Goodbye{Sources: []uint32{9}}
	type event struct {
		at  time.Duration
		pkt rtcp.Packet // nil: RTP
		rtp uint32
	}
	ms := time.Millisecond
	cases := []struct {
		name   string
		events []event
		left   bool
	}{
		{"and silence", []event{{0, nil, 9}, {100 * ms, bye, 0}}, true},
		{"with the last packets behind it", []event{{0, nil, 9}, {100 * ms, bye, 0}, {400 * ms, nil, 9}}, true},
		{"of another source", []event{{0, nil, 9}, {100 * ms, &rtcp.Goodbye{Sources: []uint32{8}}, 0}}, false},
		{"before anything", []event{{0, &rtcp.Goodbye{Sources: []uint32{0}}, 0}, {100 * ms, nil, 9}}, false},
		{"and it goes on, and pauses later", []event{{0, nil, 9}, {100 * ms, bye, 0}, {700 * ms, nil, 9}}, false},
		{"another source goes on", []event{{0, nil, 9}, {100 * ms, bye, 0}, {700 * ms, nil, 10}}, false},
	}
	for _, c := range cases {
		begin := time.Now()
		f := newFeedback(90000, 5, "camera", begin, func(rtcp.Packet) {})
		for i, e := range c.events {
			if e.pkt != nil {
				f.control(e.pkt, begin.Add(e.at))
			} else {
				f.packet(e.rtp, uint16(i), 0, begin.Add(e.at))
			}
			if f.left(begin.Add(e.at + byeWait - 1)) {
				t.Errorf("%s: too early", c.name)
			}
		}
		if got := f.left(begin.Add(5 * time.Second)); got != c.left {
			t.Errorf("%s: left %v", c.name, got)
		}
	}
}

// Of several tracks the pictures count.
func TestByeOfSome(t *testing.T) {
	begin := time.Now()
	make := func(typ description.MediaType, bye bool) *feed {
		f := newFeedback(90000, 5, "camera", begin, func(rtcp.Packet) {})
		f.packet(9, 1, 0, begin)
		if bye {
			f.control(&rtcp.Goodbye{Sources: []uint32{9}}, begin)
		}
		return &feed{media: &description.Media{Type: typ}, feedback: f}
	}
	const video, audio = description.MediaTypeVideo, description.MediaTypeAudio
	cases := []struct {
		feeds []*feed
		want  bool
	}{
		{nil, false},
		{[]*feed{make(video, true), make(audio, false)}, true},
		{[]*feed{make(video, false), make(audio, true)}, false},
		{[]*feed{make(audio, true)}, true},
		{[]*feed{make(audio, true), make(audio, false)}, false},
	}
	for i, c := range cases {
		if got := left(c.feeds, begin.Add(2*time.Second)); got != c.want {
			t.Errorf("%d: %v", i, got)
		}
	}
}
