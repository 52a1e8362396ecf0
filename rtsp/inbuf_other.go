//go:build !linux

package rtsp

import "net"

// newSocketBuf is for systems on which we know how to read without waiting.
func newSocketBuf(net.Conn, *inbufPool) inbuf { return nil }
