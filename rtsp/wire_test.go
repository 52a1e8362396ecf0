package rtsp

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
	"time"
)

// wire is a client that does nothing by itself.
type wire struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
	cseq int
	base string
	auth string // Authorization header
	id   string // Session header
}

func dialWire(t testing.TB, url string) *wire {
	t.Helper()
	host, _, _ := strings.Cut(strings.TrimPrefix(url, "rtsp://"), "/")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &wire{t: t, conn: conn, r: bufio.NewReaderSize(conn, 1<<20), base: url}
}

type reply struct {
	status int
	header textproto.MIMEHeader
	body   string
}

func (w *wire) send(method, url string, header ...string) {
	w.t.Helper()
	w.cseq++
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s RTSP/1.0\r\nCSeq: %d\r\n", method, url, w.cseq)
	if w.auth != "" {
		header = append(header, "Authorization: "+w.auth)
	}
	if w.id != "" {
		header = append(header, "Session: "+w.id)
	}
	for _, h := range header {
		b.WriteString(h + "\r\n")
	}
	b.WriteString("\r\n")
	if _, err := io.WriteString(w.conn, b.String()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wire) write(b string) {
	w.t.Helper()
	if _, err := io.WriteString(w.conn, b); err != nil {
		w.t.Fatal(err)
	}
}

// next reads a response or an interleaved frame: one of both is returned.
func (w *wire) next() (*reply, []byte) {
	w.t.Helper()
	if err := w.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		w.t.Fatal(err)
	}
	first, err := w.r.Peek(4)
	if err != nil {
		w.t.Fatal(err)
	}
	if first[0] == '$' {
		frame := make([]byte, 4+int(first[2])<<8+int(first[3]))
		if _, err := io.ReadFull(w.r, frame); err != nil {
			w.t.Fatal(err)
		}
		return nil, frame
	}
	tp := textproto.NewReader(w.r)
	line, err := tp.ReadLine()
	if err != nil {
		w.t.Fatal(err)
	}
	fields := strings.SplitN(line, " ", 3)
	if len(fields) < 2 || fields[0] != "RTSP/1.0" {
		w.t.Fatalf("neither a response nor a frame: %q", line)
	}
	rep := &reply{}
	if rep.status, err = strconv.Atoi(fields[1]); err != nil {
		w.t.Fatal(err)
	}
	if rep.header, err = tp.ReadMIMEHeader(); err != nil {
		w.t.Fatal(err)
	}
	n, _ := strconv.Atoi(rep.header.Get("Content-Length"))
	body := make([]byte, n)
	if _, err := io.ReadFull(w.r, body); err != nil {
		w.t.Fatal(err)
	}
	rep.body = string(body)
	return rep, nil
}

// do sends a request and returns its response; frames before it are dropped.
func (w *wire) do(method, url string, header ...string) *reply {
	w.t.Helper()
	w.send(method, url, header...)
	for {
		if rep, _ := w.next(); rep != nil {
			if id, _, _ := strings.Cut(rep.header.Get("Session"), ";"); id != "" {
				w.id = id
			}
			return rep
		}
	}
}

func (w *wire) want(status int, method, url string, header ...string) *reply {
	w.t.Helper()
	rep := w.do(method, url, header...)
	if rep.status != status {
		w.t.Fatalf("%s %s: status %d, want %d", method, url, rep.status, status)
	}
	return rep
}

// setup sets up track i over TCP, on the channels 2i and 2i+1.
func (w *wire) setup(i int) *reply {
	w.t.Helper()
	return w.want(200, "SETUP", fmt.Sprintf("%s/trackID=%d", w.base, i),
		fmt.Sprintf("Transport: RTP/AVP/TCP;unicast;interleaved=%d-%d", 2*i, 2*i+1))
}

// frame returns the next interleaved frame.
func (w *wire) frame() []byte {
	w.t.Helper()
	for {
		if _, frame := w.next(); frame != nil {
			return frame
		}
	}
}
