package rtsp

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
	"github.com/camgate/camgate/ingest/trust"
)

// Transport is how media comes from a camera.
type Transport string

// The transports. Auto begins with UDP and goes over to TCP when none of it comes
// through; the tunnels carry all of RTSP through HTTP or WebSocket.
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
	teardownTimeout = 2 * time.Second // for a camera that does not answer any more
	udpBuffer       = 2 << 20         // bytes; a keyframe comes as one burst
)

// SourceOptions describe a camera. Only URL is needed.
type SourceOptions struct {
	URL       *url.URL // rtsp or rtsps, and the same with +http or +ws
	Transport Transport
	TLS       *trust.Dialer // for rtsps; nil: trust whom this machine trusts
	Timeout   time.Duration // of the connection and of each request; default 10 s
	Logger    *slog.Logger
}

// Source pulls from a camera. It implements camgate.Source and camgate.Knocker.
type Source struct {
	url       *base.URL
	name      string
	transport Transport
	tls       *trust.Dialer
	timeout   time.Duration
	log       *slog.Logger
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
		url: (*base.URL)(&u), name: o.URL.Redacted(), transport: o.Transport,
		tls: o.TLS, timeout: o.Timeout, log: o.Logger,
	}
	if s.timeout == 0 {
		s.timeout = 10 * time.Second
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
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
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.address())
	if err != nil {
		return translate(err)
	}
	return conn.Close()
}

func (s *Source) address() string {
	port := s.url.Port()
	switch {
	case port != "":
	case s.transport == TransportHTTP || s.transport == TransportWebSocket:
		port = "80"
		if s.url.Scheme == "rtsps" {
			port = "443"
		}
	case s.url.Scheme == "rtsps":
		port = "322"
	default:
		port = "554"
	}
	return net.JoinHostPort(s.url.Hostname(), port)
}

// Run makes one attempt.
func (s *Source) Run(ctx context.Context, stream *camgate.Stream) error {
	p := &pull{source: s, log: s.log.With("stream", stream.Name())}
	client := p.newClient()
	if err := client.Start(); err != nil {
		return translate(err)
	}
	// Ends every wait in the library when ctx does, and is waited for below.
	stop := context.AfterFunc(ctx, func() { p.close(client) })
	defer stop()
	defer p.close(client)
	err := p.run(client, stream)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// pull is one session with a camera.
type pull struct {
	source *Source
	log    *slog.Logger

	mu    sync.Mutex
	conns []net.Conn
}

func (p *pull) newClient() *gortsplib.Client {
	s := p.source
	client := &gortsplib.Client{
		Scheme: s.url.Scheme, Host: s.address(), UserAgent: "camgate",
		ReadTimeout: s.timeout, WriteTimeout: s.timeout,
		DialContext: p.dial, DialTLSContext: p.dialTLS, ListenPacket: listenPacket,
		OnTransportSwitch: func(err error) { p.log.Info("another transport", "source", s.name, "reason", err.Error()) },
		OnPacketsLost:     func(uint64) {}, // each inlet counts for itself
		OnDecodeError:     func(error) {},
	}
	switch s.transport {
	case TransportTCP:
		client.Protocol = new(gortsplib.ProtocolTCP)
	case TransportUDP:
		client.Protocol = new(gortsplib.ProtocolUDP)
	case TransportMulticast:
		client.Protocol = new(gortsplib.ProtocolUDPMulticast)
	case TransportHTTP:
		client.Tunnel = gortsplib.TunnelHTTP
	case TransportWebSocket:
		client.Tunnel = gortsplib.TunnelWebSocket
	}
	return client
}

// close ends the session. The library takes its leave with a request, for which a
// camera that is dead gets no more than teardownTimeout.
func (p *pull) close(client *gortsplib.Client) {
	timer := time.AfterFunc(teardownTimeout, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, conn := range p.conns {
			conn.Close()
		}
	})
	defer timer.Stop()
	client.Close()
}

func (p *pull) run(client *gortsplib.Client, stream *camgate.Stream) error {
	desc, res, err := client.Describe(p.source.url)
	if err != nil {
		return translate(err)
	}
	ins, err := inputs(desc)
	if err != nil {
		return err
	}
	tracks := make([]*camgate.Track, len(ins))
	for i, in := range ins {
		if _, err := client.Setup(desc.BaseURL, in.media, 0, 0); err != nil {
			return translate(err)
		}
		tracks[i] = in.track
	}
	writer, err := ingest.NewWriter(stream, tracks)
	if err != nil {
		return err
	}
	defer writer.Close()
	for i, in := range ins {
		inlet := newInlet(writer, i, in, p.log)
		askable := in.track.Kind == camgate.Video && offersPLI(res.Body)
		client.OnPacketRTP(in.media, in.format, func(pkt *rtp.Packet) {
			if askable {
				// Not before a packet came: the library may still change the transport.
				askable = false
				stream.OnKeyframeRequest(func() { requestKeyframe(client, in.media) })
			}
			pts, ok := client.PacketPTS(in.media, pkt)
			inlet.packet(pkt, pts, ok)
		})
	}
	if _, err := client.Play(nil); err != nil {
		return translate(err)
	}
	return translate(client.Wait())
}

// offersPLI reports whether an SDP offers to make keyframes on demand (RFC 4585
// section 4.2).
func offersPLI(sdp []byte) bool {
	for line := range bytes.Lines(sdp) {
		if bytes.HasPrefix(line, []byte("a=rtcp-fb:")) && bytes.Contains(line, []byte("nack pli")) {
			return true
		}
	}
	return false
}

// requestKeyframe sends a picture loss indication (RFC 4585 section 6.3.1).
func requestKeyframe(client *gortsplib.Client, media *description.Media) {
	pli := &rtcp.PictureLossIndication{}
	for _, f := range client.Stats().Session.Medias[media].Formats {
		pli.SenderSSRC, pli.MediaSSRC = f.LocalSSRC, f.RemoteSSRC
	}
	// It is a hint: when it cannot be sent, the next keyframe comes by itself.
	_ = client.WritePacketRTCP(media, pli)
}
