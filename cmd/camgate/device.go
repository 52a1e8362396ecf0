package main

import (
	"net"
	"strings"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/cmd/camgate/config"
)

// located is a source with the address of its device, by which all streams of one
// device are known. It implements camgate.Remote.
type located struct {
	camgate.Source
	device string
}

func (l located) Device() string { return l.device }

// locatedKnocker is one that can be knocked at.
type locatedKnocker struct {
	located
	camgate.Knocker
}

// atDevice names the device of a source that has one.
func atDevice(source camgate.Source, parsed config.Source) camgate.Source {
	if parsed.URL == nil {
		return source
	}
	port := parsed.URL.Port()
	if port == "" {
		port = parsed.URL.Scheme // all URLs of the scheme mean the same port
	}
	l := located{source, net.JoinHostPort(strings.ToLower(parsed.URL.Hostname()), port)}
	if k, ok := source.(camgate.Knocker); ok {
		return locatedKnocker{l, k}
	}
	return l
}
