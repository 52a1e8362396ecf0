package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// Raw sockets and one epoll thread: no Go network poller, no goroutine per
// reader, so that the client stays cheap beside the server it measures.

func tcpDial(host string, port int) (int, error) {
	ip := net.ParseIP(host).To4()
	if host == "localhost" {
		ip = net.IPv4(127, 0, 0, 1).To4()
	}
	if ip == nil {
		return -1, fmt.Errorf("%q: need an IPv4 address", host)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	tv := unix.Timeval{Sec: 10}
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	err = unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte(ip)})
	if err == unix.EINTR { // the connection goes on being made: wait for it
		_, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 10000)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func udpSocket(rcvbuf int) (fd, port int, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, 0, err
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, rcvbuf)
	if err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		unix.Close(fd)
		return -1, 0, err
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return -1, 0, err
	}
	return fd, sa.(*unix.SockaddrInet4).Port, nil
}

// udpPair binds an even port and the next one, as RTSP over UDP asks.
func udpPair(rcvbuf int) (rtp, rtcp, port int, err error) {
	for range 200 {
		fd, p, err := udpSocket(rcvbuf)
		if err != nil {
			return -1, -1, 0, err
		}
		if p%2 == 0 {
			fd2, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
			if err == nil {
				if unix.Bind(fd2, &unix.SockaddrInet4{Port: p + 1, Addr: [4]byte{127, 0, 0, 1}}) == nil {
					return fd, fd2, p, nil
				}
				unix.Close(fd2)
			}
		}
		unix.Close(fd)
	}
	return -1, -1, 0, errors.New("no even UDP port free")
}

// flow counts one reader's RTP packets.
type flow struct {
	packets, bytes, lost, reordered uint64
	seq                             uint16
	begun                           bool
}

func (f *flow) add(h []byte) {
	if len(h) < 12 {
		return
	}
	f.packets++
	f.bytes += uint64(len(h))
	s := binary.BigEndian.Uint16(h[2:])
	if f.begun {
		switch d := s - f.seq; {
		case d == 1:
		case d != 0 && d < 0x8000:
			f.lost += uint64(d - 1)
		default:
			f.reordered++
			if f.lost > 0 && d != 0 {
				f.lost--
			}
			return
		}
	}
	f.seq, f.begun = s, true
}

func (f *flow) reset() { f.packets, f.bytes, f.lost, f.reordered = 0, 0, 0, 0 }
