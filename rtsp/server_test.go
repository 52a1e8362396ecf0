package rtsp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/headers"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/camgate/camgate"
)

func parseRTP(t testing.TB, b []byte) *rtp.Packet {
	t.Helper()
	p := &rtp.Packet{}
	if err := p.Unmarshal(b); err != nil {
		t.Fatal(err)
	}
	return p
}

func rtpInfo(t *testing.T, rep *reply) headers.RTPInfo {
	t.Helper()
	var info headers.RTPInfo
	if err := info.Unmarshal([]string{rep.header.Get("Rtp-Info")}); err != nil {
		t.Fatal(err)
	}
	return info
}

// A reader that sets up both tracks gets the cached GOP at once, announced rightly,
// on its channels, with the timestamps at the live edge.
func TestPlay(t *testing.T) {
	g := newGateway(t, nil)
	cam := newCamera(t, g.stream(t, "cam"), true)
	cam.gop(10)
	w := dialWire(t, g.url("cam"))
	rep := w.want(200, "DESCRIBE", w.base)
	if base := rep.header.Get("Content-Base"); base != w.base+"/" {
		t.Errorf("Content-Base %q", base)
	}
	if server := rep.header.Get("Server"); server != "camgate" {
		t.Errorf("Server %q", server)
	}
	for i, track := range cam.tracks {
		ssrc := fmt.Sprintf("ssrc=%08X", track.SSRC)
		if th := w.setup(i).header.Get("Transport"); !strings.Contains(th, ssrc) || !strings.Contains(th, fmt.Sprintf("interleaved=%d-%d", 2*i, 2*i+1)) {
			t.Errorf("Transport of track %d: %q, want %q", i, th, ssrc)
		}
	}
	info := rtpInfo(t, w.want(200, "PLAY", w.base))
	if len(info) != 2 || info[0].URL != w.base+"/trackID=0" {
		t.Fatalf("RTP-Info %+v", info)
	}
	cam.gop(3)

	var video, audio []*rtp.Packet
	var reports [2]*rtcp.SenderReport
	for markers := 0; markers < 13 || len(audio) < 6 || reports[0] == nil || reports[1] == nil; {
		frame := w.frame()
		switch ch := frame[1]; ch {
		case 0:
			p := parseRTP(t, frame[4:])
			video = append(video, p)
			if p.Marker {
				markers++
			}
		case 2:
			audio = append(audio, parseRTP(t, frame[4:]))
		case 1, 3:
			packets, err := rtcp.Unmarshal(frame[4:])
			if err != nil {
				t.Fatal(err)
			}
			reports[ch/2] = packets[0].(*rtcp.SenderReport)
			if cname := packets[1].(*rtcp.SourceDescription).Chunks[0].Items[0].Text; cname == "" {
				t.Error("no CNAME")
			}
		default:
			t.Fatalf("channel %d", ch)
		}
	}
	for i, pkts := range [][]*rtp.Packet{video, audio} {
		if first := pkts[0]; first.SequenceNumber != *info[i].SequenceNumber || first.SSRC != cam.tracks[i].SSRC {
			t.Errorf("track %d begins with %d of %x, want %d of %x", i, first.SequenceNumber, first.SSRC, *info[i].SequenceNumber, cam.tracks[i].SSRC)
		}
		for n := 1; n < len(pkts); n++ {
			if pkts[n].SequenceNumber != pkts[n-1].SequenceNumber+1 {
				t.Errorf("track %d: %d after %d", i, pkts[n].SequenceNumber, pkts[n-1].SequenceNumber)
			}
			if d := int32(pkts[n].Timestamp - pkts[n-1].Timestamp); d < 0 || d == 0 && pkts[n-1].Marker {
				t.Errorf("track %d: the clock goes by %d", i, d)
			}
		}
		if reports[i].SSRC != pkts[0].SSRC {
			t.Errorf("report of %x", reports[i].SSRC)
		}
	}
	if video[0].Timestamp != *info[0].Timestamp {
		t.Errorf("video begins at %d, announced %d", video[0].Timestamp, *info[0].Timestamp)
	}
	// Ten cached pictures take as long as one.
	var edge uint32
	for _, p := range video {
		if p.Marker && number(p) == 9 {
			edge = p.Timestamp
		}
	}
	last := video[len(video)-1].Timestamp
	if squeezed, live := edge-video[0].Timestamp, last-edge; squeezed > 3600 || live != 3*3600 {
		t.Errorf("the cached pictures take %d ticks, the three after them %d", squeezed, live)
	}
	// The same moment on both clocks, as RTP-Info and the reports tell.
	byInfo := float64(int32(reports[0].RTPTime-*info[0].Timestamp))/90000 - float64(int32(reports[1].RTPTime-*info[1].Timestamp))/48000
	byReport := float64(int64(reports[0].NTPTime-reports[1].NTPTime)) / (1 << 32)
	if d := byInfo - byReport; d < -0.002 || d > 0.002 {
		t.Errorf("video and sound are %f s apart", d)
	}
}

