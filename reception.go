package camgate

import "time"

// Reception is what a viewer says of its network.
type Reception struct {
	Lost float64   // share of the packets that did not arrive, 0 to 1, since the report before
	At   time.Time // when it was said
}

// Report notes what share of the packets a viewer says were lost on the way to it.
func (r *Reader) Report(lost float64) {
	r.reception.Store(&Reception{Lost: min(max(lost, 0), 1), At: time.Now()})
}

// Receptions returns what viewers said last, if that was after since. Those who say
// nothing, as nothing gets lost on their way, are not in it.
func (s *Stream) Receptions(since time.Time) []Reception {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Reception
	for r := range s.readers {
		if of := r.reception.Load(); of != nil && of.At.After(since) {
			out = append(out, *of)
		}
	}
	return out
}
