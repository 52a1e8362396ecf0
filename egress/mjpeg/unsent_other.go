//go:build !linux

package mjpeg

import "net"

// limitUnsent: the system decides.
func limitUnsent(net.Conn, int) {}
