package mjpeg

import (
	"net"
	"syscall"
)

// limitUnsent bounds what the system keeps for a connection beyond what is on its
// way: a Write waits until there is no more than that (tcp(7), TCP_NOTSENT_LOWAT).
func limitUnsent(conn net.Conn, bytes int) {
	const tcpNotSentLowAt = 25
	if tls, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = tls.NetConn()
	}
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotSentLowAt, bytes)
	})
}
