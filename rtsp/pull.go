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
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/headers"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

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

	socket *mediaConn // the newest one

	mu        sync.Mutex
	conns     []net.Conn
	feedbacks []*feedback
	known     Session // without Tracks
}

// next is the session that follows on this one.
func (p *pull) next() *pull {
	return &pull{source: p.source, url: p.url, transport: p.transport, auto: p.auto, elsewhere: p.elsewhere, log: p.log}
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
		p.end(&udpError{"packets are too big for UDP"})
	}
}

// attempt is the session from its beginning to its end.
func (p *pull) attempt(ctx context.Context, stream *camgate.Stream) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	p.end = end
	p.control.notify = end
	if user := p.url.User; user != nil {
		p.control.login.user, p.control.login.known = user.Username(), true
		p.control.login.password, _ = user.Password()
		p.control.login.clear = p.elsewhere
	}
	if p.transport == TransportHTTP || p.transport == TransportWebSocket {
		p.control.open.Store(true) // a tunnel has another form
	}
	p.cname = newCNAME()
	p.source.mu.Lock()
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
	if err != nil {
		return err
	}
	ins, err := inputs(desc)
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
	for i, f := range feeds {
		f.inlet = newInlet(writer, i, ins[i], &p.source.units, p.log)
		if ins[i].track.Kind == camgate.Video && offersPLI(body) {
			stream.OnKeyframeRequest(f.feedback.pictureLoss)
		}
		client.OnPacketRTP(f.media, f.format, func(pkt *rtp.Packet) { f.packet(client, pkt) })
		client.OnPacketRTCP(f.media, func(pkt rtcp.Packet) { f.feedback.control(pkt, time.Now()) })
	}
	if err := p.control.ask(func() error { _, err := client.Play(nil); return err }); err != nil {
		return err
	}
	p.control.playing.Store(true)
	p.note()
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
	secure := false
	for _, m := range desc.Medias {
		secure = secure || m.Profile == headers.TransportProfileSAVP
		for _, f := range m.Formats {
			if h264, ok := f.(*format.H264); ok {
				// Else the library refuses UDP, also with cameras that only leave it out.
				h264.PacketizationMode = 1
			}
		}
	}
	if (p.transport == TransportUDP || p.transport == TransportMulticast) && !secure {
		// The library takes rtsps for the wish that media are encrypted, too.
		client.Scheme = "rtsp"
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known.Encrypted = secure || p.url.Scheme == "rtsps" && p.transport != TransportUDP && p.transport != TransportMulticast
	return desc, body, nil
}

// feed is one track of a session.
type feed struct {
	media    *description.Media
	format   format.Format
	socket   *mediaConn // that brings packets into order; nil: window does
	window   window
	feedback *feedback
	inlet    *inlet
}

