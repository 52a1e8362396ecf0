package fakecam

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// The back channel of ONVIF (Streaming Specification, 5.3): who asks for it is told of one
// more section of sound, which leads to the camera's loudspeaker.
const (
	backChannelOption = "www.onvif.org/ver20/backchannel"
	speakerControl    = "backchannel"
	speakerID         = 1 << 10 // no track has it
)

// Heard is a packet that came to the loudspeaker.
type Heard struct {
	At         time.Time
	Connection uint64 // from 1
	Transport  string // tcp or udp
	Packet     *rtp.Packet
	Report     *rtcp.SenderReport // in place of a packet
}

func (r *request) wantsBackChannel() bool {
	return strings.Contains(r.header["require"], backChannelOption)
}

// speakerSDP describes the back channel: sendonly is what the client does.
func (c *Cam) speakerSDP(prefix string) string {
	number := 0
	if c.opts.BackChannel == "pcma" {
		number = 8
	}
	return fmt.Sprintf("m=audio 0 RTP/AVP %d\r\na=rtpmap:%d %s/8000\r\na=control:%s%s\r\na=sendonly\r\n",
		number, number, strings.ToUpper(c.opts.BackChannel), prefix, speakerControl)
}

// setupSpeaker is setup for the back channel.
func (s *session) setupSpeaker(wanted string) (header string, err error) {
	if s.speaker != nil {
		return "", errors.New("the back channel is set up already")
	}
	t := &track{id: len(s.tracks), session: s}
	err = errors.New("no transport that this camera has")
	for offer := range strings.SplitSeq(wanted, ",") {
		var tried bool
		if header, tried, err = s.transport(t, strings.TrimSpace(offer)); tried && err == nil {
			s.speaker = t
			if out, ok := t.out.(*datagrams); ok {
				s.work.Go(func() { out.receiveOn(out.rtp, func(data []byte) { s.hear(t, data) }) })
			}
			return header, nil
		}
	}
	return "", err
}

// listens takes what came on a channel of the loudspeaker.
func (s *session) listens(channel int, data []byte) bool {
	if s.speaker == nil {
		return false
	}
	out, ok := s.speaker.out.(*interleaved)
	switch {
	case ok && int(out.rtp) == channel:
		s.hear(s.speaker, data)
	case ok && int(out.rtcp) == channel:
		s.report(s.speaker, data)
	default:
		return false
	}
	return true
}

// hear takes RTP.
func (s *session) hear(t *track, data []byte) {
	p := &rtp.Packet{}
	if err := p.Unmarshal(append([]byte(nil), data...)); err != nil {
		return
	}
	s.tell(t, Heard{Packet: p})
}

// hearReport takes a sender report of who talks.
func (s *session) hearReport(t *track, p rtcp.Packet) {
	if sr, ok := p.(*rtcp.SenderReport); ok {
		s.tell(t, Heard{Report: sr})
	}
}

func (s *session) tell(t *track, h Heard) {
	h.At, h.Connection, h.Transport = s.conn.now(), s.conn.number, t.out.name()
	if heard := s.conn.cam.opts.Heard; heard != nil {
		heard(h)
	}
}

// Header is that of an AU file for what comes to the loudspeaker, which then follows as it
// is.
func (o Options) Header() []byte {
	encoding := uint32(1) // G.711 mu-law
	if o.BackChannel == "pcma" {
		encoding = 27
	}
	h := []byte(".snd")
	for _, v := range []uint32{24, 0xffffffff, encoding, 8000, 1} {
		h = binary.BigEndian.AppendUint32(h, v)
	}
	return h
}
