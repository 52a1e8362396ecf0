package webrtc

import (
	"time"

	"github.com/pion/rtcp"

	"github.com/camgate/camgate"
)

// reports is what is known of a viewer that tells of shares and sums only.
type reports struct {
	seq      uint32        // highest sequence number of the newest report
	shortest time.Duration // there and back; 0: not known
}

// By how much the way there and back is longer than it can be, when a network has more
// than it carries.
const (
	tripFull  = 300 * time.Millisecond
	tripHeavy = 800 * time.Millisecond
)

// observe begins to take note of what is sent, where the viewer tells what arrives.
func (s *session) observe(now time.Time) {
	s.transport.mu.Lock()
	defer s.transport.mu.Unlock()
	for _, l := range s.lanes {
		if l.stamps == 0 || len(s.smaller) == 0 || s.transport.local == nil {
			continue
		}
		if s.flight == nil {
			s.flight = newEstimator(now)
		}
		l.flight = s.flight
	}
}

// arrivals takes feedback on the transport.
func (s *session) arrivals(p []byte) {
	s.transport.mu.Lock()
	defer s.transport.mu.Unlock()
	if s.flight != nil {
		s.flight.feedback(p, time.Now())
	}
}

// reported judges by a receiver report, and returns the loss that it amounts to; the
// transport's mu is held.
func (s *session) reported(b rtcp.ReceptionReport, trip time.Duration) (loss float64) {
	r, v := &s.reports, &s.told
	if b.LastSequenceNumber == r.seq { // it came twice, as there are two tracks
		return toll(v.lost, v.queue)
	}
	r.seq = b.LastSequenceNumber
	var longer time.Duration
	if trip > 0 {
		if r.shortest == 0 || trip < r.shortest {
			r.shortest = trip
		}
		longer = trip - r.shortest
	}
	v.count++
	v.lost, v.queue, v.carries = float64(b.FractionLost)/256, longer, v.told
	v.full = v.lost > lossFull || longer > tripFull
	v.heavily = v.lost > lossHeavy || longer > tripHeavy
	return toll(v.lost, v.queue)
}

// toll is the loss that what is lost and a queue amount to: a queue that long loses
// nothing yet, but all that is in it is late, and when it is full it does.
func toll(lost float64, queue time.Duration) float64 {
	switch {
	case queue > tripHeavy:
		return max(lost, lossFull)
	case queue > tripFull:
		return max(lost, lossFull/2)
	}
	return lost
}

// estimated takes the viewer's own estimate.
func (s *session) estimated(bitrate float64) {
	s.transport.mu.Lock()
	defer s.transport.mu.Unlock()
	s.told.told = bitrate
	s.told.count++
}

// smaller are the renditions that there are to choose from, for viewers who see.
func (s *Server) smaller(stream *camgate.Stream, p *plan) []*camgate.Stream {
	if s.opts.Smaller == nil || !p.has(camgate.Video) {
		return nil
	}
	return s.opts.Smaller(stream)
}
