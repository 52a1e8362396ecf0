package webrtc

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/ice/v4"
)

func TestAddresses(t *testing.T) {
	any6, any4, lan := net.IPv6zero, net.IPv4zero, net.IPv4(192, 0, 2, 7)
	machine := []netip.Addr{netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7"), netip.MustParseAddr("fe80::1")}
	cases := []struct {
		name     string
		hosts    []string
		loopback bool
		bound    net.IP
		local    string // where the request came in
		host     string // as the viewer sees it
		want     string
	}{
		{"all", nil, false, any6, "192.0.2.7:8889", "192.0.2.7:8889", "192.0.2.7 2001:db8::7"},
		{"the way it came first", nil, false, any6, "[2001:db8::7]:8889", "[2001:db8::7]:8889", "2001:db8::7 192.0.2.7"},
		{"mapped", nil, false, any6, "[::ffff:192.0.2.7]:8889", "cam.example", "192.0.2.7 2001:db8::7"},
		{"this machine", nil, false, any6, "127.0.0.1:8889", "localhost:8889", "127.0.0.1 192.0.2.7 2001:db8::7"},
		{"IPv4 only", nil, false, any4, "192.0.2.7:8889", "cam.example", "192.0.2.7"},
		{"port forward", nil, false, any4, "172.17.0.2:8889", "198.51.100.4:8889", "172.17.0.2 198.51.100.4 192.0.2.7"},
		{"configured", []string{"203.0.113.9"}, false, any4, "192.0.2.7:8889", "cam.example", "192.0.2.7 203.0.113.9"},
		{"one address", []string{"203.0.113.9"}, false, lan, "127.0.0.1:8889", "localhost", "192.0.2.7 203.0.113.9"},
		{"loopback only", []string{"203.0.113.9"}, true, net.IPv4(127, 0, 0, 1), "127.0.0.1:8889", "192.0.2.7", "127.0.0.1"},
		{"rubbish", nil, false, any6, "192.0.2.7:8889", "0.0.0.0:1", "192.0.2.7 2001:db8::7"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := advertiser{hosts: c.hosts, loopback: c.loopback, at: time.Now(), local: machine}
			for _, h := range c.hosts {
				a.extra = append(a.extra, netip.MustParseAddr(h))
			}
			addr := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.local))
			r, err := http.NewRequestWithContext(context.WithValue(context.Background(), http.LocalAddrContextKey, addr), "POST", "http://x/", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = c.host
			var got []string
			for _, ip := range a.addresses(r, c.bound) {
				got = append(got, ip.String())
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("%s, want %s", s, c.want)
			}
		})
	}
}

func TestLookup(t *testing.T) {
	a := advertiser{hosts: []string{"192.0.2.1", "localhost", "no.such.host.invalid"}}
	local, extra := a.lookup(context.Background())
	if slices.ContainsFunc(local, netip.Addr.IsLoopback) {
		t.Errorf("the machine's addresses are %v", local)
	}
	if len(extra) < 2 || extra[0].String() != "192.0.2.1" {
		t.Errorf("the configured ones are %v", extra)
	}
}

// The lines are what another implementation takes for candidates, UDP first.
func TestCandidateLines(t *testing.T) {
	var last uint32 = 1<<32 - 1
	for i, c := range []struct{ network, ip string }{{"udp", "192.0.2.1"}, {"udp", "2001:db8::1"}, {"tcp", "192.0.2.1"}} {
		line := candidateLine(c.network, netip.MustParseAddr(c.ip), 8189, i)
		got, err := ice.UnmarshalCandidate(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if got.Address() != c.ip || got.Port() != 8189 || got.Type() != ice.CandidateTypeHost || got.NetworkType().IsTCP() != (c.network == "tcp") {
			t.Errorf("%s is read as %v", line, got)
		}
		if got.Priority() >= last {
			t.Errorf("%s is preferred to the one before", line)
		}
		last = got.Priority()
	}
}
