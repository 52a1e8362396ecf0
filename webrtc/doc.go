// Package webrtc serves streams to browsers over WebRTC.
//
// # Signalling
//
// A viewer posts its offer to the stream's endpoint and gets the answer: WHEP
// (draft-ietf-wish-whep), which has the shape of WHIP (RFC 9725) with the media
// going the other way. The session is a resource of its own: DELETE ends it, PATCH
// takes trickled candidates (RFC 8840). Its name has 128 random bits, and who knows
// it may end it: it is a capability and never logged.
//
// A session is a PeerConnection of the library: signalling, ICE, DTLS, RTCP and the
// answer are its own. It gets to see only those sections of an offer that are served,
// each with the one payload type that was chosen; the answer to the others, and where
// the gateway can be reached, are added to what it answers.
//
// # Transport
//
// The gateway can always be reached at one UDP and one TCP port (RFC 6544) that all
// sessions share. It learns a viewer's address from the viewer's own connectivity
// checks (RFC 8445 section 7.3.1.3) and has no use for the candidates of an offer: it
// never sends to an address that somebody only claims to have. It does answer with
// checks of its own, as an ICE-lite agent would not, because that lets viewers settle
// on a path earlier: a browser that meets a lite agent waits for 200 ms. The viewer is
// the DTLS client, so the gateway chooses the SRTP profile (RFC 5764 section 4.1.2):
// AES-GCM (RFC 7714) where the CPU has instructions for it, else AES-CM with SHA1.
//
// # The path of a packet
//
//	Reader.Next in the session's goroutine
//	  -> Unit.Packets: payloads, shared by all viewers
//	  -> lane: this viewer's RTP header (payload type, sequence numbers, SSRC)
//	  -> SRTP, in place in a batch: the copy that goes to the kernel
//	  -> one system call for a frame, straight to the shared UDP socket, or to the
//	     viewer's TCP connection
//
// The keys for it are exported from the PeerConnection's handshake, see exporter.
// Should a handshake not give them away, the library encrypts and sends packet by
// packet.
//
// Nothing is kept for each viewer but the header fields: a NACK (RFC 4585) is
// answered from the stream's ring, where the packet is made again bit by bit.
//
// # Clocks
//
// Timestamps of all tracks come from the stream's one clock, and sender reports say
// so. A viewer that joins gets the cached GOP faster than in real time with the
// timestamps of the live edge, so that it shows a picture at once and is not late.
package webrtc
