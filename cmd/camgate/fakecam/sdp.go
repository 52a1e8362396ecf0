package fakecam

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// payloadType is that of a track: 8 and 0 are fixed for G.711 (RFC 3551).
func (m *media) payloadType() uint8 {
	switch {
	case m.codec == codecPCMA:
		return 8
	case m.codec == codecPCMU:
		return 0
	case m.kind == audio:
		return 97
	default:
		return 96
	}
}

// sdp describes what the session can get (RFC 4566). prefix goes in front of the
// control attributes.
func (k *conn) sdp(prefix string) string {
	var b strings.Builder
	b.WriteString("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=fakecam\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n")
	aggregate := "*"
	if prefix != "" {
		aggregate = prefix
	}
	fmt.Fprintf(&b, "a=control:%s\r\na=range:npt=now-\r\n", aggregate)
	if f, huge := k.fault("huge-sdp"); huge {
		line := "a=x-fakecam:" + strings.Repeat("x", 1000) + "\r\n"
		for b.Len() < int(f.args[0])<<10 {
			b.WriteString(line)
		}
	}
	for i, m := range k.prog.tracks {
		name := "video"
		if m.kind == audio {
			name = "audio"
		}
		fmt.Fprintf(&b, "m=%s 0 RTP/AVP %d\r\n%sa=control:%strackID=%d\r\n", name, m.payloadType(), m.attributes(k.prog), prefix, i)
	}
	if k.speaker {
		b.WriteString(k.cam.speakerSDP(prefix))
	}
	return b.String()
}

// attributes are the lines that tell how a track is coded.
func (m *media) attributes(p *programme) string {
	b64 := base64.StdEncoding.EncodeToString
	var name, fmtp string
	switch m.codec {
	case codecH264: // RFC 6184, 8.1
		name = "H264/90000"
		fmtp = "packetization-mode=1"
		if p.whole {
			fmtp = "packetization-mode=0"
		}
		if p.inSDP {
			fmtp += fmt.Sprintf(";profile-level-id=%X;sprop-parameter-sets=%s,%s", m.sps[1:4], b64(m.sps), b64(m.pps))
		}
	case codecH265: // RFC 7798, 7.1
		name = "H265/90000"
		if p.inSDP {
			fmtp = fmt.Sprintf("sprop-vps=%s;sprop-sps=%s;sprop-pps=%s", b64(m.vps), b64(m.sps), b64(m.pps))
		}
	case codecAAC: // RFC 3640, 4.1
		name = fmt.Sprintf("mpeg4-generic/%d/%d", m.rate, m.channels)
		fmtp = "streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=" + hex.EncodeToString(m.config)
	case codecOpus: // RFC 7587, 7
		name = "opus/48000/2"
		fmtp = "sprop-stereo=1"
	case codecPCMA:
		name = "PCMA/8000"
	case codecPCMU:
		name = "PCMU/8000"
	}
	lines := fmt.Sprintf("a=rtpmap:%d %s\r\n", m.payloadType(), name)
	if fmtp != "" {
		lines += fmt.Sprintf("a=fmtp:%d %s\r\n", m.payloadType(), fmtp)
	}
	return lines
}
