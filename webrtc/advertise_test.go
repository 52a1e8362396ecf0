package webrtc

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
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
			a := newAdvertiser(c.hosts, c.loopback, slog.New(slog.DiscardHandler))
			a.at, a.local = time.Now(), machine
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

// Names are looked up again and again; what they meant stays true while they are not
// found, and the log tells of it once.
func TestPublicHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		a := newAdvertiser([]string{"192.0.2.1", "cam.example", "[2001:db8::1]"}, false, slog.New(slog.NewTextHandler(&log, nil)))
		answers := [][]netip.Addr{
			nil,
			{netip.MustParseAddr("2001:db8::9"), netip.MustParseAddr("203.0.113.1")},
			nil, nil,
			{netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("2001:db8::9")},
			{netip.MustParseAddr("203.0.113.2")},
		}
		want := []string{"", "203.0.113.1 2001:db8::9", "203.0.113.1 2001:db8::9", "203.0.113.1 2001:db8::9", "203.0.113.1 2001:db8::9", "203.0.113.2"}
		asked := 0
		a.resolve = func(_ context.Context, _, host string) ([]netip.Addr, error) {
			if host != "cam.example" {
				t.Errorf("%s is looked up", host)
			}
			asked++
			if addrs := answers[asked-1]; addrs != nil {
				return addrs, nil
			}
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { a.run(ctx, time.Minute) })
		for i, w := range want {
			synctest.Wait()
			local, extra := a.lookup(ctx)
			if slices.ContainsFunc(local, netip.Addr.IsLoopback) {
				t.Errorf("the machine's addresses are %v", local)
			}
			got := fmt.Sprint(extra)
			if w := strings.Join(strings.Fields("[192.0.2.1 2001:db8::1 "+w+"]"), " "); got != strings.ReplaceAll(w, " ]", "]") {
				t.Errorf("after look-up %d: %s, want %s", i+1, got, w)
			}
			if i+1 < len(want) {
				time.Sleep(time.Minute)
			}
		}
		cancel()
		running.Wait()
		if n := strings.Count(log.String(), "is not found"); n != 2 { // at first, and later
			t.Errorf("%d warnings in\n%s", n, &log)
		}
		if n := strings.Count(log.String(), "was found"); n != 3 { // twice again, once another one
			t.Errorf("%d good news in\n%s", n, &log)
		}
	})
}

// Before a name was looked up once, offers wait for it, but not for ever.
func TestPublicHostsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAdvertiser([]string{"cam.example", "192.0.2.1"}, false, slog.New(slog.DiscardHandler))
		began := time.Now()
		if _, extra := a.lookup(t.Context()); len(extra) != 1 {
			t.Errorf("configured %v", extra)
		}
		if d := time.Since(began); d != namesPatience {
			t.Errorf("it took %v", d)
		}
	})
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
