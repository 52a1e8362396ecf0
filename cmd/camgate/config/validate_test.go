package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestValidation(t *testing.T) {
	stream := func(body string) string { return aUser + "streams:\n  cam: {" + body + "}\n" }
	hash := HashPassword("x")
	tests := map[string]struct {
		text string
		want []string
	}{
		"no source": {stream("on_demand: true"), []string{`c.yaml:3:3: streams.cam: has no source: name a URL, "publish" or "demo"`}},
		"bad name": {"streams:\n  front door: {source: demo}\n  api/x: {source: demo}\n  a//b: {source: demo}\n", []string{
			`c.yaml:2:3: streams.front door: " " is not allowed in a stream's name: use letters, digits and _ - . /`,
			`c.yaml:3:3: streams.api/x: a stream's name cannot begin with "api": it is a page of camgate`,
			`c.yaml:4:3: streams.a//b: a stream's name has no empty or dot segments`}},
		"output's name": {"streams: {a: {source: demo}, a/mjpeg: {source: demo}, a/index.m3u8: {source: demo}, b/whep: {source: demo}, a/publish: {source: demo}}\n", []string{
			`c.yaml:1:30: streams.a/mjpeg: its page would stand where an output of the stream "a" is: give it another name`,
			`c.yaml:1:55: streams.a/index.m3u8: its page would stand where an output of the stream "a" is: give it another name`,
			`c.yaml:1:109: streams.a/publish: its page would stand where an output of the stream "a" is: give it another name`}},
		"near scheme":     {stream("source: 'rstp://u:p@h/x'"), []string{`c.yaml:3:17: streams.cam.source: unknown scheme "rstp": did you mean "rtsp"?`}},
		"unknown scheme":  {stream("source: 'gopher://u:p@h/x'"), []string{`c.yaml:3:17: streams.cam.source: unknown scheme "gopher": known are: rtsp, rtsps, rtsp+http, rtsp+ws, rtsps+http, rtsps+ws, http+mjpeg, https+mjpeg, http+jpeg, https+jpeg, bambu, bambus, udp+mpegts, onvif, onvifs, v4l2, rpicam, exec, file, publish, demo`}},
		"second source":   {stream("source: ['demo', 'rtsp://u:p@h:99999/x']"), []string{`c.yaml:3:26: streams.cam.source[1]: what follows the host is no port: that is a number from 1 to 65535`}},
		"no URL":          {stream("source: hello"), []string{`c.yaml:3:17: streams.cam.source: "hello" is no URL: it begins with one of rtsp, rtsps, rtsp+http, rtsp+ws, rtsps+http, rtsps+ws, http+mjpeg, https+mjpeg, http+jpeg, https+jpeg, bambu, bambus, udp+mpegts, onvif, onvifs, v4l2, rpicam, exec, file, publish, demo`}},
		"no host":         {stream("source: 'rtsp:///x'"), []string{`c.yaml:3:17: streams.cam.source: it names no host: write rtsp://HOST/PATH`}},
		"no host, ONVIF":  {stream("source: 'onvif:///x'"), []string{`c.yaml:3:17: streams.cam.source: it names no host: write onvif://HOST/PATH`}},
		"fit":             {stream("source: demo, fit: x"), []string{`c.yaml:3:28: streams.cam.fit: "x" is none of auto, never`}},
		"slashes":         {stream("source: 'rtsp:h/x'"), []string{`c.yaml:3:17: streams.cam.source: two slashes follow the scheme: rtsp://HOST/PATH`}},
		"a path":          {stream("source: /srv/clip.mp4"), []string{`c.yaml:3:17: streams.cam.source: a file is written as file:/srv/clip.mp4`}},
		"file's host":     {stream("source: 'file://clip.mp4'"), []string{`c.yaml:3:17: streams.cam.source: a file of this machine has three slashes, or none: file:///srv/clip.mp4, file:clip.mp4`}},
		"publish and one": {stream("source: [publish, demo]"), []string{`c.yaml:3:18: streams.cam.source[0]: "publish" stands alone: a stream that is published to has no other source`}},
		"publish demand":  {stream("source: publish, on_demand: true"), []string{`c.yaml:3:37: streams.cam.on_demand: has no place with "source: publish": the publisher comes when it wants`}},
		"stall":           {stream("source: demo, stall_timeout: 10ms"), []string{`c.yaml:3:38: streams.cam.stall_timeout: has to be at least 1s`}},
		"onvif query":     {stream("source: 'onvif://u:s3cret@h?profil=2'"), []string{`c.yaml:3:17: streams.cam.source: an ONVIF URL takes ?profile=TOKEN (or name, or number) and stills=true, and nothing else`}},
		"tls without":     {stream("source: 'rtsp://h/x', tls: {insecure: true}"), []string{`c.yaml:3:36: streams.cam.tls: no source of the stream has TLS: that would be one of rtsps://, https+mjpeg://, https+jpeg://, bambu://, bambus://, onvif://, onvifs://`}},
		"fingerprint":     {stream("source: 'rtsps://h/x', tls: {fingerprint: 'AA:BB'}"), []string{`c.yaml:3:51: streams.cam.tls.fingerprint[0]: a fingerprint is a SHA-256: 64 hexadecimal digits, with or without colons, or sha256/BASE64: it has 4`}},
		"fingerprints":    {stream("source: 'rtsps://h/x', tls: {fingerprint: ['sha256/ungeIv7E0Vdqzb7Dnv+Hyp5Fgg1X9JkCRdB1Lt8G5RM=', 'sha256/AAAA']}"), []string{`c.yaml:3:107: streams.cam.tls.fingerprint[1]: what follows sha256/ is not the base64 of a SHA-256: those are 44 characters, the last one a =`}},
		"pin and name":    {stream("source: 'rtsps://h/x', tls: {fingerprint: " + strings.Repeat("ab", 32) + ", server_name: x}"), []string{`c.yaml:3:51: streams.cam.tls.fingerprint: accepts exactly that certificate, so ca and server_name would mean nothing: remove it or them`}},
		"pin, insecure":   {stream("source: 'rtsps://h/x', tls: {fingerprint: " + strings.Repeat("ab", 32) + ", insecure: true}"), []string{`c.yaml:3:127: streams.cam.tls.insecure: accepts any certificate, so the other keys of tls would mean nothing: remove it or them`}},
		"first use and":   {stream("source: 'rtsps://h/x', tls: {trust_on_first_use: true, server_name: x}"), []string{`c.yaml:3:58: streams.cam.tls.trust_on_first_use: accepts the certificate that comes first, so the other keys of tls would mean nothing: remove it or them`}},
		"insecure and":    {stream("source: 'rtsps://h/x', tls: {insecure: true, server_name: x}"), []string{`c.yaml:3:48: streams.cam.tls.insecure: accepts any certificate, so the other keys of tls would mean nothing: remove it or them`}},
		"ca file":         {stream("source: 'rtsps://h/x', tls: {ca: /nowhere/ca.pem}"), []string{`c.yaml:3:42: streams.cam.tls.ca: open /nowhere/ca.pem: no such file or directory`}},

		"user without password": {"users:\n- {name: tv, role: viewer}\n", []string{`c.yaml:2:3: users[0]: user "tv" has no password: "camgate user add NAME" makes one`}},
		"user with both":        {"users:\n- {name: tv, role: viewer, password: a, password_hash: '" + hash + "'}\n", []string{`c.yaml:2:3: users[0]: user "tv" has a password and a password_hash: one of them is enough`}},
		"user without a role":   {"users:\n- {name: tv, password: a}\n", []string{`c.yaml:2:3: users[0]: user "tv" has no role: it is one of admin, viewer, publisher`}},
		"unknown role":          {"users:\n- {name: tv, password: a, role: root}\n", []string{`c.yaml:2:33: users[0].role: "root" is none of admin, viewer, publisher`}},
		"user twice":            {"users:\n- {name: tv, password: a, role: viewer}\n- {name: tv, password: b, role: viewer}\n", []string{`c.yaml:3:10: users[1].name: user "tv" is here twice, first as users[0]`}},
		"user's name":           {"users:\n- {name: 'a:b', password: a, role: viewer}\n", []string{`c.yaml:2:10: users[0].name: "a:b" cannot be a user's name: colons, quotes and control characters have no place in it`}},
		"user without a name":   {"users:\n- {password: a, role: viewer}\n", []string{`c.yaml:2:3: users[0]: the user has no name`}},
		"pattern":               {"users:\n- {name: tv, password: a, role: viewer, streams: ['a[']}\n", []string{`c.yaml:2:51: users[0].streams[0]: of user "tv": "a[" is no pattern: * stands for any characters, ? for one, [ab] for one of these`}},
		"hash":                  {"users:\n- {name: tv, password_hash: abc, role: viewer}\n", []string{`c.yaml:2:29: users[0].password_hash: of user "tv": no argon2id hash: "camgate user add NAME --hash" prints one`}},
		"dear hash":             {"users:\n- {name: tv, password_hash: '$argon2id$v=19$m=9999999,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA', role: viewer}\n", []string{`c.yaml:2:29: users[0].password_hash: of user "tv": its cost is out of bounds: at most m=262144 (KiB), t=16`}},
		"anonymous users":       {aUser + "allow_anonymous: true\n", []string{`c.yaml:2:18: allow_anonymous: has no place beside users, who would need no password then: remove one of both`}},

		"open without users": {"http: {address: '0.0.0.0:8889'}\n", []string{`c.yaml:1:17: http.address: 0.0.0.0:8889 is open to other machines, but there are no users: add some ("camgate user add NAME"), or "allow_anonymous: true" to let anybody watch and publish`}},
		"no address":         {"rtsp: {address: here}\n", []string{`c.yaml:1:17: rtsp.address: "here" is no address: write HOST:PORT, or :PORT for all addresses`}},
		"no port":            {"rtsp: {address: ':rtsp'}\n", []string{`c.yaml:1:17: rtsp.address: ":rtsp" is no address: a port is a number from 0 to 65535`}},
		"port twice":         {aUser + "http: {address: ':8554'}\n", []string{`rtsp.address: port 8554 is that of http.address too: give them different ones`}},
		"udp port twice":     {"webrtc: {address: '127.0.0.1:8000'}\n", []string{`c.yaml:1:19: webrtc.address: port 8000 is that of rtsp.rtp_address too: give them different ones`}},
		"tcp and udp":        {"http: {address: ':8000'}\n", nil},
		"odd port":           {"rtsp: {rtp_address: ':8001', rtcp_address: ':8002'}\n", []string{`c.yaml:1:21: rtsp.rtp_address: port 8001 is odd: RTP has an even port, and RTCP the one after it`}},
		"rtcp port":          {"rtsp: {rtcp_address: ':8003'}\n", []string{`c.yaml:1:22: rtsp.rtcp_address: port 8003 does not follow that of rtp_address: it has to be 8001`}},
		"rtcp alone":         {"rtsp: {rtp_address: ''}\n", []string{`c.yaml:1:7: rtsp.rtcp_address: rtp_address and rtcp_address are both there or both empty`}},
		"no HTTP":            {"http: {address: ''}\n", []string{`c.yaml:1:17: http.address: it is empty: name an address as in :8889`}},
		"certificate":        {"rtsp: {tls_cert: a.pem}\n", []string{`c.yaml:1:7: rtsp.tls_key: is missing: tls_cert needs its key`}},
		"certificate files":  {"rtsp: {tls_cert: /nowhere/a.pem, tls_key: /nowhere/b.pem}\n", []string{`c.yaml:1:18: rtsp.tls_cert: open /nowhere/a.pem: no such file or directory`}},

		"poll":         {"streams: {a: {source: 'http+jpeg://h', poll: 1ms}}\n", []string{`c.yaml:1:46: streams.a.poll: has to be at least 20ms`}},
		"mpegts port":  {"streams: {a: {source: 'udp+mpegts://127.0.0.1'}}\n", []string{`c.yaml:1:23: streams.a.source: it names no port: write udp+mpegts://ADDRESS:PORT`}},
		"format":       {"streams: {a: {source: 'rtsp://h', format: h264}}\n", []string{`c.yaml:1:43: streams.a.format: is for exec: sources`}},
		"rpicam":       {"streams: {a: {source: 'rpicam://0', controls: {gain: x}}}\n", []string{`c.yaml:1:47: streams.a.controls: gain: is a number from 0 to 64`}},
		"rpicam raw":   {"streams: {a: {source: 'rpicam://0', video: {format: yuyv422}}}\n", []string{`c.yaml:1:53: streams.a.video.format: a Raspberry Pi camera gives h264 or mjpeg`}},
		"exec":         {"streams: {a: {source: 'exec:a | b'}}\n", []string{`c.yaml:1:23: streams.a.source: '|' means something to a shell, and there is none: put it in quotes, or write sh -c '...'`}},
		"poll of what": {"streams: {a: {source: 'http+mjpeg://h', poll: 2s}}\n", []string{`c.yaml:1:47: streams.a.poll: is for sources of single pictures: http+jpeg://, https+jpeg://, and onvif:// with stills=true`}},
		"turn":         {"webrtc: {ice_servers: ['turn:h']}\n", []string{`c.yaml:1:24: webrtc.ice_servers[0]: a TURN server needs username and credential, or a secret`}},
		"ice":          {"webrtc: {ice_servers: ['http://h']}\n", []string{`c.yaml:1:24: webrtc.ice_servers[0]: the url begins with stun:, stuns:, turn: or turns:`}},
		"public host":  {"webrtc: {public_hosts: ['http://h']}\n", []string{`c.yaml:1:25: webrtc.public_hosts[0]: "http://h" is neither an IP address nor a name: no scheme, no port`}},
		"parts":        {"hls: {part: 2s, segment: 1s}\n", []string{`c.yaml:1:13: hls.part: a part (2s) is not longer than a segment (1s)`}},
		"zero":         {"limits: {reader_lag: 0s}\n", []string{`c.yaml:1:22: limits.reader_lag: has to be longer than nothing`}},
		"streams":      {"limits: {streams: 1}\nstreams: {a: {source: demo}, b: {source: demo}}\n", []string{`c.yaml:2:10: streams: there are 2, more than limits.streams, which is 1`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := parse(tt.text)
			got := messages(err)
			for i := range got {
				got[i] = strings.TrimPrefix(got[i], "c.yaml: ")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestLoopbackWithoutUsers(t *testing.T) {
	tests := map[string]struct {
		text     string
		http     string
		rtp      string
		loopback bool
	}{
		"no users":      {"", "127.0.0.1:8889", "127.0.0.1:8000", true},
		"other port":    {"http: {address: ':80'}", "127.0.0.1:80", "127.0.0.1:8000", true},
		"IPv6 loopback": {"http: {address: '[::1]:80'}", "[::1]:80", "127.0.0.1:8000", true},
		"users":         {aUser, ":8889", ":8000", false},
		"anonymous":     {"allow_anonymous: true", ":8889", ":8000", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := parse(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if c.HTTP.Address != tt.http || c.RTSP.RTPAddress != tt.rtp || c.LoopbackOnly() != tt.loopback {
				t.Errorf("got %s %s %v", c.HTTP.Address, c.RTSP.RTPAddress, c.LoopbackOnly())
			}
		})
	}
}

func TestPasswordHash(t *testing.T) {
	hash := HashPassword("pa$$ w\u00f6rd")
	verify, err := PasswordVerifier(hash)
	if err != nil {
		t.Fatal(err)
	}
	if !verify("pa$$ w\u00f6rd") || verify("other") || verify("") {
		t.Error("the hash of a password does not tell passwords apart")
	}
	if hash == HashPassword("pa$$ w\u00f6rd") {
		t.Error("two hashes of one password are the same: no salt")
	}
}

func TestKeyOf(t *testing.T) {
	c, err := parse("")
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"tcp 127.0.0.1:8889": "http.address", "tcp 127.0.0.1:8554": "rtsp.address", "udp 127.0.0.1:8001": "rtsp.rtcp_address",
		"udp 127.0.0.1:8189": "webrtc.address", "tcp4 127.0.0.1:8189": "webrtc.address", "tcp 127.0.0.1:8322": "", "tcp nonsense": "",
	} {
		network, addr, _ := strings.Cut(address, " ")
		if got, _, _ := c.KeyOf(network, addr); got != want {
			t.Errorf("%s: got %q, want %q", address, got, want)
		}
	}
}

func ExampleProblem() {
	_, err := Parse([]byte("rtsp: {port: 554}\n"), "camgate.yaml", nil)
	fmt.Println(err)
	// Output: camgate.yaml:1:8: rtsp: unknown key "port": known are: address, tls_address, tls_cert, tls_key, rtp_address, rtcp_address, max_connections
}
