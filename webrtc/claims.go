package webrtc

import (
	"net/netip"
	"strconv"
	"strings"
)

// maxCandidates bounds the candidates of a viewer that are remembered.
const maxCandidates = 64

// claims are what a viewer says of its own addresses: what is behind each, "host",
// "srflx" or "relay" (RFC 8839 section 5.1). The gateway sends to none of them before
// a check came from there, and has but one use for them: to tell people that a viewer
// comes by a relay.
type claims map[netip.AddrPort]string

// add notes the values of candidate attributes. What makes no sense, or is a name
// (draft-ietf-mmusic-mdns-ice-candidates), tells nothing.
func (c claims) add(values []string) {
	for _, v := range values {
		if len(c) == maxCandidates {
			return
		}
		f := strings.Fields(v)
		if len(f) < 8 || f[6] != "typ" {
			continue
		}
		ip, err := netip.ParseAddr(f[4])
		port, portErr := strconv.ParseUint(f[5], 10, 16)
		if err == nil && portErr == nil {
			c[plain(netip.AddrPortFrom(ip, uint16(port)))] = f[7]
		}
	}
}

// relayed reports whether an address is one of a TURN server.
func (c claims) relayed(a netip.AddrPort) bool { return c[plain(a)] == "relay" }
