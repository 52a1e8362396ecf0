package webrtc

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/pion/rtcp"
	pion "github.com/pion/webrtc/v4"

	"github.com/camgate/camgate"
)

// note takes what a viewer says of its candidates.
func (s *session) note(candidates []string) {
	g := &s.signalling
	g.mu.Lock()
	g.claims.add(candidates)
	g.mu.Unlock()
	s.tellPath()
}

// way describes the path of media; ok is false before there is one.
func (s *session) way() (way camgate.Path, ok bool) {
	p := s.transport.path.Load()
	if p == nil {
		return way, false
	}
	way = camgate.Path{Protocol: "tcp", Remote: plain(p.remote), RTT: time.Duration(s.transport.rtt.Load())}
	if p.udp {
		way.Protocol = "udp"
	}
	s.signalling.mu.Lock()
	defer s.signalling.mu.Unlock()
	way.Relayed = s.signalling.claims.relayed(p.remote)
	return way, true
}

// tellPath lets the stream's readers tell of it.
func (s *session) tellPath() {
	if r := s.reader.Load(); r != nil {
		if way, ok := s.way(); ok {
			r.Follow(way)
		}
	}
}

// follow tells that another path was selected.
func (s *session) follow() {
	s.transport.mu.Lock()
	if s.flight != nil {
		s.flight.moved()
	}
	s.transport.mu.Unlock()
	s.tellPath()
	if way, ok := s.way(); ok && s.joined.Load() {
		s.server.log.With("stream", s.stream.Name(), "remote", way.Remote.String()).Info("reader moved", pathAttrs(way)...)
	}
}

// pathAttrs are what the log tells of a path.
func pathAttrs(p camgate.Path) []any {
	name := p.Protocol + " " + p.Family()
	if p.Relayed {
		name += " by a relay"
	}
	out := []any{slog.String("path", name)}
	if p.RTT > 0 {
		out = append(out, slog.Duration("rtt", p.RTT.Round(100*time.Microsecond)))
	}
	return out
}

// measure takes the round trip that the connectivity checks measured.
func (t *transport) measure() {
	if st, ok := t.ice().GetSelectedCandidatePairStats(); ok && st.CurrentRoundTripTime > 0 {
		t.rtt.Store(int64(st.CurrentRoundTripTime * float64(time.Second)))
	}
}

// roundTrip is what a report says of the way there and back (RFC 3550 section
// 6.4.1); 0: nothing. It comes with media, so it knows of queues.
func roundTrip(b rtcp.ReceptionReport, now time.Time) time.Duration {
	if b.LastSenderReport == 0 {
		return 0
	}
	d := int32(uint32(ntpTime(now)>>16) - b.LastSenderReport - b.Delay)
	if d <= 0 { // clocks of a viewer are only as good as they are
		return 0
	}
	return time.Duration(d) * time.Second >> 16
}

func address(ip string, port uint16) netip.AddrPort {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(addr, port)
}

func newPath(pair *pion.ICECandidatePair) *path {
	return &path{pair.Local.Protocol == pion.ICEProtocolUDP, address(pair.Remote.Address, pair.Remote.Port), time.Now()}
}
