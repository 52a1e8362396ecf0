package rtsp

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// scripted is a camera that answers as a test wants, on the wire. It shares no code
// with what it tests but the parsers of RTP.
type scripted struct {
	t    testing.TB
	addr string
	// answer may answer a request in its own way; false: as a good camera does.
	answer func(c *scriptedConn, r request) bool
	sdp    string
	tls    *tls.Config // nil: it has none

	mu       sync.Mutex
	requests []request
	reports  [][]byte // RTCP that came
	conns    int
}

type request struct {
	method, url string
	header      textproto.MIMEHeader
	conn        int // number of its connection
}

type scriptedConn struct {
	*scripted
	net.Conn
	number int
	udp    [2]*net.UDPConn // RTP, RTCP
	peer   [2]*net.UDPAddr
}

const scriptedSDP = head + "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:track1\r\n"

// newScripted runs a camera, changed before it does.
func newScripted(t testing.TB, answer func(c *scriptedConn, r request) bool, change ...func(*scripted)) *scripted {
	s := &scripted{t: t, answer: answer, sdp: scriptedSDP}
	for _, c := range change {
		c(s)
	}
	s.addr = serveRaw(t, func(conn net.Conn) {
		if s.tls != nil {
			conn = tls.Server(conn, s.tls)
		}
		s.mu.Lock()
		s.conns++
		c := &scriptedConn{scripted: s, Conn: conn, number: s.conns}
		s.mu.Unlock()
		defer c.closeUDP()
		c.serve()
	})
	return s
}

func (s *scripted) url(userinfo string) string { return "rtsp://" + userinfo + s.addr + "/live?x=1" }

// all returns the requests with a method; "": all of them.
func (s *scripted) all(method string) (out []request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.requests {
		if method == "" || r.method == method {
			out = append(out, r)
		}
	}
	return out
}

func (s *scripted) received() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([][]byte(nil), s.reports...)
}

func (s *scripted) heard(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reports = append(s.reports, bytes.Clone(b))
}

func (c *scriptedConn) serve() {
	r := bufio.NewReader(c.Conn)
	for {
		first, err := r.Peek(4)
		if err != nil {
			return
		}
		if first[0] == '$' {
			frame := make([]byte, 4+int(binary.BigEndian.Uint16(first[2:])))
			if _, err := io.ReadFull(r, frame); err != nil {
				return
			}
			c.heard(frame[4:])
			continue
		}
		tp := textproto.NewReader(r)
		line, err := tp.ReadLine()
		if err != nil {
			return
		}
		header, err := tp.ReadMIMEHeader()
		if err != nil {
			return
		}
		fields := strings.Fields(line)
		req := request{fields[0], fields[1], header, c.number}
		c.mu.Lock()
		c.requests = append(c.requests, req)
		c.mu.Unlock()
		if !c.answer(c, req) {
			c.good(req)
		}
	}
}

// reply sends a response; more are lines of its header.
func (c *scriptedConn) reply(r request, status int, body string, more ...string) {
	lines := append([]string{fmt.Sprintf("RTSP/1.0 %d X", status), "CSeq: " + r.header.Get("CSeq")}, more...)
	if body != "" {
		lines = append(lines, "Content-Length: "+strconv.Itoa(len(body)))
	}
	_, _ = io.WriteString(c.Conn, strings.Join(lines, "\r\n")+"\r\n\r\n"+body)
}

// good is how a camera should answer.
func (c *scriptedConn) good(r request) {
	const session = "Session: 12345678;timeout=60"
	transport := r.header.Get("Transport")
	switch r.method {
	case "OPTIONS":
		c.reply(r, 200, "", "Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN")
	case "DESCRIBE":
		c.reply(r, 200, c.sdp, "Content-Type: application/sdp", "Content-Base: rtsp://"+c.LocalAddr().String()+"/live/")
	case "SETUP":
		if strings.Contains(transport, "interleaved") {
			c.reply(r, 200, "", session, "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
			return
		}
		_, ports, _ := strings.Cut(transport, "client_port=")
		var port [2]int
		if n, _ := fmt.Sscanf(ports, "%d-%d", &port[0], &port[1]); n != 2 {
			c.reply(r, 400, "")
			return
		}
		c.openUDP(port)
		c.reply(r, 200, "", session, fmt.Sprintf("Transport: RTP/AVP;unicast;client_port=%d-%d;server_port=%d-%d",
			port[0], port[1], c.udp[0].LocalAddr().(*net.UDPAddr).Port, c.udp[1].LocalAddr().(*net.UDPAddr).Port))
	case "PLAY":
		c.reply(r, 200, "", session, "RTP-Info: url=rtsp://x/track1;seq=1;rtptime=0")
	default:
		c.reply(r, 200, "", session)
	}
}

func (c *scriptedConn) openUDP(port [2]int) {
	c.closeUDP()
	for i := range c.udp {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			c.t.Error(err)
			return
		}
		c.udp[i], c.peer[i] = conn, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port[i]}
	}
	go func(conn *net.UDPConn) {
		b := make([]byte, 2000)
		for {
			n, err := conn.Read(b)
			if err != nil {
				return
			}
			c.heard(b[:n])
		}
	}(c.udp[1])
}

func (c *scriptedConn) closeUDP() {
	for _, conn := range c.udp {
		if conn != nil {
			conn.Close()
		}
	}
}

// send sends RTP (channel 0) or RTCP (1) the way that was set up.
func (c *scriptedConn) send(channel int, b []byte) {
	if c.udp[channel] != nil {
		_, _ = c.udp[channel].WriteTo(b, c.peer[channel])
		return
	}
	_, _ = c.Write(append([]byte{'$', byte(channel), byte(len(b) >> 8), byte(len(b))}, b...))
}

// packet sends a picture of one packet: every one is a keyframe with its parameters.
func (c *scriptedConn) packet(seq uint16, timestamp uint32) {
	payload := []byte{0x78} // STAP-A
	for _, nalu := range [][]byte{testSPS, testPPS, append([]byte{0x65, 0x88}, pattern(100)...)} {
		payload = append(payload, byte(len(nalu)>>8), byte(len(nalu)))
		payload = append(payload, nalu...)
	}
	b, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: seq, Timestamp: timestamp, SSRC: 77, Marker: true}, Payload: payload}).Marshal()
	if err != nil {
		c.t.Error(err)
	}
	c.send(0, b)
}

// stream sends n pictures, 25 a second.
func (c *scriptedConn) stream(n int) {
	go func() {
		tick := time.NewTicker(40 * time.Millisecond)
		defer tick.Stop()
		for i := range n {
			c.packet(uint16(i), uint32(i)*3600)
			<-tick.C
		}
	}()
}

func (c *scriptedConn) senderReport(ntp uint64, timestamp uint32) {
	b, err := (&rtcp.SenderReport{SSRC: 77, NTPTime: ntp, RTPTime: timestamp}).Marshal()
	if err != nil {
		c.t.Error(err)
	}
	c.send(1, b)
}
