package webrtc

import (
	"context"
	"fmt"
	"log/slog"
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
	// addressAge is how long the machine's addresses are taken for true.
	addressAge     = 20 * time.Second
	resolveTimeout = 5 * time.Second
	// namesPatience is how long an offer waits for names that were never looked up.
	namesPatience = 2 * time.Second
)

// advertiser chooses the addresses at which viewers are told to reach the ports.
type advertiser struct {
	fixed    []netip.Addr // configured
	names    []*hostName  // configured
	loopback bool         // nothing but loopback
	log      *slog.Logger
	resolve  func(ctx context.Context, network, host string) ([]netip.Addr, error)
	resolved chan struct{} // closed when all names have been looked up once

	mu    sync.Mutex // guards what follows, and the names' addresses
	at    time.Time
	local []netip.Addr
}

// hostName is a configured name. What it meant once stays true until there is another
// answer: name servers fail more often than addresses change.
type hostName struct {
	name   string
	addrs  []netip.Addr
	failed bool // of run alone: the last look-up
}

func newAdvertiser(hosts []string, loopback bool, log *slog.Logger) *advertiser {
	a := &advertiser{loopback: loopback, log: log, resolve: net.DefaultResolver.LookupNetIP, resolved: make(chan struct{})}
	for _, host := range hosts {
		if ip, err := netip.ParseAddr(trimBrackets(host)); err == nil {
			a.fixed = append(a.fixed, ip)
		} else {
			a.names = append(a.names, &hostName{name: host})
		}
	}
	if len(a.names) == 0 {
		close(a.resolved)
	}
	return a
}

// run looks names up again and again until ctx ends.
func (a *advertiser) run(ctx context.Context, every time.Duration) {
	if len(a.names) == 0 {
		return
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for first := true; ; first = false {
		for _, n := range a.names {
			a.refresh(ctx, n)
		}
		if first {
			close(a.resolved)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// refresh looks a name up. The log is told when that begins to fail, when it works
// again, and when the answer is another one.
func (a *advertiser) refresh(ctx context.Context, n *hostName) {
	look, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	addrs, err := a.resolve(look, "ip", n.name)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		if !n.failed {
			a.log.Warn("a name of webrtc.public_hosts is not found: viewers elsewhere may not reach WebRTC", "host", n.name, "err", err)
		}
		n.failed = true
		return
	}
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	slices.SortFunc(addrs, netip.Addr.Compare) // servers shuffle them; IPv4 comes first
	a.mu.Lock()
	before := n.addrs
	n.addrs = addrs
	a.mu.Unlock()
	if n.failed || before != nil && !slices.Equal(before, addrs) {
		a.log.Info("a name of webrtc.public_hosts was found", "host", n.name, "addresses", addrs)
	}
	n.failed = false
}

// addresses returns them in order of preference. bound is the address that a
// socket listens on; when it is not a certain one, they are: the one at which the
// viewer reached us by HTTP, as we see it and as the viewer sees it (it differs
// behind a port forward), the configured ones, and those of the machine.
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
	add(extra...)
	add(local...)
	if bound.To4() != nil { // an IPv4 socket
		out = slices.DeleteFunc(out, netip.Addr.Is6)
	}
	return out
}

// lookup returns the machine's addresses and the configured ones.
func (a *advertiser) lookup(ctx context.Context) (local, extra []netip.Addr) {
	select {
	case <-a.resolved:
	case <-ctx.Done():
	case <-time.After(namesPatience):
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.at.IsZero() || time.Since(a.at) > addressAge {
		a.at, a.local = time.Now(), interfaceAddrs() // the kernel's answer, at once
	}
	extra = slices.Clone(a.fixed)
	for _, n := range a.names {
		extra = append(extra, n.addrs...)
	}
	return a.local, extra
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
