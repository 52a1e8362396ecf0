package rtsp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/camgate/camgate"
)

// live runs a source until its stream is live, and returns how to go on.
func live(t *testing.T, o SourceOptions) (*Source, *camgate.Stream, time.Duration) {
	t.Helper()
	o.URL = parseURL(t, o.URL.String())
	source, err := NewSource(o)
	if err != nil {
		t.Fatal(err)
	}
	s := camgate.NewRendition("cam", camgate.StreamLimits{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	begin := time.Now()
	go func() { done <- source.Run(ctx, s) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("it ended by itself: %v", err)
		}
	})
	eventually(t, "live", func() bool { return s.Status().State == camgate.StateLive })
	return source, s, time.Since(begin)
}

// playing answers PLAY and begins to send.
func playing(n int) func(c *scriptedConn, r request) bool {
	return func(c *scriptedConn, r request) bool {
		if r.method != "PLAY" {
			return false
		}
		c.good(r)
		c.stream(n)
		return true
	}
}

// Reports are on the wire, by UDP and TCP, with the numbers of what was lost, and
// nobody else's.
func TestReportsOnTheWire(t *testing.T) {
	for _, transport := range []Transport{TransportTCP, TransportUDP} {
		t.Run(string(transport), func(t *testing.T) {
			t.Parallel()
			cam := newScripted(t, func(c *scriptedConn, r request) bool {
				if r.method != "PLAY" {
					return false
				}
				c.good(r)
				for i := range 20 {
					if i != 5 && i != 6 {
						c.packet(uint16(65530+i), uint32(i)*3600)
					}
				}
				c.senderReport(0x1122_3344_5566_7788, 0)
				return true
			})
			source, _, _ := live(t, SourceOptions{URL: parseURL(t, cam.url("")), Transport: transport})
			var at *rtcp.ReceptionReport
			eventually(t, "the answer to the sender report", func() bool {
				for _, b := range cam.received() {
					pkts, err := rtcp.Unmarshal(b)
					if err != nil {
						t.Errorf("% x: %v", b, err)
					}
					rr, ok := pkts[0].(*rtcp.ReceiverReport)
					if !ok || len(rr.Reports) > 0 && len(pkts) != 2 {
						t.Errorf("not a report of ours: %v", pkts)
					} else if len(rr.Reports) > 0 && rr.Reports[0].LastSenderReport != 0 {
						at = &rr.Reports[0]
					}
				}
				return at != nil && at.LastSequenceNumber == 1<<16+13
			})
			if at == nil {
				return
			}
			if at.SSRC != 77 || at.LastSequenceNumber != 1<<16+13 || at.TotalLost != 2 || at.LastSenderReport != 0x3344_5566 || at.Delay > 2*65536 {
				t.Errorf("%+v", at)
			}
			before := len(cam.received())
			begin := time.Now()
			eventually(t, "more of them in the silence", func() bool { return len(cam.received()) >= before+8 })
			if d := time.Since(begin); d > 4*time.Second {
				t.Errorf("8 reports took %s", d)
			}
			if s := source.Session(); s.Transport != transport || len(s.Tracks) != 1 || s.Tracks[0].Lost != 2 || s.Tracks[0].SenderReports != 1 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// A wrong password is sent once in an attempt, whatever the camera says to it.
func TestPasswordsAreSentOnce(t *testing.T) {
	nonce := 0
	challenges := map[string]func() string{
		"basic":                   func() string { return `Basic realm="a"` },
		"digest":                  func() string { return `Digest realm="a", nonce="b"` },
		"a nonce for each answer": func() string { nonce++; return fmt.Sprintf(`Digest realm="a", nonce="%d", qop="auth"`, nonce) },
	}
	for name, challenge := range challenges {
		t.Run(name, func(t *testing.T) {
			cam := newScripted(t, func(c *scriptedConn, r request) bool {
				if r.method == "OPTIONS" {
					return false
				}
				c.reply(r, 401, "", "WWW-Authenticate: "+challenge())
				return true
			})
			for range 2 {
				if err := attempt(t, SourceOptions{URL: parseURL(t, cam.url("u:secret@"))}); !errors.Is(err, camgate.ErrAuthFailed) || strings.Contains(err.Error(), "secret") {
					t.Error(err)
				}
			}
			sent := 0
			for _, r := range cam.all("") {
				if r.header.Get("Authorization") != "" {
					sent++
				}
			}
			if sent != 2 {
				t.Errorf("the password was sent %d times in two attempts", sent)
			}
		})
	}
}

// Nonces run out between requests and while the session is kept alive; realms change.
func TestLoginSurvives(t *testing.T) {
	current, realm := "1", "one"
	authorized := func(r request) bool {
		l := login{user: "us@er", password: "p:/%41@", challenge: &challenge{scheme: "digest", realm: realm, nonce: current, algorithm: "SHA-256"}}
		return r.header.Get("Authorization") == l.authorize(r.method, r.url)
	}
	kept := make(chan string, 100)
	cam := newScripted(t, func(c *scriptedConn, r request) bool {
		switch r.method {
		case "SETUP":
			if realm == "one" {
				realm = "two"
			}
		case "PLAY":
			if current == "1" {
				current = "2"
			}
		}
		if !authorized(r) {
			stale := ""
			if current != "1" {
				stale = ", stale=true"
			}
			c.reply(r, 401, "", fmt.Sprintf(`WWW-Authenticate: Digest realm="%s", nonce="%s", algorithm=SHA-256%s`, realm, current, stale))
			return true
		}
		switch r.method {
		case "SETUP":
			c.reply(r, 200, "", "Session: 1 ; timeout = 3", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
		case "PLAY":
			c.reply(r, 200, "")
			c.stream(300)
		case "GET_PARAMETER":
			c.reply(r, 200, "")
			kept <- current
			current = "9"
		default:
			return false
		}
		return true
	})
	source, _, _ := live(t, SourceOptions{URL: parseURL(t, cam.url("us%40er:p%3A%2F%2541%40@")), Transport: TransportTCP})
	for _, want := range []string{"2", "9"} {
		select {
		case got := <-kept:
			if got != want {
				t.Errorf("kept alive with nonce %s, want %s", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("the session is not kept alive")
		}
	}
	if got := source.Session().Login; got != "Digest SHA-256" {
		t.Errorf("logged in by %q", got)
	}
}

// The ways from UDP to TCP, and how long they take until there is a picture.
func TestFromUDPToTCP(t *testing.T) {
	isUDP := func(r request) bool { return strings.Contains(r.header.Get("Transport"), "client_port") }
	cases := []struct {
		name   string
		answer func(c *scriptedConn, r request) bool
		within time.Duration
		conns  int
	}{
		{"461", func(c *scriptedConn, r request) bool {
			if r.method == "SETUP" && isUDP(r) {
				c.reply(r, 461, "")
				return true
			}
			return playing(300)(c, r)
		}, time.Second, 1},
		{"answers with TCP", func(c *scriptedConn, r request) bool {
			if r.method == "SETUP" && isUDP(r) {
				c.reply(r, 200, "", "Session: 1", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
				return true
			}
			return playing(300)(c, r)
		}, time.Second, 2},
		{"silence", func(c *scriptedConn, r request) bool {
			if r.method == "PLAY" && c.udp[0] != nil {
				c.good(r)
				return true
			}
			return playing(300)(c, r)
		}, 2500 * time.Millisecond, 2},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cam := newScripted(t, c.answer)
			source, s, took := live(t, SourceOptions{URL: parseURL(t, cam.url(""))})
			if took > c.within {
				t.Errorf("it took %s", took)
			}
			if cam.mu.Lock(); cam.conns != c.conns {
				t.Errorf("%d connections, want %d", cam.conns, c.conns)
			}
			cam.mu.Unlock()
			if got := source.Session().Transport; got != TransportTCP {
				t.Error(got)
			}
			eventually(t, "more pictures", func() bool { return s.Units() >= 10 })
			// It is remembered.
			p := &pull{source: source}
			if p.choose(); p.transport != TransportTCP || p.auto {
				t.Errorf("the next session begins with %s", p.transport)
			}
		})
	}
}

// Where loss leaves no keyframe whole, nobody waits for the windows of the judge.
func TestUDPJudgeWithoutPicture(t *testing.T) {
	j := udpJudge{begin: time.Now()}
	bad := Reception{Expected: 500, Received: 450, Lost: 50}
	if err := j.judge(bad, false, j.begin.Add(udpControl-1)); err != nil {
		t.Errorf("too early: %v", err)
	}
	if err := j.judge(bad, true, j.begin.Add(udpControl)); err != nil {
		t.Errorf("with a picture: %v", err)
	}
	if err := j.judge(bad, false, j.begin.Add(udpControl)); err == nil {
		t.Error("it goes on without a picture")
	}
}

func TestUDPJudge(t *testing.T) {
	begin := time.Now()
	type tick struct {
		at                 time.Duration
		expected, lost, sr int64
	}
	cases := []struct {
		name  string
		ticks []tick
		want  string
	}{
		{"silence", []tick{{time.Second, 0, 0, 0}, {1500 * time.Millisecond, 0, 0, 0}}, "nothing comes"},
		{"sender reports only", []tick{{2 * time.Second, 0, 0, 1}, {3 * time.Second, 0, 0, 1}}, "nothing comes"},
		{"late, but there", []tick{{time.Second, 0, 0, 0}, {2900 * time.Millisecond, 10, 0, 1}}, ""},
		{"6 % all the time", []tick{{0, 10, 0, 0}, {10 * time.Second, 1010, 60, 0}, {20 * time.Second, 2010, 120, 0}}, "6 of 100"},
		{"one bad time", []tick{{0, 10, 0, 0}, {10 * time.Second, 1010, 600, 0}, {20 * time.Second, 2010, 600, 0}, {30 * time.Second, 3010, 900, 0}}, ""},
		{"5 %", []tick{{0, 10, 0, 0}, {10 * time.Second, 1010, 50, 0}, {20 * time.Second, 2010, 100, 0}}, ""},
		{"too few to tell", []tick{{0, 1, 0, 0}, {10 * time.Second, 40, 20, 0}, {20 * time.Second, 80, 40, 0}}, ""},
	}
	for _, c := range cases {
		j := udpJudge{begin: begin}
		var err error
		for _, k := range c.ticks {
			if err != nil {
				t.Errorf("%s: too early: %v", c.name, err)
			}
			err = j.judge(Reception{Expected: k.expected, Received: k.expected - k.lost, Lost: k.lost, SenderReports: int(k.sr)}, k.expected > 0, begin.Add(k.at))
		}
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// What cameras do to the signalling, and pictures come all the same.
func TestSignallingQuirks(t *testing.T) {
	cases := []struct {
		name      string
		transport Transport
		setup     func(cam *scripted)
		answer    func(c *scriptedConn, r request) bool
		check     func(t *testing.T, cam *scripted)
	}{
		{"media before PLAY", TransportTCP, nil, func(c *scriptedConn, r request) bool {
			c.packet(1, 2)
			if r.method == "SETUP" {
				c.good(r)
				c.packet(3, 4)
				return true
			}
			return playing(300)(c, r)
		}, nil},
		{"OPTIONS not implemented", TransportTCP, nil, func(c *scriptedConn, r request) bool {
			if r.method == "OPTIONS" {
				c.reply(r, 501, "")
				return true
			}
			return playing(300)(c, r)
		}, nil},
		{"control URLs on another host, absolute", TransportTCP, func(cam *scripted) {
			cam.sdp = strings.Replace(scriptedSDP, "a=control:track1", "a=control:rtsp://10.9.9.9/other/track1", 1)
		}, playing(300), func(t *testing.T, cam *scripted) {
			if u := cam.all("SETUP")[0].url; !strings.HasSuffix(u, "/other/track1") {
				t.Error(u)
			}
		}},
		{"no Content-Base", TransportTCP, nil, func(c *scriptedConn, r request) bool {
			if r.method == "DESCRIBE" {
				c.reply(r, 200, c.sdp)
				return true
			}
			return playing(300)(c, r)
		}, func(t *testing.T, cam *scripted) {
			if u := cam.all("SETUP")[0].url; u != "rtsp://"+cam.addr+"/live?x=1/track1" {
				t.Error(u)
			}
		}},
		{"Content-Base of 0.0.0.0", TransportTCP, nil, func(c *scriptedConn, r request) bool {
			if r.method == "DESCRIBE" {
				c.reply(r, 200, c.sdp, "Content-Base: rtsp://0.0.0.0/live/", "Content-Type: application/sdp;charset=utf-8")
				return true
			}
			return playing(300)(c, r)
		}, nil},
		{"no channels in the answer", TransportTCP, nil, func(c *scriptedConn, r request) bool {
			if r.method == "SETUP" {
				c.reply(r, 200, "", "Session: 1", "Transport: rtp/avp/tcp; unicast; mode=\"PLAY\"")
				return true
			}
			return playing(300)(c, r)
		}, nil},
		{"no server ports", TransportUDP, nil, func(c *scriptedConn, r request) bool {
			if r.method == "SETUP" {
				var port [2]int
				_, ports, _ := strings.Cut(r.header.Get("Transport"), "client_port=")
				_, _ = fmt.Sscanf(ports, "%d-%d", &port[0], &port[1])
				c.openUDP(port)
				c.reply(r, 200, "", "Session: 1", "Transport: RTP/AVP;unicast;client_port="+ports)
				return true
			}
			return playing(300)(c, r)
		}, nil},
		{"requests of the camera", TransportTCP, nil, func(c *scriptedConn, r request) bool {
			_, _ = io.WriteString(c.Conn, "SET_PARAMETER * RTSP/1.0\r\nCSeq: 5\r\n\r\n")
			return playing(300)(c, r)
		}, nil},
		{"PLAY without a range", TransportTCP, nil, func(c *scriptedConn, r request) bool {
			if r.method == "PLAY" && r.header.Get("Range") != "" {
				c.reply(r, 457, "")
				return true
			}
			return playing(300)(c, r)
		}, nil},
		{"packets twice", TransportTCP, nil, func(c *scriptedConn, r request) bool {
			if r.method != "PLAY" {
				return false
			}
			c.good(r)
			for i := range 12 {
				c.packet(uint16(i), uint32(i)*3600)
				c.packet(uint16(i), uint32(i)*3600)
			}
			return true
		}, nil},
		{"numbers and sources that jump", TransportUDP, nil, func(c *scriptedConn, r request) bool {
			if r.method != "PLAY" {
				return false
			}
			c.good(r)
			for i := range 10 {
				c.packet(uint16(i), uint32(i)*3600)
			}
			for i := range 10 {
				c.packet(uint16(40000+i), uint32(100+i)*3600)
			}
			return true
		}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cam := newScripted(t, c.answer)
			if c.setup != nil {
				c.setup(cam)
			}
			_, s, _ := live(t, SourceOptions{URL: parseURL(t, cam.url("")), Transport: c.transport})
			eventually(t, "pictures", func() bool { return s.Units() >= 10 })
			if c.check != nil {
				c.check(t, cam)
			}
		})
	}
}

// Packets of which nothing can be made are an error of its own.
func TestUndecodable(t *testing.T) {
	cam := newScripted(t, func(c *scriptedConn, r request) bool {
		if r.method != "PLAY" {
			return false
		}
		c.good(r)
		go func() {
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for i := range 400 {
				header := rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: uint16(i), Timestamp: uint32(i) * 3600, SSRC: 77, Marker: true}
				payload := []byte{0x1f, 0, 0}
				if i == 0 { // this one looks right, so that time begins
					header.Marker, payload = false, []byte{0x7c, 0x85, 0x88}
				}
				b, _ := (&rtp.Packet{Header: header, Payload: payload}).Marshal()
				c.send(0, b)
				<-tick.C
			}
		}()
		return true
	})
	if err := attempt(t, SourceOptions{URL: parseURL(t, cam.url("")), Transport: TransportTCP}); !errors.Is(err, camgate.ErrDecoder) {
		t.Error(err)
	}
}

func TestRedirects(t *testing.T) {
	there := newScripted(t, playing(300))
	here := newScripted(t, func(c *scriptedConn, r request) bool {
		if r.method != "DESCRIBE" {
			return false
		}
		c.reply(r, 302, "", "Location: rtsp://"+there.addr+"/elsewhere")
		return true
	})
	live(t, SourceOptions{URL: parseURL(t, here.url("u:p@")), Transport: TransportTCP})
	if got := there.all("DESCRIBE")[0].url; got != "rtsp://"+there.addr+"/elsewhere" {
		t.Error(got)
	}
	round := newScripted(t, nil)
	round.answer = func(c *scriptedConn, r request) bool {
		if r.method != "DESCRIBE" {
			return false
		}
		c.reply(r, 301, "", "Location: /again")
		return true
	}
	if err := attempt(t, SourceOptions{URL: parseURL(t, round.url("")), Timeout: 2 * time.Second}); !errors.Is(err, camgate.ErrConnectionFailed) {
		t.Error(err)
	}
}
