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
		if l.stamps == 0 || !s.observed || s.transport.local == nil {
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
	if s.flight == nil {
		return
	}
	before := s.flight.verdict.count
	s.flight.feedback(p, time.Now())
	if r := s.reader.Load(); r != nil && s.flight.verdict.count != before {
		r.Report(s.toll(), s.carries())
	}
}

// toll is the loss that all reports amount to: a long queue loses nothing yet, but what is
// in it is late, and when it is full it does. The transport's mu is held.
func (s *session) toll() float64 {
	full, heavily := s.told.full, s.told.heavily
	if s.flight != nil { // which is sooner to see a queue; of losses it sees but a moment
		queue := s.flight.verdict.queue
		full, heavily = full || queue > queueFull, heavily || queue > queueLong
	}
	switch {
	case heavily:
		return max(s.told.lost, lossFull)
	case full:
		return max(s.told.lost, lossFull/2)
	}
	return s.told.lost
}

// carries is what gets through in bit/s while the network has more than that; 0: it has not,
// or nobody knows. The transport's mu is held.
func (s *session) carries() float64 {
	if s.flight == nil || s.flight.verdict.queue <= queueFull {
		return 0
	}
	return s.flight.verdict.rate
}

// reported judges by a receiver report; the transport's mu is held.
func (s *session) reported(b rtcp.ReceptionReport, trip time.Duration) {
	r, v := &s.reports, &s.told
	if b.LastSequenceNumber == r.seq { // it came twice, as there are two tracks
		return
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