// One that wants the sound only, on channels of its own choice.
func TestPlayOneTrackOnOtherChannels(t *testing.T) {
	g := newGateway(t, nil)
	cam := newCamera(t, g.stream(t, "cam"), true)
	cam.gop(3)
	w := dialWire(t, g.url("cam"))
	w.want(200, "SETUP", w.base+"/trackID=1", "Transport: RTP/AVP/TCP;unicast;interleaved=8-9")
	info := rtpInfo(t, w.want(200, "PLAY", w.base))
	cam.gop(1)
	frame := w.frame()
	for frame[1] == 9 {
		frame = w.frame()
	}
	if frame[1] != 8 {
		t.Fatalf("channel %d", frame[1])
	}
	if p := parseRTP(t, frame[4:]); p.SSRC != cam.tracks[1].SSRC || p.SequenceNumber != *info[0].SequenceNumber || p.Payload[0] != 0xfc {
		t.Errorf("%v", p)
	}
}

// PAUSE ends the media before its answer; PLAY goes on from the newest keyframe
// without a sequence number that was there before.
func TestPauseAndPlay(t *testing.T) {
	g := newGateway(t, nil)
	cam := newCamera(t, g.stream(t, "cam"), true)
	cam.gop(5)
	stop := cam.run()
	defer stop()
	w := dialWire(t, g.url("cam"))
	w.setup(0)
	w.setup(1)
	w.want(200, "PLAY", w.base)
	last := map[byte]uint16{}
	read := func() (rep *reply) {
		rep, frame := w.next()
		if frame != nil && frame[1]%2 == 0 {
			last[frame[1]] = parseRTP(t, frame[4:]).SequenceNumber
		}
		return rep
	}
	for len(last) < 2 {
		read()
	}
	for range 3 {
		w.send("PAUSE", w.base)
		for read() == nil {
		}
		if rep := w.do("OPTIONS", w.base); rep.status != 200 {
			t.Fatal(rep.status)
		}
		info := rtpInfo(t, w.want(200, "PLAY", w.base))
		if got, want := *info[0].SequenceNumber, last[0]+1; int16(got-want) < 0 {
			t.Errorf("video goes on with %d, want at least %d", got, want)
		}
		first := parseRTP(t, w.frame()[4:])
		if first.SequenceNumber != *info[0].SequenceNumber || first.Timestamp != *info[0].Timestamp || first.Payload[0]&0x1f != 24 {
			t.Errorf("it goes on with %v, announced %+v", first, info[0])
		}
		last[0] = first.SequenceNumber
	}
	w.want(200, "PLAY", w.base) // while playing: nothing happens
	w.send("TEARDOWN", w.base)
	for read() == nil {
	}
	// Nothing follows: the connection is free for the next session.
	w.id = ""
	w.want(200, "DESCRIBE", w.base)
	w.setup(0)
	w.want(200, "PLAY", w.base)
	w.frame()
}

