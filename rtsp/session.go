package rtsp

import (
	"log/slog"
	"net"
	"net/netip"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/headers"
	"github.com/pion/rtcp"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// session is one RTSP session: of a reader or of a publisher. It is used by the
// goroutine that answers a request of it, and by close, which comes last.
type session struct {
	endpoint *endpoint
	lib      *gortsplib.ServerSession
	remote   string
	log      *slog.Logger

	// Of a reader.
	desc    *described
	release func() // lets go of what it shows
	conn    *conn  // that the session was begun with
	outs    []*outTrack
	play    *playback // current or last one

	// Of a publisher.
	ins         []input
	publication *ingest.Publication
	writer      *ingest.Writer
	channels    map[*description.Media]byte // of RTP, of tracks that come interleaved in the clear
	recordsOn   *conn                       // where they come, with writer
}

// isSetUp notes what a SETUP has negotiated, and completes the response: the SSRC
// is that of the packets as we send them.
func (s *session) isSetUp(res *base.Response) {
	medias := s.lib.Medias()
	var th headers.Transport
	if len(medias) == 0 || th.Unmarshal(res.Header["Transport"]) != nil {
		return // not understood by the library
	}
	if s.desc == nil {
		if ids := th.InterleavedIDs; ids != nil && th.Profile == headers.TransportProfileAVP {
			s.channels[medias[len(medias)-1]] = byte(ids[0])
		}
		return
	}
	if len(medias) != len(s.outs)+1 {
		return
	}
	track := s.desc.track(medias[len(medias)-1])
	out := &outTrack{track: track}
	if ids := th.InterleavedIDs; ids != nil {
		out.channel = byte(ids[0])
	}
	if ports := th.ClientPorts; ports != nil {
		out.rtp, out.rtcp = s.peer(ports[0]), s.peer(ports[1])
	}
	s.outs = append(s.outs, out)
	th.SSRC = &track.SSRC
	res.Header["Transport"] = th.Marshal()
}

// peer is where the reader gets datagrams: at the address that it asks from, so
// that nobody can have them sent to somebody else.
func (s *session) peer(port int) netip.AddrPort {
	addr := s.conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr()
	return netip.AddrPortFrom(addr.Unmap(), uint16(port))
}

func (s *session) udp() bool { return len(s.outs) > 0 && s.outs[0].rtp.IsValid() }

func (s *session) transport() string {
	if t := s.lib.Transport(); t != nil && t.Protocol != gortsplib.ProtocolTCP {
		return "udp"
	}
	return "tcp"
}

// prepare subscribes to the stream, so that the answer to PLAY can name the first
// packets. The media follows the answer.
func (s *session) prepare() error {
	if s.play != nil {
		if !s.play.stopped.Load() {
			return nil // PLAY while playing: nothing to do
		}
		if s.play.begun {
			<-s.play.done // its numbering is taken over
		}
	}
	tracks := make([]*camgate.Track, len(s.outs))
	for i, out := range s.outs {
		tracks[i] = out.track
	}
	reader, err := s.desc.stream.Subscribe(s.endpoint.server.ctx, camgate.SubscribeOptions{
		Tracks: tracks, LiveAudio: true, Protocol: protocol, Remote: s.remote, Logger: s.log,
	})
	if err != nil {
		return err
	}
	s.play = newPlayback(s, reader)
	s.lib.OnPacketRTCPAny(func(_ *description.Media, p rtcp.Packet) { s.hear(reader, p) })
	return nil
}

// hear takes what a reader reports (RFC 3550 section 6.4, RFC 4585 section 6.3.1).
func (s *session) hear(reader *camgate.Reader, p rtcp.Packet) {
	switch p := p.(type) {
	case *rtcp.ReceiverReport:
		for _, block := range p.Reports {
			for _, out := range s.outs {
				if out.track.SSRC == block.SSRC && out.track.Kind == camgate.Video {
					reader.Report(float64(block.FractionLost)/256, 0)
				}
			}
		}
	case *rtcp.PictureLossIndication:
		s.desc.stream.RequestKeyframe()
	}
}

// answerPlay completes the answer to PLAY and lets the media follow it.
func (s *session) answerPlay(st *connState, res *base.Response) {
	var info headers.RTPInfo
	if s.play == nil || s.play.begun {
		return
	}
	s.play.begun, s.play.conn = true, st.conn
	if info.Unmarshal(res.Header["RTP-Info"]) == nil && len(info) == len(s.outs) {
		for i, out := range s.outs {
			s.play.announce(out, info[i])
		}
		res.Header["RTP-Info"] = info.Marshal()
	}
	s.log.Info("reader joined", "transport", s.transport())
	st.conn.afterNextWrite(s.play.start)
}

// stopPlaying ends the media before the answer to the request that asks for it.
func (s *session) stopPlaying() {
	if s.play != nil {
		s.play.stop()
	}
}

// close is called when the library is done with the session.
func (s *session) close(reason error) {
	s.stopPlaying()
	if s.release != nil {
		s.release()
	}
	if s.publication != nil {
		s.publication.Close()
		s.log.Info("publisher left", "reason", reasonOf(reason, "publisher"))
	}
	if s.play != nil {
		s.log.Info("reader left", "reason", reasonOf(s.play.reason(reason), "viewer"))
	}
}
