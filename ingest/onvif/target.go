package onvif

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/camgate/camgate"
)

// usable makes what a camera says of one of its streams a URL that can be reached from
// here: behind NAT, or with addresses set wrongly, cameras name hosts that nobody reaches.
func (r *Resolver) usable(ctx context.Context, text string, still bool) (*url.URL, error) {
	u, err := url.Parse(strings.ReplaceAll(strings.TrimSpace(text), " ", "%20"))
	if err != nil || u.Hostname() == "" {
		return nil, fmt.Errorf("%w: the URI that the camera gives is none", camgate.ErrConnectionFailed)
	}
	u.Scheme = strings.ToLower(u.Scheme)
	schemes := []string{"rtsp", "rtsps"}
	if still {
		schemes = []string{"http", "https"}
	}
	if !slices.Contains(schemes, u.Scheme) {
		return nil, fmt.Errorf("%w: the camera gives a URI of scheme %q, not of %s", camgate.ErrUnsupportedCodec, clean(u.Scheme), strings.Join(schemes, " or "))
	}
	u.Fragment, u.RawFragment = "", ""
	named := *u
	same := r.isSame(ctx, u.Hostname())
	u.Host = r.reachable(ctx, u, same)
	switch {
	case !strings.EqualFold(u.Hostname(), r.device.Hostname()):
		u.User = nil // a password goes to the host that it was given for
	case r.user != nil:
		u.User = r.user
	}
	if !same || portOf(u) != portOf(&named) {
		r.tellHost(named.Host, u)
	}
	return u, nil
}

// reachable returns host and port to use for a URL: those that it names if they are
// the camera's, else the first that takes connections of the host that we asked with
// the port named, the same with the usual port, and what is named.
func (r *Resolver) reachable(ctx context.Context, u *url.URL, same bool) string {
	usual := portOf(&url.URL{Scheme: u.Scheme})
	port := portOf(u)
	if port == "0" {
		port = usual
	}
	here := r.device.Hostname()
	if same && port == usual {
		return hostPort(here, u.Port())
	}
	candidates := []string{net.JoinHostPort(here, port)}
	if port != usual {
		candidates = append(candidates, net.JoinHostPort(here, usual))
	}
	if !same && !isOwn(u.Hostname()) {
		candidates = append(candidates, net.JoinHostPort(u.Hostname(), port))
	}
	for _, address := range candidates {
		if r.reach(ctx, address) == nil {
			return address
		}
	}
	return candidates[0] // and whoever connects tells why not
}

// hostPort is a URL's host.
func hostPort(host, port string) string {
	if port != "" && port != "0" {
		return net.JoinHostPort(host, port)
	}
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// isSame tells whether a name is the camera's, as it is written or as an address.
func (r *Resolver) isSame(ctx context.Context, name string) bool {
	here := r.device.Hostname()
	if strings.EqualFold(name, here) {
		return true
	}
	if _, err := netip.ParseAddr(here); err == nil {
		return false // two addresses
	}
	ctx, cancel := context.WithTimeout(ctx, knockTimeout)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupHost(ctx, here)
	return err == nil && slices.Contains(addresses, name)
}

// isOwn tells whether an address means the machine that uses it: never a camera that
// was asked by another one.
func isOwn(name string) bool {
	a, err := netip.ParseAddr(name)
	return strings.EqualFold(name, "localhost") || err == nil && (a.IsLoopback() || a.IsUnspecified())
}

// tellHost logs a correction, once.
func (r *Resolver) tellHost(named string, u *url.URL) {
	text := named + " " + u.Host
	if before := r.told.Swap(&text); before != nil && *before == text {
		return
	}
	log := r.opts.Logger.With("named", clean(named), "used", u.Host)
	if !strings.EqualFold(u.Hostname(), r.device.Hostname()) {
		log.Warn("the stream is at another host than the camera; it is used without the password")
		return
	}
	log.Info("the camera names a host or port for its stream that is not reached; corrected")
}
