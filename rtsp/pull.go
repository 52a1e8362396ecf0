package rtsp

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/headers"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"
	"github.com/bluenviron/gortsplib/v5/pkg/rtptime"
	"github.com/pion/rtcp"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// pull is one session with a camera.
type pull struct {
	source    *Source
	log       *slog.Logger
	url       *url.URL
	transport Transport // that is tried: never auto
	auto      bool      // TCP may follow on UDP
	elsewhere bool      // the camera has sent us to another host
	control   control
	cname     string
	end       func(error) // ends the session for a reason of ours

	socket *mediaConn   // the newest one
	conn   *controlConn // the newest one
	times  *rtptime.GlobalDecoder

	longPost      bool         // of an HTTP tunnel
	posted        atomic.Int64 // bytes of its body
	tunnel        login        // where the web server of a tunnel wants a password
	tunnelAsked   bool         // we told it who we are
	tunnelAnew    bool         // it is worth asking again
	tunnelRefused error        // why there is no tunnel

	secure bool // the description gives keys for media (SRTP)

	mu        sync.Mutex
	conns     []net.Conn
	feedbacks []*feedback
	known     Session // without Tracks
}

// next is the session that follows on this one.
func (p *pull) next() *pull {
	return &pull{source: p.source, url: p.url, transport: p.transport, auto: p.auto, elsewhere: p.elsewhere, log: p.log, tunnel: p.tunnel}
}

func (p *pull) tunnels() bool {
	return p.transport == TransportHTTP || p.transport == TransportWebSocket
}

// choose turns auto into a transport.
func (p *pull) choose() {
	s := p.source
	if s.transport != TransportAuto {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p.transport, p.auto = TransportUDP, true
	if time.Now().Before(s.noUDP) {
		p.transport, p.auto = TransportTCP, false
	}
}

func (p *pull) newClient() *gortsplib.Client {
	s := p.source
	client := &gortsplib.Client{
		Scheme: p.url.Scheme, Host: s.address(p.url), UserAgent: "camgate",
		ReadTimeout: s.timeout, WriteTimeout: s.timeout, AnyPortEnable: true,
		DialContext: p.dial, DialTLSContext: p.dialTLS, ListenPacket: p.listenPacket,
		OnRequest: p.control.request, OnResponse: p.control.response, OnServerRequest: p.control.serverRequest,
		OnTransportSwitch: func(error) {},  // that is decided here
		OnPacketsLost:     func(uint64) {}, // each inlet counts for itself
		OnDecodeError:     p.undecoded,

		RequestBackChannels: p.wantsVoice(),
	}
	switch p.transport {
	case TransportTCP:
		client.Protocol = new(gortsplib.ProtocolTCP)
	case TransportUDP:
		client.Protocol = new(gortsplib.ProtocolUDP)
	case TransportMulticast:
		client.Protocol = new(gortsplib.ProtocolUDPMulticast)
	case TransportHTTP:
		client.Tunnel, client.Protocol = gortsplib.TunnelHTTP, new(gortsplib.ProtocolTCP)
	case TransportWebSocket:
		client.Tunnel, client.Protocol = gortsplib.TunnelWebSocket, new(gortsplib.ProtocolTCP)
	}
	return client
}

// undecoded is told what the library leaves out.
func (p *pull) undecoded(err error) {
	if tooBig := (liberrors.ErrClientRTPPacketTooBigUDP{}); p.auto && errors.As(err, &tooBig) {
		p.end(&udpError{reason: "packets are too big for UDP"})
	}
}

// attempt is the session from its beginning to its end.
func (p *pull) attempt(ctx context.Context, stream *camgate.Stream) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	p.end = end
	p.control.notify = end
	for _, l := range []*login{&p.control.login, &p.tunnel} {
		if user := p.url.User; user != nil {
			l.user, l.known, l.clear = user.Username(), true, p.elsewhere
			l.password, _ = user.Password()
		}
	}
	if p.tunnels() {
		p.control.open.Store(true) // what goes through one has another form
	}
	p.cname = newCNAME()
	p.source.mu.Lock()
	p.longPost = p.source.longPost
	p.source.session = p
	p.source.mu.Unlock()
	client := p.newClient()
	if err := client.Start(); err != nil {
		return translate(err)
	}
	// Ends every wait in the library when ctx does, and is waited for below.
	stop := context.AfterFunc(ctx, func() { p.close(client) })
	defer stop()
	defer p.close(client)
	err := p.run(ctx, client, stream)
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// newCNAME is our name in RTCP, of this session only (RFC 7022 section 4.2).
func newCNAME() string {
	var b [12]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
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

func (p *pull) run(ctx context.Context, client *gortsplib.Client, stream *camgate.Stream) error {
	desc, body, err := p.describe(client)
	if p.unheard(client, err) {
		desc, body, err = p.describe(client)
	}
	if err != nil {
		return err
	}
	ins, err := inputs(desc, body)
	if err != nil {
		return err
	}
	feeds, err := p.setUp(client, desc, ins)
	if err != nil {
		return err
	}
	tracks := make([]*camgate.Track, len(ins))
	for i, in := range ins {
		tracks[i] = in.track
	}
	writer, err := ingest.NewWriter(stream, tracks)
	if err != nil {
		return err
	}
	defer writer.Close()
	p.times = new(rtptime.GlobalDecoder)
	p.times.Initialize()
	for i, f := range feeds {
		f.inlet = newInlet(writer, i, ins[i], &p.source.memory.units, p.log)
		if ins[i].track.Kind == camgate.Video && offersPLI(body) {
			stream.OnKeyframeRequest(f.feedback.pictureLoss)
		}
		f.times, f.parse = p.times, parser(f.format.PayloadType(), f.inlet)
		client.OnPacketRTP(f.media, f.format, f.packet)
		client.OnPacketRTCP(f.media, func(pkt rtcp.Packet) { f.feedback.control(pkt, time.Now()) })
	}
	p.shortcut(feeds)
	voice := p.setUpVoice(client, desc)
	if err := p.control.ask(func() error { _, err := client.Play(nil); return err }); err != nil {
		return err
	}
	p.control.playing.Store(true)
	p.note()
	if voice != nil {
		defer voice.open(p.source.talk)()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.watch(ctx, feeds, func() bool { return stream.Status().State == camgate.StateLive })
	}()
	err = translate(client.Wait())
	p.end(err)
	<-done
	return err
}

// describe asks what there is. The URL that the library gets has no password: we log
// in ourselves.
func (p *pull) describe(client *gortsplib.Client) (desc *description.Session, body []byte, err error) {
	u := *p.url
	u.User = nil
	err = p.control.ask(func() error {
		var res *base.Response
		desc, res, err = client.Describe((*base.URL)(&u))
		if res != nil {
			body = res.Body
		}
		return err
	})
	if invalid := (liberrors.ErrClientSDPInvalid{}); errors.As(err, &invalid) && !p.control.media {
		return nil, nil, fmt.Errorf("%w: the camera describes no media", camgate.ErrNoVideoTrack)
	}
	if err != nil {
		return nil, nil, err
	}
	for _, m := range desc.Medias {
		p.secure = p.secure || m.Profile == headers.TransportProfileSAVP
		for _, f := range m.Formats {
			if h264, ok := f.(*format.H264); ok {
				// Else the library refuses UDP, also with cameras that only leave it out.
				h264.PacketizationMode = 1
			}
		}
	}
	if p.datagrams() && !p.secure {
		// The library takes rtsps for the wish that media are encrypted, too.
		client.Scheme = "rtsp"
	}
	return desc, body, nil
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
