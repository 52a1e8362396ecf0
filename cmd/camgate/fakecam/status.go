package fakecam

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// maxReports is how many receiver reports are kept.
const maxReports = 1024

// Status is what the camera has seen.
type Status struct {
	Connections      int               // open now
	TotalConnections uint64            // ever
	Sessions         int               // open now
	TotalSessions    uint64            // ever
	Requests         map[string]uint64 // by method
	KeepAlives       uint64            // GET_PARAMETER, SET_PARAMETER, OPTIONS while it plays
	AuthFailures     uint64            // wrong passwords, not those that were not given yet
	Packets          uint64            // RTP packets that were sent
	ReceiverReports  uint64            // blocks about a track
	BrokenRTCP       uint64            // what could not be parsed
	Reports          []Report          // the latest 1024, oldest first
}

// LastReport is the latest receiver report; false when there was none.
func (s Status) LastReport() (Report, bool) {
	if len(s.Reports) == 0 {
		return Report{}, false
	}
	return s.Reports[len(s.Reports)-1], true
}

// Intervals are the times between the receiver reports about one track within one
// connection, oldest first.
func (s Status) Intervals(track int) (out []time.Duration) {
	last := map[uint64]time.Time{}
	for _, r := range s.Reports {
		if r.Track != track {
			continue
		}
		if before, ok := last[r.Connection]; ok {
			out = append(out, r.At.Sub(before))
		}
		last[r.Connection] = r.At
	}
	return out
}

// Status returns what the camera has seen so far.
func (c *Cam) Status() Status {
	c.stats.mu.Lock()
	defer c.stats.mu.Unlock()
	s := c.stats.s
	s.Requests = maps.Clone(s.Requests)
	s.Reports = slices.Clone(s.Reports)
	return s
}

// stats is a Status that changes.
type stats struct {
	mu sync.Mutex
	s  Status
}

func (s *stats) do(f func(*Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.s)
}

// connected returns the number of the connection.
func (s *stats) connected() (n uint64) {
	s.do(func(s *Status) { s.Connections++; s.TotalConnections++; n = s.TotalConnections })
	return n
}

func (s *stats) disconnected() { s.do(func(s *Status) { s.Connections-- }) }
func (s *stats) opened()       { s.do(func(s *Status) { s.Sessions++; s.TotalSessions++ }) }
func (s *stats) over()         { s.do(func(s *Status) { s.Sessions-- }) }
func (s *stats) keptAlive()    { s.do(func(s *Status) { s.KeepAlives++ }) }
func (s *stats) refused()      { s.do(func(s *Status) { s.AuthFailures++ }) }
func (s *stats) sent()         { s.do(func(s *Status) { s.Packets++ }) }
func (s *stats) brokenRTCP()   { s.do(func(s *Status) { s.BrokenRTCP++ }) }

func (s *stats) sessionsOpen() (n int) {
	s.do(func(s *Status) { n = s.Sessions })
	return n
}

func (s *stats) requested(method string) {
	const most = 32 // methods, which clients can make up
	s.do(func(s *Status) {
		if s.Requests == nil {
			s.Requests = map[string]uint64{}
		}
		if _, known := s.Requests[method]; known || len(s.Requests) < most {
			s.Requests[method]++
		}
	})
}

func (s *stats) reported(r Report) {
	s.do(func(s *Status) {
		s.ReceiverReports++
		if s.Reports = append(s.Reports, r); len(s.Reports) > maxReports {
			s.Reports = slices.Delete(s.Reports, 0, len(s.Reports)-maxReports)
		}
	})
}
