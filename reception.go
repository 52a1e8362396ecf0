package camgate

import (
	"net/netip"
	"time"
)

// Reception is what a viewer says of its network.
type Reception struct {
	Lost    float64   // share of the packets that did not arrive, or delays as bad, 0 to 1, since the report before
	Carries float64   // bit/s that get through while more is sent than its network carries; 0: not known
	At      time.Time // when it was said
}

// Report notes what a viewer says of its network: what share of the packets were lost on the
// way to it, or what its delays amount to, and what its network carries; see Reception.
func (r *Reader) Report(lost, carries float64) {
	r.reception.Store(&Reception{Lost: min(max(lost, 0), 1), Carries: carries, At: time.Now()})
}

// Receptions returns what viewers said last, if that was after since. Those who say
// nothing, as nothing gets lost on their way, are not in it.
func (s *Stream) Receptions(since time.Time) []Reception {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Reception
	for _, readers := range []map[*Reader]struct{}{s.readers, s.guests} {
		for r := range readers {
			if of := r.reception.Load(); of != nil && of.At.After(since) {
				out = append(out, *of)
			}
		}
	}
	return out
}

// Path is the way on which a viewer is reached.
type Path struct {
	Protocol string         // "udp" or "tcp"
	Remote   netip.AddrPort // where it is sent to
	Relayed  bool           // that is a relay's address (TURN), not the viewer's own
	RTT      time.Duration  // there and back, as measured last; 0: not known
}

// Family is the kind of the viewer's address: "ipv4" or "ipv6".
func (p Path) Family() string {
	if p.Remote.Addr().Unmap().Is4() {
		return "ipv4"
	}
	return "ipv6"
}

// Choice is which rendition of a stream a viewer is sent.
type Choice struct {
	Asked, Rendition string // names of streams: what it asked for, and what it is sent
	Estimate         int    // bit/s that its network carries, or at least does; 0: not known
	Changes          int    // so far
}

// Chose notes the choice, for Info.
func (r *Reader) Chose(c Choice) { r.choice.Store(&c) }

// Follow notes the path to the viewer, for Info.
func (r *Reader) Follow(p Path) { r.path.Store(&p) }
