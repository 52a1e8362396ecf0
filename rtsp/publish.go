package rtsp

import (
	"bytes"
	"math/rand/v2"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
	"github.com/camgate/camgate/ingest/unpack"
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
	ins, err := inputs(ctx.Description, ctx.Request.Body)
	if err != nil {
		return err
	}
	log := s.log.With("stream", name)
	p, err := ingest.Publish(stream, "rtsp "+s.remote, log)
	if err != nil {
		return err
	}
	s.log, s.publication, s.ins, s.channels = log, p, ins, map[*description.Media]byte{}
	return nil
}

// OnRecord begins the media of a publisher.
func (e *endpoint) OnRecord(ctx *gortsplib.ServerHandlerOnRecordCtx) (*base.Response, error) {
	s := sessionOf(ctx.Session)
	if err := s.record(stateOf(ctx.Conn).conn); err != nil {
		return e.refuse(ctx.Conn, ctx.Path, err)
	}
	return ok(), nil
}

func (s *session) record(c *conn) error {
	tracks := make([]*camgate.Track, len(s.ins))
	for i, in := range s.ins {
		tracks[i] = in.track
	}
	writer, err := s.publication.Start(tracks)
	if err != nil {
		return err
	}
	s.writer = writer
	ours := &media{frame: map[byte]func([]byte) bool{}}
	for i, in := range s.ins {
		inlet := newInlet(writer, i, in, &s.endpoint.server.units, s.log)
		take := func(pkt *rtp.Packet) {
			pts, ok := s.lib.PacketPTS(in.media, pkt)
			inlet.packet(pkt, pts, ok)
		}
		s.lib.OnPacketRTP(in.media, in.format, take)
		if ch, ok := s.channels[in.media]; ok {
			parse, reported := parser(in.format.PayloadType(), inlet), s.reported(c, ch+1, in, take)
			ours.frame[ch] = func(b []byte) bool {
				if pkt := parse(b); pkt != nil {
					reported(pkt)
				}
				return true
			}
		}
	}
	s.recordsOn = c
	c.framer.media.Store(ours)
	s.log.Info("publisher joined", "transport", s.transport())
	return nil
}

// reported has packets reported on that the library does not see.
func (s *session) reported(c *conn, channel byte, in input, take func(*rtp.Packet)) func(*rtp.Packet) {
	fb := newFeedback(in.format.ClockRate(), rand.Uint32(), cnameOfServer, time.Now(), func(p rtcp.Packet) {
		if b, err := p.Marshal(); err == nil {
			c.offer(append([]byte{interleaved, channel, byte(len(b) >> 8), byte(len(b))}, b...))
		}
	})
	s.lib.OnPacketRTCP(in.media, func(p rtcp.Packet) { fb.control(p, time.Now()) })
	return func(pkt *rtp.Packet) {
		now := time.Now()
		fb.packet(pkt.SSRC, pkt.SequenceNumber, pkt.Timestamp, now)
		fb.tick(now)
		take(pkt)
	}
}

const cnameOfServer = "camgate"

// parser reads the RTP packets of a payload type for an inlet; nil: it is none. A packet is
// valid until the next one when the inlet copies what is in it.
func parser(payloadType uint8, to *inlet) func([]byte) *rtp.Packet {
	var reused rtp.Packet
	_, copies := to.d.(*unpack.NALUnits)
	return func(b []byte) *rtp.Packet {
		pkt := &reused
		if !copies {
			pkt, b = new(rtp.Packet), bytes.Clone(b)
		}
		if pkt.Unmarshal(b) != nil || pkt.PayloadType != payloadType {
			return nil
		}
		return pkt
	}
}

// pausePublishing leaves the stream without media; the publisher keeps its claim.
func (s *session) pausePublishing() {
	s.stopTaking()
	if s.writer != nil {
		s.writer.Close()
		s.writer = nil
	}
}

// stopTaking leaves what comes from now on to the library.
func (s *session) stopTaking() {
	if s.recordsOn != nil {
		s.recordsOn.framer.media.Store(nil)
	}
}
