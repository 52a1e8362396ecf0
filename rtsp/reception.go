package rtsp

import (
	"time"

	"github.com/pion/rtcp"
)

// Reception says how one track arrives, over the whole session.
type Reception struct {
	SSRC     uint32
	Expected int64 // packets, by their sequence numbers
	Received int64 // packets, with those that came twice
	Lost     int64 // packets; negative when more came twice than were lost
	// Paused is how much of Lost was missing after a second or more in which nothing
	// came: an outage, of which loss at other times says nothing.
	Paused int64
	// Jitter is the mean deviation of the packets' spacing (RFC 3550 section 6.4.1).
	Jitter time.Duration
	// Drift is by how much the sender's clock is faster than ours, in parts per
	// million, seen from its sender reports; 0 until they span ten seconds.
	Drift         float64
	SenderReports int
	LastPacket    time.Time // zero: none came
}

const (
	// maxDropout and maxMisorder are those of RFC 3550 appendix A.1: what is further
	// away is a sender that began anew.
	maxDropout  = 3000
	maxMisorder = 100
	// maxStep bounds what one packet adds to the jitter: beyond it the camera itself
	// paused, or its clock jumped, and the network had no part in it.
	maxStep = 50 * time.Millisecond
	// stall is the pause after which spacing is measured anew.
	stall = time.Second
	// driftSpan is how long the clocks run before they are compared.
	driftSpan = 10 * time.Second
)

// reception is the state of RFC 3550 appendix A for one source of RTP.
type reception struct {
	rate int // ticks a second

	begun  bool
	ssrc   uint32
	base   uint32 // extended sequence number of the first packet
	max    uint16
	cycles uint32 // wraps of the sequence number, times 65536
	bad    uint32 // sequence number that would confirm a jump; over 65535: none

	received      int64
	paused        int64
	expectedPrior int64
	receivedPrior int64

	last    time.Time // arrival of the last packet
	transit int64     // of the last packet: arrival less timestamp, in ticks
	spaced  bool      // transit is of use
	jitter  float64   // ticks
	start   time.Time // zero of arrivals

	reports    int
	reportSSRC uint32 // whose they are
	lastReport uint32 // middle 32 bits of the NTP time of the last sender report
	reportedAt time.Time
	firstTime  time.Time // arrival of the first sender report
	reportRTP  uint32
	elapsed    int64 // ticks between the first and the last sender report

	before Reception // of the sources that this one came after
}

// packet takes the header of a packet that arrived at now.
func (r *reception) packet(ssrc uint32, seq uint16, timestamp uint32, now time.Time) {
	switch {
	case !r.begun:
		r.start = now
		r.begin(ssrc, seq)
	case ssrc != r.ssrc:
		r.before = r.total()
		r.begin(ssrc, seq)
	default:
		before := r.expected()
		if !r.follow(seq) {
			return // not counted: one packet from far away may be an error
		}
		if missing := r.expected() - before - 1; missing > 0 && now.Sub(r.last) >= stall {
			r.paused += missing
		}
	}
	r.received++
	r.space(timestamp, now)
}

func (r *reception) begin(ssrc uint32, seq uint16) {
	r.begun, r.ssrc, r.spaced = true, ssrc, false
	r.base, r.max, r.cycles, r.bad = uint32(seq), seq, 0, 1<<16
	r.received, r.paused, r.expectedPrior, r.receivedPrior = 0, 0, 0, 0
	r.jitter = 0
	if r.reportSSRC != ssrc { // else they came before its first packet
		r.reports = 0
	}
}

// follow is update_seq of appendix A.1, without probation: a session was asked for.
func (r *reception) follow(seq uint16) bool {
	switch delta := seq - r.max; {
	case delta < maxDropout:
		if seq < r.max {
			r.cycles += 1 << 16
		}
		r.max = seq
	case uint32(delta) <= 1<<16-maxMisorder:
		if uint32(seq) != r.bad {
			r.bad = uint32(seq + 1)
			return false
		}
		r.before = r.total()
		r.before.SenderReports -= r.reports // they go on
		r.begin(r.ssrc, seq)
	}
	return true
}

// space is appendix A.8.
func (r *reception) space(timestamp uint32, now time.Time) {
	paused := now.Sub(r.last) > stall
	r.last = now
	if r.rate == 0 {
		return
	}
	sinceStart := now.Sub(r.start)
	arrival := int64(sinceStart/time.Second)*int64(r.rate) + int64(sinceStart%time.Second)*int64(r.rate)/int64(time.Second)
	transit := int64(uint32(arrival) - timestamp)
	if r.spaced && !paused {
		d := int64(int32(uint32(transit) - uint32(r.transit)))
		if d < 0 {
			d = -d
		}
		step := min(float64(d), maxStep.Seconds()*float64(r.rate))
		r.jitter += (step - r.jitter) / 16
	}
	r.transit, r.spaced = transit, true
}

// senderReport takes a sender report that arrived at now. It reports false for that
// of another source.
func (r *reception) senderReport(sr *rtcp.SenderReport, now time.Time) bool {
	if r.begun && sr.SSRC != r.ssrc {
		return false
	}
	if r.reports == 0 || sr.SSRC != r.reportSSRC {
		r.reports, r.reportSSRC = 0, sr.SSRC
		r.firstTime, r.elapsed = now, 0
	} else {
		r.elapsed += int64(int32(sr.RTPTime - r.reportRTP))
	}
	r.reports++
	r.reportRTP, r.lastReport, r.reportedAt = sr.RTPTime, uint32(sr.NTPTime>>16), now
	return true
}

// expected is how many packets there should be by now (appendix A.3).
func (r *reception) expected() int64 {
	if !r.begun {
		return 0
	}
	return int64(r.cycles) + int64(r.max) - int64(r.base) + 1
}

// block makes the report block of section 6.4.1; false: nothing came yet.
func (r *reception) block(now time.Time) (rtcp.ReceptionReport, bool) {
	if !r.begun {
		return rtcp.ReceptionReport{}, false
	}
	expected := r.expected()
	lost := min(max(expected-r.received, -1<<23), 1<<23-1)
	interval, lostNow := expected-r.expectedPrior, expected-r.expectedPrior-(r.received-r.receivedPrior)
	r.expectedPrior, r.receivedPrior = expected, r.received
	b := rtcp.ReceptionReport{
		SSRC: r.ssrc, TotalLost: uint32(lost) & (1<<24 - 1),
		LastSequenceNumber: r.cycles + uint32(r.max), Jitter: uint32(r.jitter),
	}
	if interval > 0 && lostNow > 0 {
		b.FractionLost = uint8(min(lostNow<<8/interval, 255))
	}
	if r.reports > 0 {
		b.LastSenderReport = r.lastReport
		b.Delay = uint32(min(now.Sub(r.reportedAt).Seconds()*65536, 1<<32-1))
	}
	return b, true
}

// total is what there is to tell of all sources so far.
func (r *reception) total() Reception {
	t := r.before
	t.SSRC, t.LastPacket = r.ssrc, r.last
	t.Expected += r.expected()
	t.Received += r.received
	t.Lost = t.Expected - t.Received
	t.Paused += r.paused
	t.SenderReports += r.reports
	t.Jitter, t.Drift = 0, 0
	if r.rate > 0 {
		t.Jitter = time.Duration(r.jitter / float64(r.rate) * float64(time.Second))
		if span := r.reportedAt.Sub(r.firstTime); r.reports > 1 && span >= driftSpan {
			t.Drift = (float64(r.elapsed)/float64(r.rate)/span.Seconds() - 1) * 1e6
		}
	}
	return t
}
