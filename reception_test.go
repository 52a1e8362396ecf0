package camgate

import (
	"testing"
	"time"
)

func TestReceptions(t *testing.T) {
	s := newStream("test", StreamLimits{})
	if _, err := s.Start([]*Track{rawTrack()}); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	var readers []*Reader
	for range 3 {
		r, err := s.Subscribe(t.Context(), SubscribeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		readers = append(readers, r)
	}
	readers[0].Report(0.1, 0)
	readers[0].Report(0.25, 0)
	readers[1].Report(7, 0)
	lost := 0.0
	for _, of := range s.Receptions(begin.Add(-time.Second)) {
		lost += of.Lost
	}
	if lost != 1.25 {
		t.Errorf("lost %v in all", lost)
	}
	if got := s.Receptions(time.Now().Add(time.Second)); len(got) != 0 {
		t.Errorf("from the future: %v", got)
	}
	readers[1].Close()
	if got := s.Receptions(begin.Add(-time.Second)); len(got) != 1 || got[0].Lost != 0.25 {
		t.Errorf("%v", got)
	}
	readers[0].Close()
	readers[2].Close()
}
