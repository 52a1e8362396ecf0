//go:build !linux || !(amd64 || arm64 || arm)

package burst

import (
	"fmt"
	"net"
	"net/netip"
	"time"
)

// Socket is a UDP socket. It is a net.PacketConn without deadlines: only Close ends
// a read.
type Socket struct{ *net.UDPConn }

// Listen opens a socket; network and address are as for net.ListenPacket. Each
// datagram has its own system call here, whatever the mode.
func Listen(network, address string, _ Mode) (*Socket, error) {
	pc, err := net.ListenPacket(network, address)
	if err != nil {
		return nil, err
	}
	conn, ok := pc.(*net.UDPConn)
	if !ok {
		pc.Close()
		return nil, fmt.Errorf("burst: %s is not UDP", network)
	}
	return &Socket{conn}, nil
}

// Mode returns how datagrams are sent.
func (s *Socket) Mode() Mode { return Plain }

// SetDeadline does nothing: the socket is shared, and a deadline that is meant for
// one would hit all.
func (s *Socket) SetDeadline(time.Time) error { return nil }

// SetReadDeadline see SetDeadline.
func (s *Socket) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline see SetDeadline.
func (s *Socket) SetWriteDeadline(time.Time) error { return nil }

type system struct{}

func (w *Writer) sendMany(to netip.AddrPort, packets [][]byte, _ bool) error {
	return w.sendEach(to, packets)
}

func probe() Mode { return Plain }
