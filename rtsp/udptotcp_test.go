package rtsp

import (
	"log/slog"
	"strings"
	"testing"
	"time"
)

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

// Packets that are too big for UDP, of which only the library tells, lead to TCP too; bytes
// between packets and a timeout as short as can be end no session there.
func TestPacketsTooBigForUDP(t *testing.T) {
	t.Parallel()
	cam := newScripted(t, func(c *scriptedConn, r request) bool {
		if r.method != "PLAY" {
			return false
		}
		c.good(r)
		go func() {
			tick := time.NewTicker(40 * time.Millisecond)
			defer tick.Stop()
			for i := range 150 {
				if c.udp[0] == nil {
					_, _ = c.Write([]byte("\x00PL$\x00\xff"))
				} else if i == 20 {
					c.send(0, make([]byte, 1500)) // of another payload type
					big := append([]byte{0x80, 0x60, 0, byte(i)}, make([]byte, 1996)...)
					big[11] = 77
					c.send(0, big)
				}
				c.packet(uint16(i), uint32(i)*3600)
				<-tick.C
			}
		}()
		return true
	})
	source, s, _ := live(t, SourceOptions{URL: parseURL(t, cam.url("")), Timeout: 2 * time.Second})
	eventually(t, "TCP", func() bool { return source.Session().Transport == TransportTCP })
	before := s.Units()
	eventually(t, "many pictures", func() bool { return s.Units() >= before+100 })
	if cam.mu.Lock(); cam.conns != 2 {
		t.Errorf("%d connections", cam.conns)
	}
	cam.mu.Unlock()
}

// Where loss leaves no keyframe whole, nobody waits for the windows of the judge.
func TestUDPJudgeWithoutPicture(t *testing.T) {
	j := udpJudge{begin: time.Now()}
	bad := Reception{Expected: 500, Received: 485, Lost: 15}
	if err := j.judge(Reception{Expected: 500, Received: 490, Lost: 10}, false, j.begin.Add(udpStart)); err != nil {
		t.Errorf("2 %%: %v", err)
	}
	if err := j.judge(bad, false, j.begin.Add(udpStart-1)); err != nil {
		t.Errorf("too early: %v", err)
	}
	if err := j.judge(bad, true, j.begin.Add(udpStart)); err != nil {
		t.Errorf("with a picture: %v", err)
	}
	if err := j.judge(bad, false, j.begin.Add(udpStart)); err == nil {
		t.Error("it goes on without a picture")
	}
}

func TestUDPJudge(t *testing.T) {
	begin := time.Now()
	type tick struct {
		at                 time.Duration
		expected, lost, sr int64
		paused             int64
	}
	cases := []struct {
		name  string
		ticks []tick
		want  string
	}{
		{"silence", []tick{{time.Second, 0, 0, 0, 0}, {1500 * time.Millisecond, 0, 0, 0, 0}}, "nothing comes"},
		{"sender reports only", []tick{{2 * time.Second, 0, 0, 1, 0}, {3 * time.Second, 0, 0, 1, 0}}, "nothing comes"},
		{"late, but there", []tick{{time.Second, 0, 0, 0, 0}, {2100 * time.Millisecond, 10, 0, 1, 0}}, ""},
		{"6 % all the time", []tick{{0, 10, 0, 0, 0}, {10 * time.Second, 1010, 60, 0, 0}, {20 * time.Second, 2010, 120, 0, 0}}, "6 of 100"},
		{"one bad time", []tick{{0, 10, 0, 0, 0}, {10 * time.Second, 1010, 600, 0, 0}, {20 * time.Second, 2010, 600, 0, 0}, {30 * time.Second, 3010, 900, 0, 0}}, ""},
		{"5 %", []tick{{0, 10, 0, 0, 0}, {10 * time.Second, 1010, 50, 0, 0}, {20 * time.Second, 2010, 100, 0, 0}}, ""},
		{"too few to tell", []tick{{0, 1, 0, 0, 0}, {10 * time.Second, 40, 20, 0, 0}, {20 * time.Second, 80, 40, 0, 0}}, ""},
		{"an outage is none of it", []tick{{0, 10, 0, 0, 0}, {10 * time.Second, 1010, 500, 0, 490}, {20 * time.Second, 2010, 1000, 0, 960}}, ""},
		{"nor does it hide the rest", []tick{{0, 10, 0, 0, 0}, {10 * time.Second, 1010, 500, 0, 400}, {20 * time.Second, 2010, 600, 0, 400}}, "10 of 100"},
	}
	for _, c := range cases {
		j := udpJudge{begin: begin}
		var err error
		for _, k := range c.ticks {
			if err != nil {
				t.Errorf("%s: too early: %v", c.name, err)
			}
			err = j.judge(Reception{Expected: k.expected, Received: k.expected - k.lost, Lost: k.lost, Paused: k.paused, SenderReports: int(k.sr)}, k.expected > 0, begin.Add(k.at))
		}
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// An hour without UDP is for where it never worked: an outage proves nothing.
func TestSilenceAfterUDPWorked(t *testing.T) {
	silent, lossy := &udpError{reason: "nothing", silent: true}, &udpError{reason: "loss"}
	for _, c := range []struct {
		worked bool
		why    *udpError
		want   time.Duration
	}{{false, silent, rememberTCP}, {true, silent, rememberSilence}, {true, lossy, rememberTCP}} {
		s := &Source{hadUDP: c.worked, transport: TransportAuto}
		p := &pull{source: s, log: slog.New(slog.DiscardHandler)}
		s.giveUpUDP(p, c.why)
		if got := time.Until(s.noUDP).Round(time.Second); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
