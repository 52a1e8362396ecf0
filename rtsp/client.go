package rtsp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest/trust"
	"github.com/camgate/camgate/ingest/unpack"
)

// Transport is how media comes from a camera.
type Transport string

// The transports. Auto begins with UDP and goes over to TCP when the camera wants
// that, nothing comes through, or too much is lost; the tunnels carry all of RTSP
// through HTTP or WebSocket.
const (
	TransportAuto      Transport = "auto"
	TransportTCP       Transport = "tcp"
	TransportUDP       Transport = "udp"
	TransportMulticast Transport = "multicast"
	TransportHTTP      Transport = "http"
	TransportWebSocket Transport = "ws"
)

const (
	knockTimeout    = 2 * time.Second
	teardownTimeout = time.Second // for a camera that does not answer any more
	udpBuffer       = 2 << 20     // bytes; a keyframe comes as one burst
	maxRedirects    = 5
	// rememberTCP is for how long UDP is not tried again where it did not work, and
	// rememberSilence where it did before: an outage may have begun at a bad moment.
	rememberTCP     = time.Hour
	rememberSilence = time.Minute
)

// SourceOptions describe a camera. Only URL is needed.
type SourceOptions struct {
	URL       *url.URL // rtsp or rtsps, and the same with +http or +ws
	Transport Transport
	TLS       *trust.Dialer // for rtsps; nil: trust whom this machine trusts
	Timeout   time.Duration // of the connection and of each request; default 10 s
	Logger    *slog.Logger
	Memory    *Memory // that many sources share; nil: one of its own
	// Talk is the way to the camera's loudspeaker, should it have one; nil: it is not
	// asked for.
	Talk *camgate.BackChannel
}

// Memory is what packets and pictures are put together in. A source needs it for moments
// only, so that many share little. The zero value is ready.
type Memory struct {
	units  unpack.Pool
	inbufs inbufPool
}

// Source pulls from a camera. It implements camgate.Source and camgate.Knocker.
type Source struct {
	url       *url.URL
	name      string
	transport Transport
	tls       *trust.Dialer
	timeout   time.Duration
	log       *slog.Logger
	memory    *Memory
	talk      *camgate.BackChannel

	mu      sync.Mutex
	noUDP   time.Time // until when auto means TCP
	hadUDP  bool      // it has worked for a while
	unheard int       // how often in a row the question for its back channel ended the connection
	slowTLS int       // how often handshakeAnew is doubled
	session *pull     // the one under way, or the last one
	// longPost: an HTTP tunnel has to be announced as a long one.
	longPost bool
}

// NewSource makes a source. It fails when the URL or the transport make no sense.
func NewSource(o SourceOptions) (*Source, error) {
	if o.URL == nil || o.URL.Host == "" {
		return nil, fmt.Errorf("an RTSP URL needs a host: rtsp://host/path")
	}
	u := *o.URL
	scheme, tunnel, _ := strings.Cut(strings.ToLower(u.Scheme), "+")
	if scheme != "rtsp" && scheme != "rtsps" {
		return nil, fmt.Errorf("%q is no RTSP scheme: use rtsp or rtsps", u.Scheme)
	}
	if tunnel != "" {
		o.Transport = Transport(tunnel)
	}
	switch o.Transport {
	case "":
		o.Transport = TransportAuto
	case TransportAuto, TransportTCP, TransportUDP, TransportMulticast, TransportHTTP, TransportWebSocket:
	default:
		return nil, fmt.Errorf("%q is no RTSP transport: use auto, tcp, udp, multicast, http or ws", o.Transport)
	}
	u.Scheme, u.Fragment, u.RawFragment = scheme, "", ""
	s := &Source{
		url: &u, name: o.URL.Redacted(), transport: o.Transport,
		tls: o.TLS, timeout: o.Timeout, log: o.Logger, memory: o.Memory, talk: o.Talk,
	}
	if s.timeout == 0 {
		s.timeout = 10 * time.Second
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.memory == nil {
		s.memory = new(Memory)
	}
	if s.tls == nil {
		var err error
		if s.tls, err = trust.New(trust.Options{Logger: s.log}); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// String returns the URL without the password.
func (s *Source) String() string { return s.name }

// Knock tells whether the camera takes connections.
func (s *Source) Knock(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, knockTimeout)
	defer cancel()
	conn, err := connect(ctx, "tcp", s.address(s.url))
	if err != nil {
		return translate(err)
	}
	return conn.Close()
}

// address is where to connect for a URL.
func (s *Source) address(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case s.transport == TransportHTTP || s.transport == TransportWebSocket:
		port = "80"
		if u.Scheme == "rtsps" {
			port = "443"
		}
	case u.Scheme == "rtsps":
		port = "322"
	default:
		port = "554"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// Run makes one attempt. What follows from an answer of the camera, another place or
// another transport, belongs to it.
func (s *Source) Run(ctx context.Context, stream *camgate.Stream) error {
	p := &pull{source: s, url: s.url, transport: s.transport, log: s.log.With("stream", stream.Name())}
	p.choose()
	for redirects := 0; ; {
		err := p.attempt(ctx, stream)
		if ctx.Err() == nil {
			s.learnTunnel(p)
		}
		var (
			redirect *redirectError
			refused  *udpError
		)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case p.tunnelRefused != nil:
			return p.tunnelRefused
		case p.tunnelAnew:
			p = p.next()
		case errors.As(err, &refused):
			s.giveUpUDP(p, refused)
			p = p.next()
			p.choose()
		case errors.As(err, &redirect) && redirects < maxRedirects:
			redirects++
			to, same, err := follow(p.url, redirect.to)
			if err != nil {
				return err
			}
			p.log.Info("redirected", "source", s.name, "to", to.Redacted())
			p = p.next()
			p.url, p.elsewhere, p.tunnel = to, p.elsewhere || !same, login{}
		case redirect != nil:
			return fmt.Errorf("%w: the camera redirects for ever", camgate.ErrConnectionFailed)
		default:
			return err
		}
	}
}

// giveUpUDP notes that UDP does not work.
func (s *Source) giveUpUDP(p *pull, why *udpError) {
	s.mu.Lock()
	remember := rememberTCP
	if why.silent && s.hadUDP {
		remember = rememberSilence
	}
	s.noUDP, s.hadUDP = time.Now().Add(remember), false
	s.mu.Unlock()
	p.log.Info("another transport", "source", s.name, "transport", TransportTCP, "reason", why.Error())
}

// udpWorks notes that UDP does work.
func (s *Source) udpWorks() {
	s.mu.Lock()
	s.hadUDP = true
	s.mu.Unlock()
}

// udpError says why UDP does not work with a camera.
type udpError struct {
	reason string
	silent bool // nothing comes at all
}

func (e *udpError) Error() string { return e.reason }
