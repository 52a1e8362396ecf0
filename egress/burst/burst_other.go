//go:build !linux || !(amd64 || arm64 || arm)

package burst

import "net/netip"

type system struct{}

func probe() Mode { return Plain }

func (w *Writer) sendMany(to netip.AddrPort, packets [][]byte, _ bool) error {
	return w.sendEach(to, packets)
}
