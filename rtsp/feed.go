package rtsp

import (
	"encoding/binary"
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
	"github.com/bluenviron/gortsplib/v5/pkg/rtptime"
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

	interleaved bool // in the connection, on this channel
	channel     byte
	seen        time.Time // when the library had a packet last
	times       *rtptime.GlobalDecoder
	parse       func([]byte) *rtp.Packet
}

// video tells whether it is one of pictures.
func (f *feed) video() bool { return f.media != nil && f.media.Type == description.MediaTypeVideo }

// datagrams tells whether media come outside of the connection.
func (p *pull) datagrams() bool {
	return p.transport == TransportUDP || p.transport == TransportMulticast
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
			return nil, p.otherwise(err)
		}
		feeds = append(feeds, p.newFeed(client, in, res))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known.Transport = p.transport // pictures may be there before the answer to PLAY is
	p.known.Encrypted = p.secure || p.url.Scheme == "rtsps" && !p.datagrams()
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
	if in.media.Profile == headers.TransportProfileSAVP || in.media.KeyMgmtMikey != nil || in.media.KeyMgmtSDES != nil {
		return f
	}
	var transport headers.Transport
	if p.socket != nil {
		if peer, ok := peerOf(client.NetConn(), res.Header["Transport"]); ok {
			f.socket = p.socket
			f.socket.payloadType, f.socket.feedback = in.format.PayloadType(), f.feedback
			f.socket.peer.Store(&peer)
		}
	} else if transport.Unmarshal(res.Header["Transport"]) == nil && transport.InterleavedIDs != nil {
		f.interleaved, f.channel = true, byte(transport.InterleavedIDs[0])
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

// libraryEvery is how often a packet goes the way through the library, which ends
// sessions in which it sees none for the timeout of a source, and counts in whole seconds.
const libraryEvery = 250 * time.Millisecond

// shortcut takes media before the library does, which would allocate each packet and look
// it up in half a dozen maps. Those that are encrypted it has to open.
func (p *pull) shortcut(feeds []*feed) {
	frames := &media{frame: map[byte]func([]byte) bool{}}
	for _, f := range feeds {
		switch {
		case f.socket != nil:
			f.socket.take = f.ordered
		case f.interleaved:
			frames.frame[f.channel] = f.frame
		}
	}
	if len(frames.frame) > 0 && p.conn != nil {
		p.conn.framer.media.Store(frames)
	}
}

// frame takes a packet by TCP. Some cameras send them twice or out of order.
func (f *feed) frame(b []byte) bool {
	if len(b) < rtpFixed || b[0]>>6 != 2 || b[1]&0x7f != f.format.PayloadType() {
		return false // the library knows what to make of it
	}
	now := time.Now()
	if now.Sub(f.seen) >= libraryEvery {
		return false
	}
	a := arrivalOf(b)
	f.arrived(a, binary.BigEndian.Uint32(b[4:]), now)
	return true
}

// packet takes a packet from the library.
func (f *feed) packet(pkt *rtp.Packet) {
	now := time.Now()
	f.seen = now
	if f.socket != nil {
		pkt.SequenceNumber = f.socket.sequence
		f.socket.passedOn(now)
		f.ordered(arrival{pkt: pkt})
		return
	}
	f.arrived(arrival{seq: pkt.SequenceNumber, ssrc: pkt.SSRC, pkt: pkt}, pkt.Timestamp, now)
}

// arrived brings packets into their order.
func (f *feed) arrived(a arrival, timestamp uint32, now time.Time) {
	f.feedback.packet(a.ssrc, a.seq, timestamp, now)
	f.release(now)
	if f.window.push(a, now) {
		f.ordered(a)
	}
	f.release(now)
}

// release hands on what has waited long enough.
func (f *feed) release(now time.Time) {
	for a, ok := f.window.pop(now); ok; a, ok = f.window.pop(now) {
		f.ordered(a)
	}
}

func (f *feed) ordered(a arrival) {
	pkt := a.pkt
	if pkt == nil {
		if pkt = f.parse(a.data); pkt == nil {
			return
		}
	}
	pts, ok := f.times.Decode(f.format, pkt)
	f.inlet.packet(pkt, pts, ok)
}
