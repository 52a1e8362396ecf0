package webrtc

import (
	"encoding/binary"

	"github.com/pion/rtp"
	pion "github.com/pion/webrtc/v4"
)

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

// pass gives a packet to the library: where there are no keys, it has to encrypt and
// send.
func (l *lane) pass(marker bool, seq uint16, stamp uint32, payload []byte) (int, error) {
	l.header = rtp.Header{Version: 2, Marker: marker, PayloadType: l.payloadType, SequenceNumber: seq, Timestamp: stamp, SSRC: l.ssrc}
	return l.stream.WriteRTP(&l.header, payload)
}

// passRepair does so with one that is sent again.
func (l *lane) passRepair(marker bool, seq, original uint16, stamp uint32, payload []byte) (int, error) {
	l.header = rtp.Header{Version: 2, Marker: marker, PayloadType: l.repairType, SequenceNumber: seq, Timestamp: stamp, SSRC: l.repairSSRC}
	return l.stream.WriteRTP(&l.header, append(binary.BigEndian.AppendUint16(nil, original), payload...))
}
