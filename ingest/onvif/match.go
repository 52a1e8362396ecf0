package onvif

import (
	"cmp"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// devicesOf reads an answer to a probe.
func devicesOf(data []byte, from netip.Addr) (list []Device) {
	root, err := parse(data)
	if err != nil {
		return nil
	}
	for _, match := range root.at("Body", "ProbeMatches").all("ProbeMatch") {
		d := Device{Address: from.String(), id: clean(match.at("EndpointReference", "Address").value()), XAddrs: []string{}}
		known := strings.Contains(match.child("Types").value(), "NetworkVideoTransmitter")
		for scope := range strings.FieldsSeq(match.child("Scopes").value()) {
			known = d.scope(scope) || known
		}
		var urls []*url.URL
		for text := range strings.FieldsSeq(match.child("XAddrs").value()) {
			if u, err := url.Parse(text); err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" {
				urls, d.XAddrs = append(urls, u), append(d.XAddrs, clean(text))
			}
		}
		if !known || len(urls) == 0 { // a printer, or a computer
			continue
		}
		d.Source = sourceOf(urls, from)
		if d.id == "" {
			d.id = d.Address
		}
		list = append(list, d)
	}
	return list
}

// scope reads one of the scopes that ONVIF has (Core 7.3.2.2).
func (d *Device) scope(text string) bool {
	rest, ok := strings.CutPrefix(text, "onvif://www.onvif.org/")
	if !ok {
		return false
	}
	category, value, _ := strings.Cut(rest, "/")
	if plain, err := url.PathUnescape(value); err == nil {
		value = plain
	}
	switch value = clean(value); strings.ToLower(category) {
	case "name":
		d.Name = cmp.Or(d.Name, value)
	case "hardware":
		d.Hardware = cmp.Or(d.Hardware, value)
	case "location":
		d.Location = cmp.Or(d.Location, value)
	}
	return true
}

// sourceOf is the URL for a config. Of the addresses of a camera the one that it
// answered from is reached for certain.
func sourceOf(urls []*url.URL, from netip.Addr) string {
	rank := func(u *url.URL) int {
		a, err := netip.ParseAddr(u.Hostname())
		switch {
		case err == nil && a == from:
			return 0
		case err == nil && (a.IsLinkLocalUnicast() || a.IsLoopback()):
			return 2
		}
		return 1
	}
	u := *slices.MinFunc(urls, func(a, b *url.URL) int { return cmp.Or(rank(a)-rank(b), strings.Compare(a.Scheme, b.Scheme)) })
	if rank(&u) != 0 && !from.IsLinkLocalUnicast() {
		u.Host = hostPort(from.String(), u.Port())
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && a.Is6() && a.IsLinkLocalUnicast() {
		return ""
	}
	out := url.URL{Scheme: Scheme, User: url.UserPassword("USER", "PASSWORD"), Host: u.Host}
	usual := "80"
	if u.Scheme == "https" {
		out.Scheme, usual = SchemeS, "443"
	}
	if u.Port() == usual {
		out.Host = hostPort(u.Hostname(), "")
	}
	if u.Path != DefaultPath && u.Path != "/" {
		out.Path, out.RawPath = u.Path, u.RawPath
	}
	return out.String()
}
