package webrtc

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// maxAddresses bounds what is advertised: each is a check for the viewer.
	maxAddresses = 12
	// addressAge is how long the machine's addresses and those of configured names
	// are taken for true.
	addressAge     = 20 * time.Second
	resolveTimeout = 2 * time.Second
)

// advertiser chooses the addresses at which viewers are told to reach the ports.
type advertiser struct {
	hosts    []string // configured: addresses and names
	loopback bool     // nothing but loopback

	mu    sync.Mutex
	at    time.Time
	local []netip.Addr
	extra []netip.Addr
}

// addresses returns them in order of preference. bound is the address that a
// socket listens on; when it is not a certain one, they are: the one at which the
// viewer reached us by HTTP, as we see it and as the viewer sees it (it differs
// behind a port forward), those of the machine, and the configured ones.
func (a *advertiser) addresses(r *http.Request, bound net.IP) []netip.Addr {
	var out []netip.Addr
	add := func(addrs ...netip.Addr) {
		for _, ip := range addrs {
			ip = ip.Unmap().WithZone("")
			switch {
			case !ip.IsValid(), ip.IsUnspecified(), ip.IsMulticast(), ip.IsLinkLocalUnicast(),
				a.loopback && !ip.IsLoopback(), slices.Contains(out, ip), len(out) == maxAddresses:
			default:
				out = append(out, ip)
			}
		}
	}
	local, extra := a.lookup(r.Context())
	if ip, ok := netip.AddrFromSlice(bound); ok && !ip.Unmap().IsUnspecified() {
		add(ip)
		add(extra...)
		return out
	}
	seen := localAddr(r)
	add(seen, hostAddr(r.Host))
	add(local...)
	add(extra...)
	if bound.To4() != nil { // an IPv4 socket
		out = slices.DeleteFunc(out, netip.Addr.Is6)
	}
	return out
}

// lookup returns the machine's addresses and the configured ones.
func (a *advertiser) lookup(ctx context.Context) (local, extra []netip.Addr) {
	a.mu.Lock()
	at, local, extra := a.at, a.local, a.extra
	a.mu.Unlock()
	if !at.IsZero() && time.Since(at) < addressAge {
		return local, extra
	}
	local, extra = interfaceAddrs(), nil
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	for _, host := range a.hosts {
		if ip, err := netip.ParseAddr(host); err == nil {
			extra = append(extra, ip)
		} else if ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host); err == nil {
			extra = append(extra, ips...)
		}
	}
	a.mu.Lock()
	a.at, a.local, a.extra = time.Now(), local, extra
	a.mu.Unlock()
	return local, extra
}

func interfaceAddrs() []netip.Addr {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok && !ip.Unmap().IsLoopback() {
				out = append(out, ip.Unmap())
			}
		}
	}
	// IPv4 first: it is what works everywhere.
	slices.SortStableFunc(out, func(x, y netip.Addr) int { return x.BitLen() - y.BitLen() })
	return out
}

// localAddr is the address at which the request arrived.
func localAddr(r *http.Request) netip.Addr {
	addr, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if addr == nil {
		return netip.Addr{}
	}
	ap, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr()
}

// hostAddr is the address in a Host header; a name is not looked up, but for the
// one that always means the same.
func hostAddr(host string) netip.Addr {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if host == "localhost" {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	ip, err := netip.ParseAddr(trimBrackets(host))
	if err != nil {
		return netip.Addr{}
	}
	return ip
}

func trimBrackets(s string) string {
	if len(s) > 1 && s[0] == '[' && s[len(s)-1] == ']' {
		return s[1 : len(s)-1]
	}
	return s
}

// Type preferences of candidates (RFC 8445 section 5.1.2.2): UDP before TCP.
const (
	preferUDP = 126
	preferTCP = 90
)

// candidateLine is the value of one host candidate's attribute (RFC 8839 section 5.1, RFC 6544 section
// 4.5). index is the place in the order of preference.
func candidateLine(network string, ip netip.Addr, port, index int) string {
	preference, tail := preferUDP, ""
	if network == "tcp" {
		preference, tail = preferTCP, " tcptype passive"
	}
	priority := preference<<24 | (65535-index)<<8 | 255
	return fmt.Sprintf("%s%d 1 %s %d %s %d typ host%s", network[:1], index+1, network, priority, ip, port, tail)
}
