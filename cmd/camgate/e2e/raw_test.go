package e2e

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// rtspConn speaks RTSP over TCP byte by byte: cheaply, and also what no library would
// say.
type rtspConn struct {
	net.Conn
	r       *bufio.Reader
	cseq    int
	session string
}

func dialRTSP(t *testing.T, url string) *rtspConn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.Split(strings.TrimPrefix(url, "rtsp://"), "/")[0])
	if err != nil {
		t.Fatal(err)
	}
	return &rtspConn{Conn: conn, r: bufio.NewReaderSize(conn, 64<<10)}
}

// do sends a request and wants 200 for an answer.
func (c *rtspConn) do(t *testing.T, method, url, headers, body string) {
	t.Helper()
	c.cseq++
	if c.session != "" {
		headers += "Session: " + c.session + "\r\n"
	}
	if body != "" {
		headers += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	fmt.Fprintf(c, "%s %s RTSP/1.0\r\nCSeq: %d\r\n%s\r\n%s", method, url, c.cseq, headers, body)
	head, size := "", 0
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			t.Fatalf("%s: %v", method, err)
		}
		if line == "\r\n" {
			break
		}
		head += line
		_, _ = fmt.Sscanf(line, "Content-Length: %d", &size)
		if s, ok := strings.CutPrefix(line, "Session: "); ok {
			c.session = strings.Split(strings.TrimSpace(s), ";")[0]
		}
	}
	if !strings.HasPrefix(head, "RTSP/1.0 200") {
		t.Fatalf("%s: %s", method, head)
	}
	if _, err := c.r.Discard(size); err != nil {
		t.Fatal(err)
	}
}

// raw is an RTSP viewer over TCP that does as little as it can, so that two hundred of
// them leave the machine to the gateway.
type raw struct {
	tally
	conn *rtspConn
}

func startRaw(t *testing.T, url string) counter {
	t.Helper()
	c := &raw{conn: dialRTSP(t, url)}
	var done sync.WaitGroup
	t.Cleanup(func() {
		_ = c.conn.Close()
		done.Wait()
	})
	c.conn.do(t, "SETUP", url+"/trackID=0", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n", "")
	c.conn.do(t, "PLAY", url, "", "")
	done.Go(func() { c.end(c.read(c.conn.r)) })
	return c
}

func (c *raw) read(r *bufio.Reader) error {
	buf := make([]byte, 64<<10)
	for {
		head, err := r.Peek(4)
		if err != nil {
			return err
		}
		if head[0] != '$' {
			return fmt.Errorf("%q where an interleaved frame should begin", head)
		}
		channel, n := head[1], int(binary.BigEndian.Uint16(head[2:]))
		if _, err := io.ReadFull(r, buf[:4+n]); err != nil {
			return err
		}
		if channel != 0 {
			continue
		}
		var p rtp.Packet
		if _, err := p.Header.Unmarshal(buf[4 : 4+n]); err != nil {
			return err
		}
		c.packet(&p)
	}
}

// publishRaw begins to publish H264 and AAC (someSDP) to a stream.
func publishRaw(t *testing.T, url string) *rtspConn {
	t.Helper()
	c := dialRTSP(t, url)
	c.do(t, "ANNOUNCE", url, "Content-Type: application/sdp\r\n", someSDP)
	c.do(t, "SETUP", url+"/trackID=0", "Transport: RTP/AVP/TCP;unicast;mode=record;interleaved=0-1\r\n", "")
	c.do(t, "SETUP", url+"/trackID=1", "Transport: RTP/AVP/TCP;unicast;mode=record;interleaved=2-3\r\n", "")
	c.do(t, "RECORD", url, "", "")
	return c
}

// packet sends an interleaved frame, which may hold anything. It reports false when
// the gateway has hung up.
func (c *rtspConn) packet(channel byte, payload []byte) bool {
	frame := append([]byte{'$', channel, byte(len(payload) >> 8), byte(len(payload))}, payload...)
	_ = c.SetWriteDeadline(time.Now().Add(10 * time.Second))
	_, err := c.Write(frame)
	return err == nil
}
