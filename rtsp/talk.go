package rtsp

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"
	"github.com/pion/rtp"

	"github.com/camgate/camgate"
)

// maxUnheard is how often in a row a camera may end the connection over the question for
// its back channel; then it is not asked, once.
const maxUnheard = 3

// wantsVoice tells whether the camera is to be asked for its back channel (ONVIF Streaming
// Specification section 5.3): only where somebody is to talk, as there are cameras that
// know nothing of it and say so, or worse.
func (p *pull) wantsVoice() bool {
	s := p.source
	if s.talk == nil || p.transport == TransportMulticast {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unheard < maxUnheard {
		return true
	}
	s.unheard = 0
	p.log.Warn("the camera ends the connection when it is asked for its back channel", "source", s.name)
	return false
}

// unheard tells whether to ask without the back channel, after a refusal that may be for
// its sake.
func (p *pull) unheard(client *gortsplib.Client, err error) bool {
	if !client.RequestBackChannels {
		return false
	}
	var status liberrors.ErrClientBadStatusCode
	var redirect *redirectError
	p.source.mu.Lock()
	defer p.source.mu.Unlock()
	switch {
	case err == nil:
		p.source.unheard = 0
	case errors.As(err, &redirect), errors.Is(err, camgate.ErrAuthFailed), errors.Is(err, camgate.ErrStreamNotFound), p.conn == nil:
	case !errors.As(err, &status):
		p.source.unheard++ // there is no connection any more
	default:
		p.source.unheard = 0
		client.RequestBackChannels = false
		p.log.Info("the camera knows no back channel", "source", p.source.name, "reason", err.Error())
		return true
	}
	return false
}

// voice is the back channel of a session.
type voice struct {
	client *gortsplib.Client
	media  *description.Media
	format *format.G711
	seq    uint16
	clock  uint32
}

// setUpVoice asks for the back channel; nil: there is none that we can use. The session
// does without.
func (p *pull) setUpVoice(client *gortsplib.Client, desc *description.Session) *voice {
	if !client.RequestBackChannels {
		return nil
	}
	var others []string
	for _, m := range desc.Medias {
		if !m.IsBackChannel || m.Type != description.MediaTypeAudio {
			continue
		}
		for _, f := range m.Formats {
			g711, ok := f.(*format.G711)
			if !ok || g711.SampleRate != 8000 || g711.ChannelCount != 1 {
				others = append(others, f.RTPMap())
				continue
			}
			err := p.control.ask(func() error { _, err := client.Setup(desc.BaseURL, m, 0, 0); return err })
			if err != nil {
				p.log.Warn("the camera refuses its back channel", "source", p.source.name, "err", err)
				return nil
			}
			p.control.noRange = true // as in the example of the specification; there are servers that take no other
			return &voice{client: client, media: m, format: g711, seq: uint16(rand.Uint32()), clock: rand.Uint32()}
		}
	}
	if others != nil {
		p.log.Warn("the camera's back channel is not of use: PCMU or PCMA is needed", "source", p.source.name, "codecs", others)
	}
	return nil
}

// open lets talkers in, until end.
func (v *voice) open(to *camgate.BackChannel) (end func()) {
	codec := camgate.PCMA
	if v.format.MULaw {
		codec = camgate.PCMU
	}
	return to.Open(codec, v.send)
}

// send says something to the camera. The library queues it, and reports what was sent.
func (v *voice) send(at uint32, begins bool, sound []byte) {
	v.seq++
	// What cannot be sent is lost; that the connection is at its end, others notice.
	_ = v.client.WritePacketRTPWithNTP(v.media, &rtp.Packet{
		Header: rtp.Header{
			Version: 2, Marker: begins, PayloadType: v.format.PayloadType(), SequenceNumber: v.seq, Timestamp: v.clock + at,
		},
		Payload: sound,
	}, time.Now())
}
