package webrtc

import (
	"net/netip"

	"github.com/camgate/camgate/egress/burst"
)

// socketBuffer is what is asked of the kernel for the one socket that all viewers
// share: a few keyframes. It grants what its administrator allows.
const socketBuffer = 4 << 20

// socket is the UDP socket below the ICE mux. Media of all viewers goes straight
// to it, in bursts; the mux sees STUN, DTLS and what the viewers send. It has no
// deadlines: the mux sets that for writes to end those of a viewer who leaves, and
// would end those of all others with it.
type socket struct{ *burst.Socket }

func newSocket(address string, mode burst.Mode) (*socket, error) {
	s, err := burst.Listen("udp", address, mode)
	if err != nil {
		return nil, err
	}
	_ = s.SetWriteBuffer(socketBuffer)
	_ = s.SetReadBuffer(socketBuffer)
	return &socket{s}, nil
}

// ReadFromAddrPort and WriteToAddrPort spare the mux an allocation for each
// datagram.
func (s *socket) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	return s.ReadFromUDPAddrPort(b)
}

// WriteToAddrPort sends one datagram.
func (s *socket) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return s.WriteToUDPAddrPort(b, to)
}
