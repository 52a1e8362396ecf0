package e2e

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// damage returns text with something wrong: cut, with bytes changed, doubled, or noise.
func damage(r *rand.Rand, text string) []byte {
	b := []byte(text)
	switch r.IntN(5) {
	case 0:
		return b[:r.IntN(len(b)+1)]
	case 1:
		for range 1 + r.IntN(10) {
			b[r.IntN(len(b))] = byte(r.Uint32())
		}
		return b
	case 2:
		at := r.IntN(len(b))
		return append(bytes.Clone(b[:at]), b[r.IntN(len(b)):]...)
	case 3:
		noise := make([]byte, 1+r.IntN(300))
		for i := range noise {
			noise[i] = byte(r.Uint32())
		}
		return noise
	}
	lines := strings.SplitAfter(text, "\n")
	r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	return []byte(strings.Join(lines, ""))
}

const someSDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n" +
	"a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z0LAH9kAUAW7ARAAAAMAEAAAAwMg8YMkgA==,aMuMsg==; profile-level-id=42C01F\r\n" +
	"a=control:trackID=0\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 mpeg4-generic/48000/2\r\na=fmtp:97 mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1190\r\na=control:trackID=1\r\n"

const someOffer = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=msid-semantic: WMS\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n" +
	"a=ice-options:trickle\r\na=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n" +
	"a=setup:actpass\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"

// TestNonsense feeds every port with a thousand broken things. The program has to
// answer or hang up, to serve others all the while, and to keep nothing of it.
func TestNonsense(t *testing.T) {
	const rounds = 1000
	g := start(t, "streams: {demo: {source: demo}, in: {source: publish}}\n")
	g.awaitLive("demo")
	fds, goroutines := g.descriptors(), g.goroutines()
	r := rand.New(rand.NewPCG(1, 2))

	requests := func() string {
		url := g.rtspURL("demo")
		return [...]string{
			fmt.Sprintf("OPTIONS %s RTSP/1.0\r\nCSeq: 1\r\n\r\n", url),
			fmt.Sprintf("DESCRIBE %s RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n", url),
			fmt.Sprintf("SETUP %s/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\nPLAY %s RTSP/1.0\r\nCSeq: 2\r\nSession: 1\r\n\r\n", url, url),
			fmt.Sprintf("SETUP %s/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP;unicast;client_port=1-2\r\n\r\n", url),
			fmt.Sprintf("ANNOUNCE %s RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", g.rtspURL("in"), len(someSDP), someSDP),
			fmt.Sprintf("GET %s HTTP/1.0\r\nx-sessioncookie: a\r\nAccept: application/x-rtsp-tunnelled\r\n\r\n", "/demo"),
		}[r.IntN(6)]
	}
	for i := range rounds {
		sendRTSP(t, fmt.Sprintf("127.0.0.1:%d", g.rtsp), damage(r, requests()), i%50 == 0)
	}
	publishNonsense(t, g, r, rounds)
	udp, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", g.rtp))
	if err != nil {
		t.Fatal(err)
	}
	ice, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", g.webrt))
	if err != nil {
		t.Fatal(err)
	}
	for range rounds {
		packet := damage(r, "\x80\x60\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x7c\x85some payload of a packet")
		_, _ = udp.Write(packet)
		_, _ = ice.Write(packet)
	}
	_, _ = udp.Close(), ice.Close()

	client := &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for i := range rounds {
		switch i % 4 {
		case 0:
			expectStatus(t, client, http.MethodPost, g.url("/demo/whep"), "application/sdp", damage(r, someOffer))
		case 1:
			query := "_HLS_msn=" + string(damage(r, "12345&_HLS_part=3&_HLS_skip=YES"))
			req := g.url("/demo/index.m3u8?") + strings.Map(printable, query)
			expectStatus(t, client, http.MethodGet, req, "", nil)
		case 2:
			path := strings.Map(printable, string(damage(r, "/demo/video1_seg7.mp4")))
			expectStatus(t, client, http.MethodGet, g.url("/"+path), "", nil)
		case 3:
			expectStatus(t, client, http.MethodPatch, g.url("/demo/whep/0123456789abcdef"), "application/trickle-ice-sdpfrag",
				damage(r, "a=ice-ufrag:abcd\r\na=ice-pwd:efgh\r\nm=video 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 UDP 1 127.0.0.1 9 typ host\r\n"))
		}
	}
	wantFrames(t, "after all the nonsense", probeRTSP(t, "tcp", g.rtspURL("demo"), 3), 50, 50)
	g.await("nothing is kept of it", 60*time.Second, func() bool {
		return g.descriptors() <= fds+8 && g.goroutines() <= goroutines+12
	})
}

func printable(c rune) rune {
	if c > ' ' && c < 0x7f && c != '#' && c != '%' {
		return c
	}
	return 'x'
}

// somePackets are H264 (single, STAP-A, FU-A) and AAC as RTP, and sender reports, with
// the channels that someSDP's tracks have.
var somePackets = []struct {
	channel byte
	data    string
}{
	{0, "\x80\xe0\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x65\x88\x84\x00\x10 a picture to start with"},
	{0, "\x80\x60\x00\x02\x00\x00\x0e\x11\x00\x00\x00\x01\x78\x00\x05\x67\x42\xc0\x1f\xd9\x00\x04\x68\xcb\x83\xcb\x00\x03\x65\x88\x84"},
	{0, "\x80\x60\x00\x03\x00\x00\x1c\x21\x00\x00\x00\x01\x7c\x85 the beginning of a picture"},
	{0, "\x90\xe0\x00\x04\x00\x00\x1c\x21\x00\x00\x00\x01\xbe\xde\x00\x01\x10\xff\x00\x00\x7c\x45 and its end"},
	{2, "\x80\xe1\x00\x01\x00\x00\x04\x00\x00\x00\x00\x02\x00\x10\x00\x50 ten bytes"},
	{1, "\x80\xc8\x00\x06\x00\x00\x00\x01\xe8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x09\x00\x00\x01\x00"},
}

// publishNonsense is a publisher whose packets are broken. The gateway may hang up on
// it, and has to take the next one then.
func publishNonsense(t *testing.T, g *gateway, r *rand.Rand, rounds int) {
	t.Helper()
	for sent := 0; sent < rounds; {
		g.await("the stream waits for a publisher", 15*time.Second, func() bool { return g.stream("in").State == "idle" })
		conn := publishRaw(t, g.rtspURL("in"))
		for ok := true; ok && sent < rounds; sent++ {
			p := somePackets[r.IntN(len(somePackets))]
			ok = conn.packet(p.channel, damage(r, p.data))
		}
		_ = conn.Close()
	}
}

// sendRTSP sends bytes and, now and then, waits for whatever comes back.
func sendRTSP(t *testing.T, address string, b []byte, wait bool) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatalf("the server does not accept any more: %v", err)
	}
	defer conn.Close()
	_, _ = conn.Write(b)
	if wait {
		_ = conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		_, _ = io.Copy(io.Discard, io.LimitReader(conn, 4096))
	}
}

// expectStatus wants any answer but a server's fault.
func expectStatus(t *testing.T, client *http.Client, method, url, contentType string, body []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		return // not a URL that a client could send
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Errorf("%s %s: %v", method, url, err)
		return
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	if res.StatusCode == http.StatusInternalServerError || res.StatusCode < 200 {
		t.Errorf("%s %s: %s", method, url, res.Status)
	}
}
