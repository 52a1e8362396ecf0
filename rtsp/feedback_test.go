package rtsp

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

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