// The description follows new parameter sets, and works behind any host name.
func TestDescribeFollowsParams(t *testing.T) {
	g := newGateway(t, nil)
	cam := newCamera(t, g.stream(t, "cam"), false)
	cam.gop(1)
	w := dialWire(t, g.url("cam"))
	if rep := w.want(200, "DESCRIBE", "rtsp://camera.example/cam?x=1"); !strings.Contains(rep.body, base64Of(testSPS)) ||
		!strings.Contains(rep.body, "a=control:trackID=0") || rep.header.Get("Content-Base") != "rtsp://camera.example/cam?x=1/" {
		t.Errorf("%+v", rep)
	}
	pps := append([]byte(nil), testPPS...)
	pps[2] ^= 1
	if err := cam.writer.Write(camSample(cam, testSPS, pps)); err != nil {
		t.Fatal(err)
	}
	if rep := w.want(200, "DESCRIBE", w.base); !strings.Contains(rep.body, base64Of(pps)) {
		t.Errorf("old parameter sets:\n%s", rep.body)
	}
	w.want(200, "SETUP", "rtsp://camera.example/cam/trackID=0", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
	if info := rtpInfo(t, w.want(200, "PLAY", "rtsp://camera.example/cam/")); info[0].URL != "rtsp://camera.example/cam/trackID=0" {
		t.Errorf("RTP-Info for %s", info[0].URL)
	}
}

func TestStatusCodes(t *testing.T) {
	users := camgate.Users{
		{Name: "tv", Password: "a:b", Role: camgate.RoleViewer, Streams: []string{"front*"}},
		{Name: "nvr", Password: "secret", Role: camgate.RolePublisher},
	}
	g := newGateway(t, func(o *Options) { o.Users, o.StartTimeout = users, 50*time.Millisecond })
	newCamera(t, g.stream(t, "front/door"), false).gop(1)
	newCamera(t, g.stream(t, "yard"), false).gop(1)
	g.stream(t, "front-none")
	const basic = "Basic dHY6YTpi" // tv:a:b
	cases := []struct {
		path, auth string
		want       int
	}{
		{"front/door", basic, 200},
		{"front/door", "", 401},
		{"front/door", "Basic dHY6YQ==", 401},
		{"front/door", "Basic ???", 401},
		{"front/door", "Bearer x", 401},
		{"front/door", "Basic bnZyOnNlY3JldA==", 403}, // nvr may publish only
		{"yard", basic, 403},
		{"front-no", basic, 404},
		{"front-none", basic, 503}, // has no tracks in time
		{"nowhere", basic, 403},    // and does not tell whether it exists
	}
	for _, c := range cases {
		w := dialWire(t, g.url(c.path))
		w.auth = c.auth
		rep := w.do("DESCRIBE", w.base)
		if rep.status != c.want {
			t.Errorf("%s with %q: %d, want %d", c.path, c.auth, rep.status, c.want)
		}
		if challenge := rep.header["Www-Authenticate"]; c.auth == "" && (len(challenge) != 2 || !strings.Contains(challenge[1], "nonce=\"")) {
			t.Errorf("challenge %q", challenge)
		}
	}
	if logs := g.logs.String(); strings.Contains(logs, "a:b") || strings.Contains(logs, "secret") {
		t.Error("a password is in the log")
	}
	// SETUP asks as well: it needs no DESCRIBE before it.
	w := dialWire(t, g.url("front/door"))
	w.want(401, "SETUP", w.base+"/trackID=0", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
}

// A password that is stored as a hash is checked once for each connection.
func TestHashedPassword(t *testing.T) {
	checks := 0
	users := camgate.Users{{Name: "tv", Role: camgate.RoleViewer, Verify: func(p string) bool { checks++; return p == "x" }}}
	g := newGateway(t, func(o *Options) { o.Users = users })
	newCamera(t, g.stream(t, "cam"), false).gop(1)
	w := dialWire(t, g.url("cam"))
	if rep := w.want(401, "DESCRIBE", w.base); len(rep.header["Www-Authenticate"]) != 1 || !strings.HasPrefix(rep.header.Get("Www-Authenticate"), "Basic") {
		t.Errorf("challenge %q", rep.header["Www-Authenticate"])
	}
	w.auth = "Basic dHY6eA=="
	w.want(200, "DESCRIBE", w.base)
	w.setup(0)
	w.want(200, "PLAY", w.base)
	if checks != 1 {
		t.Errorf("%d checks", checks)
	}
}

func TestTooManyReaders(t *testing.T) {
	g := newGateway(t, nil)
	s, err := g.registry.Add("cam", camgate.StreamLimits{MaxReaders: 1})
	if err != nil {
		t.Fatal(err)
	}
	newCamera(t, s, false).gop(1)
	first, second := dialWire(t, g.url("cam")), dialWire(t, g.url("cam"))
	first.setup(0)
	first.want(200, "PLAY", first.base)
	second.setup(0)
	second.want(453, "PLAY", second.base)
	first.want(200, "TEARDOWN", first.base)
	eventually(t, "the place is free", func() bool { return viewers(s) == 0 })
	second.want(200, "PLAY", second.base)
}

// A request for a stream that is about to start waits for it.
func TestWaitsForStart(t *testing.T) {
	g := newGateway(t, nil)
	s := g.stream(t, "cam")
	w := dialWire(t, g.url("cam"))
	w.send("DESCRIBE", w.base)
	eventually(t, "demand", func() bool { n, _ := s.Demand(); return n > 0 })
	bare := startCamera(t, s, []*camgate.Track{newTrack(t, camgate.TrackOptions{Codec: camgate.H264})})
	bare.gop(1)
	if rep, _ := w.next(); rep.status != 200 || !strings.Contains(rep.body, base64Of(testSPS)) {
		t.Errorf("%d\n%s", rep.status, rep.body)
	}
}

// A source that comes back with the same tracks keeps its readers; with others it
// ends their sessions.
func TestSourceComesBack(t *testing.T) {
	g := newGateway(t, nil)
	s := g.stream(t, "cam")
	cam := newCamera(t, s, false)
	cam.gop(2)
	w := dialWire(t, g.url("cam"))
	w.setup(0)
	w.want(200, "PLAY", w.base)
	read := func(n int) {
		t.Helper()
		for {
			frame := w.frame()
			if frame[1] != 0 {
				continue
			}
			p := parseRTP(t, frame[4:])
			if p.Marker && number(p) == n {
				return
			}
		}
	}
	read(1)
	cam.writer.Close()
	cam = newCamera(t, s, false)
	cam.frame = 7
	cam.gop(2)
	read(8)
	cam.writer.Close()
	cam = newCamera(t, s, true)
	cam.gop(2)
	if _, err := readAll(w.conn); err != nil {
		t.Errorf("the connection did not end: %v", err)
	}
	eventually(t, "the session to be gone", func() bool { return strings.Contains(g.logs.String(), `reason="tracks changed"`) })
	again := dialWire(t, g.url("cam"))
	again.setup(0)
	again.setup(1)
	again.want(200, "PLAY", again.base)
}

func readAll(conn net.Conn) (int, error) {
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return 0, err
	}
	buf := make([]byte, 64<<10)
	for total := 0; ; {
		n, err := conn.Read(buf)
		total += n
		if err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				return total, err
			}
			return total, nil
		}
	}
}

