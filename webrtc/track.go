package webrtc

import pion "github.com/pion/webrtc/v4"

// A lane is a track of the library (pion.TrackLocal).

// Bind is called when the payload type is negotiated, before media can flow.
func (l *lane) Bind(c pion.TrackLocalContext) (pion.RTPCodecParameters, error) {
	for _, p := range c.CodecParameters() {
		if uint8(p.PayloadType) == l.payloadType {
			l.ssrc, l.stream = uint32(c.SSRC()), c.WriteStream()
			if l.repairType != 0 {
				l.repairSSRC = uint32(c.SSRCRetransmission())
			}
			return p, nil
		}
	}
	return pion.RTPCodecParameters{}, pion.ErrUnsupportedCodec
}

// Unbind is called when the PeerConnection ends.
func (l *lane) Unbind(pion.TrackLocalContext) error { return nil }

// ID names the track among those of the session.
func (l *lane) ID() string { return l.name }

// RID is empty: there is no simulcast.
func (l *lane) RID() string { return "" }

// StreamID is the same for all tracks, which belong together; the library takes it
// for the CNAME, too.
func (l *lane) StreamID() string { return l.cname }

// Kind is that of the track, whichever it is.
func (l *lane) Kind() pion.RTPCodecType { return pion.NewRTPCodecType(string(l.kind)) }
