package rtsp

import (
	"slices"
	"sync"
	"time"

	"github.com/pion/rtcp"
)

// How often reception is reported (RFC 3550 section 6.2 would allow more for media
// of this rate). Some devices stop sending after two seconds without a report, and
// some need to be asked more than once before they begin.
const (
	reportEvery  = time.Second
	reportSilent = 250 * time.Millisecond // while nothing comes
	silentAfter  = 1500 * time.Millisecond
	// Nothing is put off to the next tick because this one came a bit early.
	tolerance = reportSilent / 2
	// byeWait is how long nothing may come after a BYE until it is believed, and
	// byeGrace for how long there may be packets still that were sent before it.
	byeWait  = time.Second
	byeGrace = byeWait / 2
)

// feedback is what we tell the sender of one track about it.
type feedback struct {
	ssrc  uint32 // ours
	cname string
	write func(rtcp.Packet) // may be called by several goroutines

	mu        sync.Mutex
	reception reception
	heard     time.Time // when a packet came last, or the session began
	reported  time.Time
	bye       time.Time // when the sender took its leave; zero: it did not
}

func newFeedback(rate int, ssrc uint32, cname string, now time.Time, write func(rtcp.Packet)) *feedback {
	return &feedback{ssrc: ssrc, cname: cname, write: write, reception: reception{rate: rate}, heard: now, reported: now}
}

// packet notes a packet of the track as it arrives.
func (f *feedback) packet(ssrc uint32, seq uint16, timestamp uint32, now time.Time) {
	f.mu.Lock()
	f.reception.packet(ssrc, seq, timestamp, now)
	f.heard = now
	if now.Sub(f.bye) > byeGrace {
		f.bye = time.Time{} // it goes on all the same
	}
	f.mu.Unlock()
}

// control takes an RTCP packet. A sender report is answered at once: the sender
// measures the round trip by it.
func (f *feedback) control(p rtcp.Packet, now time.Time) {
	switch p := p.(type) {
	case *rtcp.SenderReport:
		f.mu.Lock()
		known := f.reception.senderReport(p, now)
		f.mu.Unlock()
		if known {
			f.report(now)
		}
	case *rtcp.Goodbye:
		f.mu.Lock()
		if f.reception.begun && slices.Contains(p.Sources, f.reception.ssrc) {
			f.bye = now
		}
		f.mu.Unlock()
	}
}

// left tells whether the sender has taken its leave (RFC 3550 section 6.6) and
// nothing came since. Some send a BYE and go on.
func (f *feedback) left(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.bye.IsZero() && now.Sub(f.bye) >= byeWait && now.Sub(f.heard) >= byeWait
}

// tick reports when it is time to.
func (f *feedback) tick(now time.Time) {
	f.mu.Lock()
	since := now.Sub(f.reported)
	due := since >= reportEvery-tolerance || since >= reportSilent-tolerance && now.Sub(f.heard) >= silentAfter
	f.mu.Unlock()
	if due {
		f.report(now)
	}
}

// report sends a compound packet (RFC 3550 section 6.1).
func (f *feedback) report(now time.Time) {
	f.mu.Lock()
	rr := &rtcp.ReceiverReport{SSRC: f.ssrc}
	if block, ok := f.reception.block(now); ok {
		rr.Reports = []rtcp.ReceptionReport{block}
	}
	f.reported = now
	f.mu.Unlock()
	f.write(&rtcp.CompoundPacket{rr, rtcp.NewCNAMESourceDescription(f.ssrc, f.cname)})
}

// pictureLoss asks for a keyframe (RFC 4585 section 6.3.1).
func (f *feedback) pictureLoss() {
	f.mu.Lock()
	media := f.reception.ssrc
	f.mu.Unlock()
	f.write(&rtcp.PictureLossIndication{SenderSSRC: f.ssrc, MediaSSRC: media})
}

func (f *feedback) total() Reception {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reception.total()
}