// A stream that is removed ends its readers' sessions.
func TestStreamRemoved(t *testing.T) {
	g := newGateway(t, nil)
	newCamera(t, g.stream(t, "cam"), false).gop(1)
	w := dialWire(t, g.url("cam"))
	w.setup(0)
	w.want(200, "PLAY", w.base)
	g.registry.Remove("cam")
	if _, err := readAll(w.conn); err != nil {
		t.Errorf("the connection did not end: %v", err)
	}
	dialWire(t, g.url("cam")).want(404, "DESCRIBE", g.url("cam"))
	// Another one of that name is another stream.
	newCamera(t, g.stream(t, "cam"), true).gop(1)
	if rep := dialWire(t, g.url("cam")).want(200, "DESCRIBE", g.url("cam")); strings.Count(rep.body, "m=") != 2 {
		t.Errorf("the old description:\n%s", rep.body)
	}
}

// A reader that takes nothing is sent away; meanwhile the others get all.
func TestStuckReader(t *testing.T) {
	g := newGateway(t, func(o *Options) { o.ReaderTimeout = 3 * time.Second })
	s := g.stream(t, "cam")
	cam := newCamera(t, s, false)
	cam.size = 200_000
	cam.gop(1)
	stuck := dialWire(t, g.url("cam"))
	stuck.setup(0)
	stuck.want(200, "PLAY", stuck.base)
	good := dialWire(t, g.url("cam"))
	good.setup(0)
	good.want(200, "PLAY", good.base)
	stop := cam.run()
	defer stop()
	var next uint16
	begun := false
	for deadline := time.Now().Add(10 * time.Second); viewers(s) == 2; {
		if frame := good.frame(); frame[1] == 0 {
			p := parseRTP(t, frame[4:])
			if begun && p.SequenceNumber != next {
				t.Fatalf("packet %d after %d", p.SequenceNumber, next-1)
			}
			begun, next = true, p.SequenceNumber+1
		}
		if time.Now().After(deadline) {
			t.Fatal("the reader that is stuck is still there")
		}
	}
	eventually(t, "a line in the log", func() bool { return strings.Contains(g.logs.String(), "i/o timeout") })
}

