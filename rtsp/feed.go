package rtsp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/headers"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// feed is one track of a session.
type feed struct {
	media    *description.Media
	format   format.Format
	socket   *mediaConn // that brings packets into order; nil: window does
	window   window
	feedback *feedback
	inlet    *inlet
}

// video tells whether it is one of pictures.
func (f *feed) video() bool { return f.media != nil && f.media.Type == description.MediaTypeVideo }

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
			return nil, p.otherwise(err)
		}
		feeds = append(feeds, p.newFeed(client, in, res))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known.Transport = p.transport // pictures may be there before the answer to PLAY is
	for _, f := range feeds {
		p.feedbacks = append(p.feedbacks, f.feedback)
	}
	return feeds, nil
}

// otherwise adds to a refusal of the transport which one to try.
func (p *pull) otherwise(err error) error {
	var status liberrors.ErrClientBadStatusCode
	switch {
	case !errors.As(err, &status) || status.Code != base.StatusUnsupportedTransport:
		return err
	case p.source.transport == TransportAuto:
		return fmt.Errorf("%w: neither UDP nor TCP; it may have multicast only: try transport: multicast", err)
	}
	return fmt.Errorf("%w: not by %s: try transport: auto", err, p.transport)
}

// noUDP says whether an error of SETUP means that UDP is not to be had.
func (p *pull) noUDP(err error) *refusal {
	var status liberrors.ErrClientBadStatusCode
	var tcp liberrors.ErrClientServerRequestedTCP
	switch {
	case !p.auto || p.transport != TransportUDP:
	case errors.As(err, &tcp):
		return &refusal{udpError{reason: "the camera answers with TCP"}, true}
	case errors.As(err, &status):
		switch status.Code {
		case base.StatusUnauthorized, base.StatusForbidden, base.StatusNotFound, base.StatusNotEnoughBandwidth, base.StatusSessionNotFound:
			return nil
		}
		return &refusal{udpError{reason: fmt.Sprintf("the camera refuses UDP (%d %s)", status.Code, status.Message)}, false}
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
