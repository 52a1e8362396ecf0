package webrtc

import (
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/burst"
)

// Options shape a Server. At least one address is needed.
type Options struct {
	// UDPAddress and TCPAddress are where media goes ("":8189"); empty: not by this
	// protocol.
	UDPAddress, TCPAddress string
	// Hosts are addresses and names at which viewers reach the ports, beside those
	// that the gateway finds itself: behind a NAT or a load balancer.
	Hosts []string
	// HostsRefresh is how often names among them are looked up; default 1 min.
	HostsRefresh time.Duration
	// LoopbackOnly binds to loopback whatever the addresses say.
	LoopbackOnly bool
	// ICEServers are told to viewers (RFC 9725 section 4.6). The gateway itself needs
	// none.
	ICEServers []ICEServer
	// ReaderTimeout ends the session of a viewer that is silent; default 10 s.
	ReaderTimeout time.Duration
	// StartTimeout is how long an offer waits for the stream; default 10 s.
	StartTimeout time.Duration
	MaxSessions  int // at a time; default 1,000
	// Smaller returns the smaller renditions of a stream that a viewer may be sent in its
	// place when its network does not carry the stream, best first; nil: there are none.
	Smaller func(*camgate.Stream) []*camgate.Stream
	// Adapts tells whether a stream follows what its viewers report; nil: none does.
	Adapts func(*camgate.Stream) bool
	// Variants makes what viewers cannot take as it is; nil: nothing does.
	Variants camgate.Variants
	Logger   *slog.Logger

	// For tests.
	burstMode      burst.Mode
	libraryMedia   bool // media packet by packet, by the library
	connectTimeout time.Duration
	root           fs.FS // "/"
}

func (o Options) withDefaults() Options {
	if o.ReaderTimeout == 0 {
		o.ReaderTimeout = 10 * time.Second
	}
	if o.StartTimeout == 0 {
		o.StartTimeout = 10 * time.Second
	}
	if o.connectTimeout == 0 {
		o.connectTimeout = connectTimeout
	}
	if o.HostsRefresh == 0 {
		o.HostsRefresh = time.Minute
	}
	if o.root == nil {
		o.root = os.DirFS("/")
	}
	if o.MaxSessions == 0 {
		o.MaxSessions = 1000
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}
