package webrtc

import (
	"net"

	"github.com/pion/ice/v4"

	"github.com/camgate/camgate/egress/burst"
)

// ports are the two sockets that all sessions share, and the ICE muxes on them.
type ports struct {
	udp     *socket
	udpMux  ice.UDPMux
	udpAddr *net.UDPAddr // nil: no UDP
	tcp     *tcpListener
	tcpMux  ice.TCPMux
	tcpAddr *net.TCPAddr // nil: no TCP
}

// listen binds the sockets. The muxes start to read at once.
func listen(opts Options, logs libraryLog) (_ *ports, err error) {
	p := &ports{}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if opts.UDPAddress != "" {
		address := bindAddress(opts.UDPAddress, opts.LoopbackOnly)
		if p.udp, err = newSocket(address, opts.burstMode); err != nil {
			return nil, bindError("UDP", address, err)
		}
		p.udpAddr = p.udp.LocalAddr().(*net.UDPAddr)
		p.udpMux = udpMux{
			UDPMuxDefault: ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: p.udp, Logger: logs.NewLogger("ice")}),
			addrs:         stand(p.udpAddr),
		}
	}
	if opts.TCPAddress != "" {
		address := bindAddress(opts.TCPAddress, opts.LoopbackOnly)
		l, err := net.Listen("tcp", address)
		if err != nil {
			return nil, bindError("TCP", address, err)
		}
		p.tcpAddr = l.Addr().(*net.TCPAddr)
		p.tcp = newTCPListener(l, opts.MaxSessions, opts.ReaderTimeout)
		p.tcpMux = ice.NewTCPMuxDefault(ice.TCPMuxParams{
			Listener:             p.tcp,
			Logger:               logs.NewLogger("ice-tcp"),
			ReadBufferSize:       16,
			FirstStunBindTimeout: connectTimeout,
		})
	}
	return p, nil
}

// bursts is the socket that media is sent from; nil: there is no UDP.
func (p *ports) bursts() *burst.Socket {
	if p.udp == nil {
		return nil
	}
	return p.udp.Socket
}

func (p *ports) close() {
	if p.udpMux != nil {
		_ = p.udpMux.Close()
	}
	if p.tcpMux != nil {
		p.tcp.closeAll() // the mux waits for those that have not said who they are
		_ = p.tcpMux.Close()
	}
}

// bindAddress is the address to bind to.
func bindAddress(address string, loopback bool) string {
	if !loopback {
		return address
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return address
	}
	return net.JoinHostPort("127.0.0.1", port)
}

// udpMux shows ICE agents one address of each family instead of one for each
// network interface: they would have a goroutine and a buffer for each, and all
// of them lead to the same socket. What is advertised is chosen elsewhere.
type udpMux struct {
	*ice.UDPMuxDefault
	addrs []net.Addr
}

func (m udpMux) GetListenAddresses() []net.Addr { return m.addrs }

// stand returns the addresses that stand for a socket.
func stand(a *net.UDPAddr) []net.Addr {
	if !a.IP.IsUnspecified() {
		return []net.Addr{a}
	}
	out := []net.Addr{&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1).To4(), Port: a.Port}}
	if a.IP.To4() == nil {
		out = append(out, &net.UDPAddr{IP: net.IPv6loopback, Port: a.Port})
	}
	return out
}