// A reader that falls behind misses pictures, with a gap in the numbers that tells
// so, goes on at a keyframe, and stays.
func TestSlowReader(t *testing.T) {
	g := newGateway(t, nil)
	s, err := g.registry.Add("cam", camgate.StreamLimits{MaxLag: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	cam := newCamera(t, s, false)
	cam.size = 400_000
	cam.gop(1)
	w := dialWire(t, g.url("cam"))
	w.setup(0)
	w.want(200, "PLAY", w.base)
	stop := cam.run()
	defer stop()
	w.frame()
	skipped := func() (n uint64) {
		for _, r := range s.Info().Readers {
			for _, reason := range camgate.SkipReasons() {
				n += r.Skipped[reason]
			}
		}
		return n
	}
	// Takes a little, just enough not to be stuck, until it has missed something.
	for deadline := time.Now().Add(20 * time.Second); skipped() == 0; {
		w.frame()
		if time.Now().After(deadline) {
			t.Fatal("it misses nothing")
		}
		<-time.After(2 * time.Millisecond)
	}
	var next uint16
	for begun := false; ; begun = true {
		frame := w.frame()
		if frame[1] != 0 {
			continue
		}
		p := parseRTP(t, frame[4:])
		if begun && p.SequenceNumber != next {
			if p.Payload[0]&0x1f != 24 || p.Payload[3]&0x1f != 7 {
				t.Errorf("after the gap comes % x", p.Payload[:4])
			}
			break
		}
		next = p.SequenceNumber + 1
	}
	w.want(200, "OPTIONS", w.base)
}

// No request, however broken, ends the server or leaves something behind.
func TestBrokenRequests(t *testing.T) {
	g := newGateway(t, withUDP)
	newCamera(t, g.stream(t, "cam"), true).gop(3)
	valid := []string{
		"OPTIONS rtsp://h/cam RTSP/1.0\r\nCSeq: 1\r\n\r\n",
		"DESCRIBE rtsp://h/cam RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\n\r\n",
		"SETUP rtsp://h/cam/trackID=0 RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n",
		"SETUP rtsp://h/cam/trackID=1 RTSP/1.0\r\nCSeq: 4\r\nTransport: RTP/AVP;unicast;client_port=5000-5001\r\n\r\n",
		"PLAY rtsp://h/cam RTSP/1.0\r\nCSeq: 5\r\n\r\n",
		"PAUSE rtsp://h/cam RTSP/1.0\r\nCSeq: 6\r\n\r\n",
		"TEARDOWN rtsp://h/cam RTSP/1.0\r\nCSeq: 7\r\n\r\n",
		"ANNOUNCE rtsp://h/cam RTSP/1.0\r\nCSeq: 8\r\nContent-Type: application/sdp\r\nContent-Length: 60\r\n\r\n" + head[:60],
		"RECORD rtsp://h/cam RTSP/1.0\r\nCSeq: 9\r\n\r\n",
		"GET_PARAMETER rtsp://h/cam RTSP/1.0\r\nCSeq: 10\r\n\r\n",
		"GET /cam HTTP/1.1\r\nAccept: application/x-rtsp-tunnelled\r\nX-Sessioncookie: a\r\n\r\n",
		"GET /cam HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: rtsp.onvif.org\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
		"$\x00\x00\x04\x80\x60\x00\x01",
	}
	rng := rand.New(rand.NewPCG(7, 7))
	for range 1000 {
		conn, err := net.Dial("tcp", g.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		var b []byte
		for range 1 + rng.IntN(5) {
			b = append(b, valid[rng.IntN(len(valid))]...)
		}
		for range rng.IntN(4) { // damage
			switch i := rng.IntN(len(b)); rng.IntN(3) {
			case 0:
				b[i] = byte(rng.Uint32())
			case 1:
				b = append(b[:i:i], b[min(i+rng.IntN(20), len(b)):]...)
			case 2:
				b = b[:i+1]
			}
			if len(b) == 0 {
				b = []byte{0}
			}
		}
		_, _ = conn.Write(b)
		if rng.IntN(4) == 0 {
			_ = conn.(*net.TCPConn).SetLinger(0)
		}
		conn.Close()
	}
	w := dialWire(t, g.url("cam"))
	w.want(200, "DESCRIBE", w.base)
	eventually(t, "no readers", func() bool {
		s, err := g.registry.Get("cam")
		return err == nil && viewers(s) == 0
	})
}

// A tunnel is refused before the library sees it.
func TestTunnelRefused(t *testing.T) {
	g := newGateway(t, nil)
	for _, start := range []string{
		"GET /cam HTTP/1.1\r\nHost: h\r\nAccept: application/x-rtsp-tunnelled\r\nX-Sessioncookie: abc\r\n\r\n",
		"POST /cam HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-rtsp-tunnelled\r\nX-Sessioncookie: abc\r\n\r\n",
		"GET /cam HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: rtsp.onvif.org\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\nmore",
	} {
		conn, err := net.Dial("tcp", g.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, start)
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		buf := make([]byte, 4096)
		if n, err := conn.Read(buf); err != nil || !strings.HasPrefix(string(buf[:n]), "HTTP/1.1 501 ") {
			t.Errorf("%q: %q, %v", start, buf[:n], err)
		}
		conn.Close()
	}
}

func TestNewNamesThePort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: evenPort(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	busyTCP, busyUDP := taken.Addr().String(), udp.LocalAddr().String()
	after := fmt.Sprint("127.0.0.1:", udp.LocalAddr().(*net.UDPAddr).Port+1)
	cases := map[string]Options{
		"rtsp.address":     {Address: busyTCP},
		"rtsp.tls_address": {Address: "127.0.0.1:0", TLSAddress: busyTCP, TLSConfig: &tls.Config{}},
		"rtsp.rtp_address": {Address: "127.0.0.1:0", RTPAddress: busyUDP, RTCPAddress: after},
	}
	for key, o := range cases {
		o.Registry = camgate.NewRegistry(0)
		_, err := New(o)
		if err == nil || !strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), "address already in use") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// Two gateways live in one process, and each ends with its context.
func TestRunEndsSessions(t *testing.T) {
	s, err := New(Options{Address: "127.0.0.1:0", Registry: camgate.NewRegistry(0)})
	if err != nil {
		t.Fatal(err)
	}
	other := newGateway(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	idle, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(2 * time.Second):
		t.Fatal("it goes on")
	}
	if _, err := readAll(idle); err != nil {
		t.Error("a connection is still open")
	}
	dialWire(t, other.url("x")).want(404, "DESCRIBE", other.url("x"))
}

func TestMaxConns(t *testing.T) {
	g := newGateway(t, func(o *Options) { o.MaxConns = 2 })
	var kept []*wire
	for range 2 {
		w := dialWire(t, g.url("x"))
		w.want(200, "OPTIONS", w.base)
		kept = append(kept, w)
	}
	over := dialWire(t, g.url("x"))
	if n, err := readAll(over.conn); err != nil || n > 0 {
		t.Errorf("a third connection: %d bytes, %v", n, err)
	}
	kept[0].conn.Close()
	eventually(t, "a free place", func() bool {
		g.plain.listener.mu.Lock()
		defer g.plain.listener.mu.Unlock()
		return len(g.plain.listener.conns) == 1
	})
	w := dialWire(t, g.url("x"))
	w.want(200, "OPTIONS", w.base)
}
