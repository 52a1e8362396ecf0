package webrtc

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// TestReported has a viewer tell of losses and of how long the way is.
func TestReported(t *testing.T) {
	s := &session{}
	for i, tt := range []struct {
		lost uint8 // of 256
		trip time.Duration
		want float64
	}{
		{0, 40 * time.Millisecond, 0},
		{0, 300 * time.Millisecond, 0}, // wireless networks do that
		{0, 350 * time.Millisecond, 0.05},
		{64, 350 * time.Millisecond, 0.25},
		{0, 900 * time.Millisecond, 0.1},
		{2, 900 * time.Millisecond, 0.1},
		{128, 900 * time.Millisecond, 0.5},
		{128, 0, 0.5}, // not measured
		{0, 0, 0},
	} {
		for range 2 { // the same report for another track
			report := rtcp.ReceptionReport{FractionLost: tt.lost, LastSequenceNumber: uint32(100 + i)}
			s.reported(report, tt.trip)
			if got := s.toll(); got != tt.want {
				t.Errorf("%d/256 lost, %v there and back, the shortest %v: %v, want %v", tt.lost, tt.trip, s.reports.shortest, got, tt.want)
			}
		}
	}
}

// TestTollOfQueues: what tells of each packet's arrival sees a queue that reports do not.
func TestTollOfQueues(t *testing.T) {
	for queue, want := range map[time.Duration]float64{0: 0.02, 80 * time.Millisecond: 0.02, 81 * time.Millisecond: 0.05, 301 * time.Millisecond: 0.1} {
		s := &session{told: verdict{lost: 0.02}, flight: newEstimator(time.Now())}
		s.flight.verdict.queue = queue
		if got := s.toll(); got != want {
			t.Errorf("a queue of %v: %v, want %v", queue, got, want)
		}
	}
}
