package fakecam

import (
	"fmt"
	"strings"
)

// once is for faults that begin a time after PLAY.
func once(more ...param) []param { return append([]param{{span, 0}}, more...) }

// table lists all faults. Where the first argument is a time and the line says
// "after TIME", it counts from PLAY, in each session; without it, it is at once.
var table = []spec{
	// How media travels.
	{name: "udp-461", doc: "media over UDP is refused with 461"},
	{name: "udp-silent", doc: "media over UDP is granted, but no packet comes"},
	{name: "udp-loss", params: []param{{percent, 10}}, doc: "this share of the packets over UDP is lost (10%)"},
	{name: "loss", params: []param{{percent, 5}}, doc: "this share of the packets is lost, over TCP too (5%)"},
	{name: "reorder", params: []param{{count, 3}}, doc: "each tenth packet comes N packets late (3)"},
	{name: "duplicate", params: []param{{percent, 100}}, doc: "this share of the packets comes twice (100%)"},
	{name: "jitter", params: []param{{span, .05}}, doc: "pictures and sound come up to TIME late (50ms)"},
	{name: "interleaved-early", doc: "media comes before the answer to PLAY (TCP)"},
	{name: "unknown-channel", doc: "data on a channel that nobody set up, once a second (TCP)"},
	{name: "garbage", params: []param{{span, 1}}, doc: "random bytes between the packets, each TIME (1s, TCP)"},

	// Cameras that stop.
	{name: "silence", params: once(), doc: "media stops after TIME, the connection stays"},
	{name: "no-rr-stop", params: []param{{span, 1.8}}, doc: "sends nothing while no receiver report came for TIME (1.8s), as some printers"},
	{name: "frozen-tcp", params: once(), doc: "after TIME nothing is read and written, the connection stays"},
	{name: "kill", params: once(), doc: "after TIME all connections are reset"},
	{name: "hang-up", params: once(), doc: "after TIME the connection is closed in order, without a word"},
	{name: "gone", params: once(param{span, 3}), doc: "after TIME all connections are reset and the port is closed, for the second TIME (3s)"},
	{name: "rtcp-bye", params: once(), doc: "after TIME an RTCP BYE ends the media, the connection stays"},
	{name: "keepalive-required", params: []param{{span, 10}}, doc: "a session ends when no RTSP request came for TIME (10s); reports do not count"},
	{name: "get-parameter-501", doc: "GET_PARAMETER is not there, only OPTIONS keeps a session"},
	{name: "one-client", params: []param{{count, 453}}, doc: "a second session is refused with this code (453)"},
	{name: "hold-port", params: []param{{span, 5}}, doc: "a session that ended without TEARDOWN blocks the next one for TIME (5s, with 453)"},
	{name: "teardown-hang", doc: "TEARDOWN is never answered"},
	{name: "heal", params: []param{{count, 1}}, doc: "the other faults hold for the first N connections only (1)"},

	// TLS.
	{name: "dead-tls", doc: "connections are taken, but no TLS handshake is answered"},
	{name: "old-tls", needs: "tls", doc: "TLS 1.2 at the most, and only with RSA key exchange and AES-CBC"},

	// Signalling.
	{name: "slow-describe", params: []param{{span, 5}}, doc: "DESCRIBE is answered after TIME (5s)"},
	{name: "redirect", doc: "DESCRIBE is redirected (302) to another path"},
	{name: "describe-other-base", group: "control", doc: "Content-Base and control URLs name another host and path"},
	{name: "relative-control", group: "control", doc: "no Content-Base, control URLs are relative"},
	{name: "absolute-control", group: "control", doc: "no Content-Base, control URLs are absolute"},
	{name: "no-rtp-info", doc: "the answer to PLAY has no RTP-Info"},
	{name: "no-public", doc: "OPTIONS does not say which methods there are"},
	{name: "huge-sdp", params: []param{{count, 100}}, doc: "the SDP is filled up to N KiB (100)"},
	{name: "no-tracks", group: "tracks", doc: "there is no track in the SDP"},
	{name: "audio-only", group: "tracks", doc: "only sound"},
	{name: "video-only", group: "tracks", doc: "only pictures"},
	{name: "late-sdp", params: []param{{span, 3}}, doc: "no track in the SDP until TIME after the camera came up (3s)"},

	// Passwords.
	{name: "basic", group: "scheme", needs: "user", doc: "only Basic authentication"},
	{name: "digest-md5", group: "scheme", needs: "user", doc: "only Digest with MD5, and it says so (without a fault it is Digest, MD5)"},
	{name: "digest-sha256", group: "scheme", needs: "user", doc: "only Digest with SHA-256"},
	{name: "all-schemes", group: "scheme", needs: "user", doc: "offers Digest with SHA-256, Digest with MD5 and Basic"},
	{name: "digest-qop", needs: "user", doc: "Digest with qop=auth; nc has to grow"},
	{name: "digest-stale", params: []param{{count, 2}}, needs: "user", doc: "a nonce is stale after N requests (2)"},
	{name: "realm-change", needs: "user", doc: "another realm and nonce after the first request with the right password"},
	{name: "odd-realm", needs: "user", doc: "a realm with commas, equals signs and parentheses"},
	{name: "auth-options", needs: "user", doc: "OPTIONS asks for the password too"},
	{name: "refuse-password", needs: "user", doc: "no password is the right one"},

	// Time and numbers in RTP.
	{name: "ssrc-change", params: once(), doc: "another SSRC after TIME"},
	{name: "seq-jump", params: once(param{signed, 1000}), doc: "sequence numbers jump by N after TIME (+1000)"},
	{name: "seq-wrap", doc: "sequence numbers begin short of 65536"},
	{name: "ts-jump", params: once(param{signed, 90000000}), doc: "timestamps jump by N/90000 s after TIME (+90000000)"},
	{name: "ts-back", params: once(param{signed, 90000}), doc: "timestamps go back by N/90000 s after TIME (90000)"},
	{name: "ts-wrap", doc: "timestamps begin 2 s short of 2^32"},
	{name: "drift", params: []param{{ppm, 500}}, doc: "the camera's clock runs fast, or slow (+500ppm)"},
	{name: "wrong-clock", group: "clock", doc: "sender reports have a clock that began in 1970"},
	{name: "jumping-clock", group: "clock", doc: "sender reports have a clock that is an hour ahead every other time"},
	{name: "no-sr", doc: "no sender reports"},

	// Pictures and sound.
	{name: "no-marker", group: "marker", doc: "no marker bit on any packet of pictures"},
	{name: "all-markers", group: "marker", doc: "a marker bit at the end of each slice"},
	{name: "multi-slice", doc: "four slices a picture (a test pattern, when the clip has one)"},
	{name: "single-nal", doc: "packetization-mode 0: only whole NAL units in packets (a test pattern, when those of the clip are too large)"},
	{name: "stap-a", doc: "SPS, PPS and small slices aggregated (STAP-A; AP for H265)"},
	{name: "bframes", doc: "pictures out of order (a test pattern, when the clip has none)"},
	{name: "mid-gop", doc: "pictures begin in the middle of a GOP"},
	{name: "sps-change", params: once(), doc: "other pictures of another size after TIME (those of the second clip, else a test pattern)"},
	{name: "sps-sdp-only", group: "parameters", doc: "SPS and PPS only in the SDP"},
	{name: "sps-band-only", group: "parameters", doc: "SPS and PPS only in band"},
	{name: "late-params", group: "parameters", params: once(), doc: "no SPS and PPS in the SDP, and in band only after TIME"},
	{name: "pcma", group: "sound", doc: "the sound is a tone in G.711 A-law"},
	{name: "pcmu", group: "sound", doc: "the sound is a tone in G.711 mu-law"},
	{name: "opus", group: "sound", doc: "the sound is silence in Opus"},
	{name: "aac", group: "sound", doc: "the sound is that of the clip (so it is without a fault)"},
}

// List writes the table of all faults, a line each.
func List() string {
	var b strings.Builder
	for _, s := range table {
		fmt.Fprintf(&b, "%-28s %s\n", s.usage(), s.doc)
	}
	return b.String()
}
