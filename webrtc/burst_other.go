//go:build !linux

package webrtc

import "net/netip"

type burstSys struct{}

func (burstSys) init() {}

// probe finds out what the kernel can do.
func (s *socket) probe() sendMode { return sendPlain }

func (s *socket) sendBurst(b *burst, to netip.AddrPort) error { return s.sendEach(b, 0, to) }
