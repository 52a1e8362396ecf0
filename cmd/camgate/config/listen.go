package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// listener is a key that names an address to listen on.
type listener struct {
	path    string
	address *string
	tcp     bool
	udp     bool
}

// listeners lists all that listen, with nothing that is switched off.
func (c *Config) listeners() []listener {
	all := []listener{
		{"http.address", &c.HTTP.Address, true, false},
		{"rtsp.address", &c.RTSP.Address, true, false},
		{"rtsp.tls_address", &c.RTSP.TLSAddress, true, false},
		{"rtsp.rtp_address", &c.RTSP.RTPAddress, false, true},
		{"rtsp.rtcp_address", &c.RTSP.RTCPAddress, false, true},
		{"webrtc.address", &c.WebRTC.Address, true, true},
	}
	var out []listener
	for _, l := range all {
		off := *l.address == ""
		switch l.path {
		case "rtsp.tls_address":
			off = off || c.RTSP.Address == "" || c.RTSP.TLSCert == ""
		case "rtsp.rtp_address", "rtsp.rtcp_address":
			off = off || c.RTSP.Address == ""
		}
		if !off {
			out = append(out, l)
		}
	}
	return out
}

// LoopbackOnly tells that only this machine is served, for there are no users.
func (c *Config) LoopbackOnly() bool { return len(c.Users) == 0 && !c.AllowAnonymous }

// loopback is where the gateway listens when it serves this machine only.
const loopback = "127.0.0.1"

// listeners checks the addresses and, without users, brings them to loopback.
func (v *validator) listeners() {
	if v.HTTP.Address == "" {
		v.fail("http.address", "it is empty: name an address as in :8889")
	}
	if (v.RTSP.RTPAddress == "") != (v.RTSP.RTCPAddress == "") {
		v.fail("rtsp.rtcp_address", "rtp_address and rtcp_address are both there or both empty")
	}
	type used struct {
		listener
		host string
		port int
	}
	var before []used
	for _, l := range v.Config.listeners() {
		host, port, err := splitAddress(*l.address)
		if err != nil {
			v.fail(l.path, "%q is no address: %v", printable(*l.address), err)
			continue
		}
		if host == "" && v.LoopbackOnly() {
			host = loopback
			*l.address = net.JoinHostPort(host, strconv.Itoa(port))
		}
		if v.LoopbackOnly() && !isLoopback(host) {
			v.fail(l.path, `%s is open to other machines, but there are no users: add some ("camgate user add NAME"), or "allow_anonymous: true" to let anybody watch and publish`, *l.address)
		}
		for _, b := range before {
			if port != 0 && b.port == port && (l.tcp && b.tcp || l.udp && b.udp) && overlap(host, b.host) {
				v.fail(l.path, "port %d is that of %s too: give them different ones", port, b.path)
			}
		}
		before = append(before, used{l, host, port})
	}
	v.rtpPorts()
}

// rtpPorts checks what RFC 3550, section 11, asks for: RTCP follows an even port.
func (v *validator) rtpPorts() {
	_, rtp, err1 := splitAddress(v.RTSP.RTPAddress)
	_, rtcp, err2 := splitAddress(v.RTSP.RTCPAddress)
	if err1 != nil || err2 != nil {
		return // off, or told already
	}
	if rtp%2 != 0 {
		v.fail("rtsp.rtp_address", "port %d is odd: RTP has an even port, and RTCP the one after it", rtp)
	} else if rtp != 0 && rtcp != rtp+1 {
		v.fail("rtsp.rtcp_address", "port %d does not follow that of rtp_address: it has to be %d", rtcp, rtp+1)
	}
}

func splitAddress(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("write HOST:PORT, or :PORT for all addresses")
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("a port is a number from 0 to 65535")
	}
	return host, int(n), nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// overlap tells whether two hosts with the same port are in each other's way.
func overlap(a, b string) bool {
	wild := func(host string) bool {
		addr, err := netip.ParseAddr(host)
		return host == "" || err == nil && addr.IsUnspecified()
	}
	return a == b || wild(a) || wild(b)
}

// RTSPS tells whether there is an RTSPS port.
func (c *Config) RTSPS() bool {
	return c.RTSP.Address != "" && c.RTSP.TLSAddress != "" && c.RTSP.TLSCert != ""
}

// KeyOf tells which key names an address that could not be listened on, and which
// variable sets it too.
func (c *Config) KeyOf(network, address string) (key, env string, ok bool) {
	_, port, err := splitAddress(address)
	if err != nil {
		return "", "", false
	}
	udp := strings.HasPrefix(network, "udp")
	for _, l := range c.listeners() {
		if _, p, err := splitAddress(*l.address); err == nil && p == port && (udp && l.udp || !udp && l.tcp) {
			return l.path, envPrefix + strings.ToUpper(strings.ReplaceAll(l.path, ".", "_")), true
		}
	}
	return "", "", false
}
