package onvif

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/ipv4"
)

// WS-Discovery (2005/04, sections 2.4 and 3.1).
const (
	discoveryPort = 3702
	spaceProbe    = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
	spaceAddress  = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
	maxDatagram   = 64 << 10
	maxDevices    = 1024
)

// A probe is repeated, as datagrams get lost and cameras are slow.
var rounds = [...]time.Duration{0, 300 * time.Millisecond, time.Second}

// Device is what answered a probe.
type Device struct {
	Name      string   `json:"name"`
	Hardware  string   `json:"hardware"`
	Location  string   `json:"location,omitempty"`
	Address   string   `json:"address"` // where the answer came from
	Interface string   `json:"interface"`
	XAddrs    []string `json:"xaddrs"`
	// Source is what to write into a config, with USER and PASSWORD to be filled in. It is
	// empty when the camera has no address that can stand there.
	Source string `json:"source"`

	id string
}

// DiscoverOptions say where to look.
type DiscoverOptions struct {
	Interface string        // default: all that are up and have multicast
	Timeout   time.Duration // default 3 s
	Port      int           // for tests; default 3702
}

// Discover asks the network for cameras, by IPv4 and IPv6, and returns those that
// answered in time, in the order of their addresses. It also returns the interfaces
// that it asked on.
func Discover(ctx context.Context, o DiscoverOptions) (found []Device, asked []string, err error) {
	if o.Timeout <= 0 {
		o.Timeout = 3 * time.Second
	}
	if o.Port == 0 {
		o.Port = discoveryPort
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	probes, err := openProbes(o)
	if err != nil {
		return nil, nil, err
	}
	var (
		all  sync.WaitGroup
		mu   sync.Mutex
		byID = map[string]Device{}
	)
	stop := context.AfterFunc(ctx, func() {
		for _, p := range probes {
			_ = p.conn.SetReadDeadline(time.Now()) // ends receive
		}
	})
	defer stop()
	for _, p := range probes {
		asked = append(asked, p.name)
		all.Go(func() {
			p.receive(func(d Device) {
				mu.Lock()
				defer mu.Unlock()
				if known, ok := byID[d.id]; len(byID) < maxDevices && (!ok || known.Source == "" && d.Source != "") {
					byID[d.id] = d
				}
			})
		})
	}
	err = send(ctx, probes)
	if err != nil {
		cancel()
	}
	all.Wait()
	for _, p := range probes {
		p.conn.Close()
	}
	for _, d := range byID {
		found = append(found, d)
	}
	slices.SortFunc(found, func(a, b Device) int {
		left, _ := netip.ParseAddr(a.Address)
		right, _ := netip.ParseAddr(b.Address)
		return cmp.Or(left.Compare(right), strings.Compare(a.id, b.id))
	})
	return found, slices.Compact(asked), err
}

// probe is a socket that asks on one address of an interface.
type probe struct {
	name string // of the interface
	conn *net.UDPConn
	to   *net.UDPAddr
}

// openProbes makes a socket for each address: answers come back to it.
func openProbes(o DiscoverOptions) (list []probe, err error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var problems []error
	for _, i := range interfaces {
		if o.Interface != "" && i.Name != o.Interface || o.Interface == "" && i.Flags&(net.FlagMulticast|net.FlagLoopback) != net.FlagMulticast || i.Flags&net.FlagUp == 0 {
			continue
		}
		addresses, err := i.Addrs()
		if err != nil {
			return nil, err
		}
		for _, a := range addresses {
			prefix, err := netip.ParsePrefix(a.String())
			if err != nil || prefix.Addr().Is6() && !prefix.Addr().IsLinkLocalUnicast() {
				continue
			}
			p, err := openProbe(i, prefix.Addr(), o.Port)
			if err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", i.Name, err))
				continue
			}
			list = append(list, p)
		}
	}
	switch {
	case len(list) > 0:
		return list, nil
	case len(problems) > 0:
		return nil, errors.Join(problems...)
	case o.Interface != "":
		return nil, fmt.Errorf("there is no interface %q that is up and has an address", o.Interface)
	}
	return nil, errors.New("there is no interface that is up and has multicast: name one")
}

func openProbe(i net.Interface, from netip.Addr, port int) (probe, error) {
	if from.Is6() {
		conn, err := net.ListenUDP("udp6", &net.UDPAddr{IP: from.AsSlice(), Zone: i.Name})
		return probe{i.Name, conn, &net.UDPAddr{IP: net.ParseIP("ff02::c"), Port: port, Zone: i.Name}}, err
	}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: from.AsSlice()})
	if err != nil {
		return probe{}, err
	}
	if err := ipv4.NewPacketConn(conn).SetMulticastInterface(&i); err != nil {
		conn.Close()
		return probe{}, err
	}
	return probe{i.Name, conn, &net.UDPAddr{IP: net.IPv4(239, 255, 255, 250), Port: port}}, nil
}

// send asks on all sockets until ctx ends, and fails when none of them can.
func send(ctx context.Context, probes []probe) error {
	began := time.Now()
	sent := false
	var last error
	for _, at := range rounds {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Until(began.Add(at))):
		}
		for _, p := range probes {
			for _, kind := range [...][2]string{{"dn:NetworkVideoTransmitter", "http://www.onvif.org/ver10/network/wsdl"}, {"dn:Device", spaceDevice}} {
				if _, err := p.conn.WriteTo([]byte(probeMessage(kind[0], kind[1])), p.to); err != nil {
					last = fmt.Errorf("%s: %w", p.name, err)
					continue
				}
				sent = true
			}
		}
	}
	if !sent {
		return last
	}
	return nil
}

func probeMessage(kind, space string) string {
	var id [16]byte
	_, _ = rand.Read(id[:])                  // never fails
	id[6], id[8] = id[6]&15|64, id[8]&63|128 // version 4 (RFC 9562 section 5.4)
	return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="%s" xmlns:a="%s"><s:Header>`+
		`<a:Action s:mustUnderstand="1">%s/Probe</a:Action><a:MessageID>urn:uuid:%x-%x-%x-%x-%x</a:MessageID>`+
		`<a:ReplyTo><a:Address>%s/role/anonymous</a:Address></a:ReplyTo><a:To s:mustUnderstand="1">urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>`+
		`</s:Header><s:Body><d:Probe xmlns:d="%s"><d:Types xmlns:dn="%s">%s</d:Types></d:Probe></s:Body></s:Envelope>`,
		spaceSOAP, spaceAddress, spaceProbe, id[:4], id[4:6], id[6:8], id[8:10], id[10:], spaceAddress, spaceProbe, space, kind)
}

// receive hands on what answers until the deadline.
func (p probe) receive(found func(Device)) {
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := p.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		for _, d := range devicesOf(buf[:n], from.Addr().Unmap()) {
			d.Interface = p.name
			found(d)
		}
	}
}
