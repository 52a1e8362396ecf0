package webrtc

import (
	"net"
	"net/netip"
	"time"

	"github.com/camgate/camgate/egress/burst"
)

// socketBuffer is what is asked of the kernel for the one socket that all viewers
// share: a few keyframes. It grants what its administrator allows.
const socketBuffer = 4 << 20

// socket is the UDP socket below the ICE mux. Media of all viewers goes straight
// to it, in bursts; the mux sees STUN, DTLS and what the viewers send.
type socket struct {
	*net.UDPConn
	bursts *burst.Socket
}

func newSocket(c *net.UDPConn, mode burst.Mode) (*socket, error) {
	_ = c.SetWriteBuffer(socketBuffer)
	_ = c.SetReadBuffer(socketBuffer)
	b, err := burst.NewSocket(c, mode)
	if err != nil {
		return nil, err
	}
	return &socket{c, b}, nil
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

// SetWriteDeadline does nothing: the mux sets it to end the writes of a viewer
// that leaves, and would end those of all others with it.
func (s *socket) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline sets the read deadline only, see SetWriteDeadline.
func (s *socket) SetDeadline(t time.Time) error { return s.SetReadDeadline(t) }
