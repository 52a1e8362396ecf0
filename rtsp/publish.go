package rtsp

import (
	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/pion/rtp"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// OnAnnounce takes a publisher, when the stream is there to be published to and
// nobody does so now.
func (e *endpoint) OnAnnounce(ctx *gortsplib.ServerHandlerOnAnnounceCtx) (*base.Response, error) {
	s := sessionOf(ctx.Session)
	stateOf(ctx.Conn).session = s
	if err := e.announce(s, ctx); err != nil {
		return e.refuse(ctx.Conn, ctx.Path, err)
	}
	return ok(), nil
}

func (e *endpoint) announce(s *session, ctx *gortsplib.ServerHandlerOnAnnounceCtx) error {
	name := nameOf(ctx.Path)
	if err := e.authorize(ctx.Conn, ctx.Request, camgate.ActionPublish, name); err != nil {
		return err
	}
	stream, err := e.server.opts.Registry.Get(name)
	if err != nil {
		return err
	}
	ins, err := inputs(ctx.Description)
	if err != nil {
		return err
	}
	p, err := ingest.Publish(stream, "rtsp "+s.remote)
	if err != nil {
		return err
	}
	s.log = s.log.With("stream", name)
	s.publication, s.ins = p, ins
	return nil
}

// OnRecord begins the media of a publisher.
func (e *endpoint) OnRecord(ctx *gortsplib.ServerHandlerOnRecordCtx) (*base.Response, error) {
	s := sessionOf(ctx.Session)
	if err := s.record(); err != nil {
		return e.refuse(ctx.Conn, ctx.Path, err)
	}
	stateOf(ctx.Conn).conn.publishes.Store(true)
	return ok(), nil
}

func (s *session) record() error {
	tracks := make([]*camgate.Track, len(s.ins))
	for i, in := range s.ins {
		tracks[i] = in.track
	}
	writer, err := s.publication.Start(tracks)
	if err != nil {
		return err
	}
	s.writer = writer
	for i, in := range s.ins {
		inlet := newInlet(writer, i, in, s.log)
		s.lib.OnPacketRTP(in.media, in.format, func(pkt *rtp.Packet) {
			pts, ok := s.lib.PacketPTS(in.media, pkt)
			inlet.packet(pkt, pts, ok)
		})
	}
	s.log.Info("publisher joined", "transport", s.transport())
	return nil
}

// pausePublishing leaves the stream without media; the publisher keeps its claim.
func (s *session) pausePublishing() {
	if s.writer != nil {
		s.writer.Close()
		s.writer = nil
	}
}