// setUp asks for the media, by TCP if the camera does not have UDP.
func (p *pull) setUp(client *gortsplib.Client, desc *description.Session, ins []input) ([]*feed, error) {
	var feeds []*feed
	for i, in := range ins {
		var res *base.Response
		send := func() (err error) {
			p.socket = nil
			res, err = client.Setup(desc.BaseURL, in.media, 0, 0)
			return err
		}
		err := p.control.ask(send)
		if why := p.noUDP(err); why != nil {
			if i > 0 || why.anew {
				return nil, &why.udpError
			}
			p.source.giveUpUDP(p, &why.udpError)
			p.transport, p.auto = TransportTCP, false
			client.Protocol, client.Scheme = new(gortsplib.ProtocolTCP), p.url.Scheme
			err = p.control.ask(send)
		}
		if err != nil {
			return nil, err
		}
		feeds = append(feeds, p.newFeed(client, in, res))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range feeds {
		p.feedbacks = append(p.feedbacks, f.feedback)
	}
	return feeds, nil
}

// noUDP says whether an error of SETUP means that UDP is not to be had.
func (p *pull) noUDP(err error) *refusal {
	var status liberrors.ErrClientBadStatusCode
	var tcp liberrors.ErrClientServerRequestedTCP
	switch {
	case !p.auto || p.transport != TransportUDP:
	case errors.As(err, &tcp):
		return &refusal{udpError{"the camera answers with TCP"}, true}
	case errors.As(err, &status):
		switch status.Code {
		case base.StatusUnauthorized, base.StatusForbidden, base.StatusNotFound, base.StatusNotEnoughBandwidth, base.StatusSessionNotFound:
			return nil
		}
		return &refusal{udpError{fmt.Sprintf("the camera refuses UDP (%d %s)", status.Code, status.Message)}, false}
	}
	return nil
}

// refusal is why there is no UDP, and whether a new session is needed to go on.
type refusal struct {
	udpError
	anew bool
}

func (p *pull) newFeed(client *gortsplib.Client, in input, res *base.Response) *feed {
	f := &feed{media: in.media, format: in.format}
	ssrc := client.Stats().Session.Medias[in.media].Formats[in.format].LocalSSRC
	f.feedback = newFeedback(in.format.ClockRate(), ssrc, p.cname, time.Now(), func(pkt rtcp.Packet) {
		// When it cannot be sent the connection is at its end, which others notice.
		_ = client.WritePacketRTCP(in.media, pkt)
	})
	if encrypted := in.media.Profile == headers.TransportProfileSAVP || in.media.KeyMgmtMikey != nil || in.media.KeyMgmtSDES != nil; p.socket != nil && !encrypted {
		if peer, ok := peerOf(client.NetConn(), res.Header["Transport"]); ok {
			f.socket = p.socket
			f.socket.payloadType, f.socket.feedback = in.format.PayloadType(), f.feedback
			f.socket.peer.Store(&peer)
		}
	}
	return f
}

// peerOf is where media come from: from the one we talk to unless that names another.
func peerOf(conn net.Conn, transport base.HeaderValue) (netip.Addr, bool) {
	var h headers.Transport
	if err := h.Unmarshal(transport); err == nil && h.Source2 != nil {
		if addr, err := netip.ParseAddr(*h.Source2); err != nil {
			return netip.Addr{}, false // a name: the library looks it up
		} else if !addr.IsUnspecified() && !addr.IsMulticast() {
			return addr.Unmap(), true
		}
	}
	if conn == nil {
		return netip.Addr{}, false
	}
	remote, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}, false
	}
	return remote.AddrPort().Addr().Unmap().WithZone(""), true
}

// packet takes a packet from the library. By TCP, too, some cameras send packets
// twice or out of order.
func (f *feed) packet(client *gortsplib.Client, pkt *rtp.Packet) {
	if f.socket != nil {
		pkt.SequenceNumber = f.socket.sequence
		f.ordered(client, pkt)
		return
	}
	now := time.Now()
	f.feedback.packet(pkt.SSRC, pkt.SequenceNumber, pkt.Timestamp, now)
	f.release(client, now)
	if f.window.push(arrival{seq: pkt.SequenceNumber, ssrc: pkt.SSRC, pkt: pkt}, now) {
		f.ordered(client, pkt)
	}
	f.release(client, now)
}

// release hands on what has waited long enough.
func (f *feed) release(client *gortsplib.Client, now time.Time) {
	for a, ok := f.window.pop(now); ok; a, ok = f.window.pop(now) {
		f.ordered(client, a.pkt)
	}
}

func (f *feed) ordered(client *gortsplib.Client, pkt *rtp.Packet) {
	pts, ok := client.PacketPTS(f.media, pkt)
	f.inlet.packet(pkt, pts, ok)
}

// note keeps what Session tells, and logs what is unusual about it.
func (p *pull) note() {
	p.mu.Lock()
	p.known.Transport = p.transport
	p.control.tell(func() {
		p.known.Login, p.known.Server, p.known.Repairs = p.control.scheme, p.control.server, slices.Clone(p.control.repairs)
	})
	known := p.known
	p.mu.Unlock()
	if len(known.Repairs) > 0 {
		p.log.Info("the camera's description was repaired", "source", p.source.name, "server", known.Server, "repairs", known.Repairs)
	}
	if p.url.Scheme == "rtsps" && !known.Encrypted {
		p.log.Info("media come without encryption", "source", p.source.name, "transport", known.Transport)
	}
}

func (p *pull) facts() Session {
	p.mu.Lock()
	known, feedbacks := p.known, p.feedbacks
	p.mu.Unlock()
	for _, f := range feedbacks {
		known.Tracks = append(known.Tracks, f.total())
	}
	return known
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
