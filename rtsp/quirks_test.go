package rtsp

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/camgate/camgate"
)

// What cameras do to the signalling, and pictures come all the same.
func TestSignallingQuirks(t *testing.T) {
	cases := []struct {
		name      string
		transport Transport
		sdp       string // empty: the usual one
		answer    func(c *scriptedConn, r request) bool
		check     func(t *testing.T, cam *scripted)
	}{
		{"media before PLAY", TransportTCP, "", func(c *scriptedConn, r request) bool {
			c.packet(1, 2)
			if r.method == "SETUP" {
				c.good(r)
				c.packet(3, 4)
				return true
			}
			return playing(300)(c, r)
		}, nil},
		{"OPTIONS not implemented", TransportTCP, "", func(c *scriptedConn, r request) bool {
			if r.method == "OPTIONS" {
				c.reply(r, 501, "")
				return true
			}
			return playing(300)(c, r)
		}, nil},
		{"control URLs on another host, absolute", TransportTCP, strings.Replace(scriptedSDP, "a=control:track1", "a=control:rtsp://10.9.9.9/other/track1", 1), playing(300), func(t *testing.T, cam *scripted) {
			if u := cam.all("SETUP")[0].url; !strings.HasSuffix(u, "/other/track1") {
				t.Error(u)
			}
		}},
		{"no Content-Base", TransportTCP, "", func(c *scriptedConn, r request) bool {
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
		{"Content-Base of 0.0.0.0", TransportTCP, "", func(c *scriptedConn, r request) bool {
			if r.method == "DESCRIBE" {
				c.reply(r, 200, c.sdp, "Content-Base: rtsp://0.0.0.0/live/", "Content-Type: application/sdp;charset=utf-8")
				return true
			}
			return playing(300)(c, r)
		}, nil},
		{"no channels in the answer", TransportTCP, "", func(c *scriptedConn, r request) bool {
			if r.method == "SETUP" {
				c.reply(r, 200, "", "Session: 1", "Transport: rtp/avp/tcp; unicast; mode=\"PLAY\"")
				return true
			}
			return playing(300)(c, r)
		}, nil},
		{"no server ports", TransportUDP, "", func(c *scriptedConn, r request) bool {
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
		{"requests of the camera", TransportTCP, "", func(c *scriptedConn, r request) bool {
			_, _ = io.WriteString(c.Conn, "SET_PARAMETER * RTSP/1.0\r\nCSeq: 5\r\n\r\n")
			return playing(300)(c, r)
		}, nil},
		{"PLAY without a range", TransportTCP, "", func(c *scriptedConn, r request) bool {
			if r.method == "PLAY" && r.header.Get("Range") != "" {
				c.reply(r, 457, "")
				return true
			}
			return playing(300)(c, r)
		}, nil},
		{"packets twice", TransportTCP, "", func(c *scriptedConn, r request) bool {
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
		{"numbers and sources that jump", TransportUDP, "", func(c *scriptedConn, r request) bool {
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
			cam := newScripted(t, c.answer, func(s *scripted) { s.sdp = cmp.Or(c.sdp, s.sdp) })
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
	round := newScripted(t, func(c *scriptedConn, r request) bool {
		if r.method != "DESCRIBE" {
			return false
		}
		c.reply(r, 301, "", "Location: /again")
		return true
	})
	if err := attempt(t, SourceOptions{URL: parseURL(t, round.url("")), Timeout: 2 * time.Second}); !errors.Is(err, camgate.ErrConnectionFailed) {
		t.Error(err)
	}
}
