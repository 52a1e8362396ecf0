package fakecam

import (
	"encoding/binary"
	"errors"
	"net"
	"time"
)

// outlet is how the packets of a track travel.
type outlet interface {
	writeRTP(b []byte) error
	writeRTCP(b []byte) error
	name() string
	close()
}

// interleaved is RTP within the RTSP connection (RFC 2326, 10.12).
type interleaved struct {
	conn      *conn
	rtp, rtcp byte
}

func (i *interleaved) writeRTP(b []byte) error  { return i.conn.write(framed(i.rtp, b)) }
func (i *interleaved) writeRTCP(b []byte) error { return i.conn.write(framed(i.rtcp, b)) }
func (i *interleaved) name() string             { return "tcp" }
func (i *interleaved) close()                   {}

func framed(channel byte, b []byte) []byte {
	out := binary.BigEndian.AppendUint16([]byte{'$', channel}, uint16(len(b)))
	return append(out, b...)
}

// datagrams is RTP over UDP to one client.
type datagrams struct {
	rtp, rtcp   *net.UDPConn
	media, ctrl *net.UDPAddr
}

// openDatagrams takes a pair of ports, the first one even (RFC 3550, 11), on the
// address that the client is connected to.
func openDatagrams(raw net.Conn, media, ctrl int) (*datagrams, error) {
	local, ok := raw.LocalAddr().(*net.TCPAddr)
	remote, ok2 := raw.RemoteAddr().(*net.TCPAddr)
	if !ok || !ok2 {
		return nil, errors.New("no address")
	}
	const tries = 50
	for range tries {
		a, err := net.ListenUDP("udp", &net.UDPAddr{IP: local.IP, Zone: local.Zone})
		if err != nil {
			return nil, err
		}
		port := a.LocalAddr().(*net.UDPAddr).Port
		if port%2 == 1 || port == 65535 {
			a.Close()
			continue
		}
		b, err := net.ListenUDP("udp", &net.UDPAddr{IP: local.IP, Zone: local.Zone, Port: port + 1})
		if err != nil {
			a.Close()
			continue
		}
		return &datagrams{
			rtp: a, rtcp: b,
			media: &net.UDPAddr{IP: remote.IP, Zone: remote.Zone, Port: media},
			ctrl:  &net.UDPAddr{IP: remote.IP, Zone: remote.Zone, Port: ctrl},
		}, nil
	}
	return nil, errors.New("found no pair of free ports")
}

// A datagram that cannot be sent is a lost one.
func (d *datagrams) writeRTP(b []byte) error {
	_, _ = d.rtp.WriteToUDP(b, d.media)
	return nil
}

func (d *datagrams) writeRTCP(b []byte) error {
	_, _ = d.rtcp.WriteToUDP(b, d.ctrl)
	return nil
}

func (d *datagrams) name() string { return "udp" }

func (d *datagrams) close() {
	d.rtp.Close()
	d.rtcp.Close()
}

// receive hands over what the client reports until the ports are closed.
func (d *datagrams) receive(take func(data []byte)) { d.receiveOn(d.rtcp, take) }

func (d *datagrams) receiveOn(conn *net.UDPConn, take func(data []byte)) {
	buffer := make([]byte, 2048)
	for {
		n, from, err := conn.ReadFromUDP(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // such as a refused port, told by ICMP
			time.Sleep(time.Millisecond)
			continue
		}
		if from.IP.Equal(d.ctrl.IP) {
			take(buffer[:n])
		}
	}
}
