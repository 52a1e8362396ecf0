package fakecam_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate/cmd/camgate/demo"
	"github.com/camgate/camgate/cmd/camgate/fakecam"
)

// patience bounds whatever a test waits for.
const patience = 20 * time.Second

// TestMain lets more tests run at a time than there are processors: they wait for
// the clock, most of the time.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	m.Run()
}

// start runs a camera until the test ends, and makes sure that nothing is left of it.
func start(t *testing.T, o fakecam.Options) *fakecam.Cam {
	t.Helper()
	if o.Clip == nil {
		o.Clip = demo.Clip()
	}
	cam, err := fakecam.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- cam.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(patience):
			buf := make([]byte, 1<<20)
			t.Fatalf("Run does not end:\n%s", buf[:runtime.Stack(buf, true)])
		}
		if s := cam.Status(); s.Connections != 0 || s.Sessions != 0 {
			t.Errorf("%d connections and %d sessions are left", s.Connections, s.Sessions)
		}
	})
	return cam
}

// client speaks RTSP line by line, so that tests see what is on the wire.
type client struct {
	t     *testing.T
	url   string
	conn  net.Conn
	r     *bufio.Reader
	cseq  int
	id    string // of the session
	early []frame
	rtp   []*net.UDPConn // by track, over UDP
	rtcp  []*net.UDPConn
}

// frame is a packet on a channel.
type frame struct {
	channel int
	data    []byte
	at      time.Time
}

// answer is a response.
type answer struct {
	status int
	header map[string][]string
	body   string
}

func (a answer) get(key string) string { return strings.Join(a.header[key], "\n") }

func connect(t *testing.T, cam *fakecam.Cam) *client {
	t.Helper()
	c, err := dial(t, cam)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func dial(t *testing.T, cam *fakecam.Cam) (*client, error) {
	u, err := url.Parse(cam.URL())
	if err != nil {
		return nil, err
	}
	nc, err := net.DialTimeout("tcp", u.Host, patience)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { nc.Close() })
	if u.Scheme == "rtsps" {
		nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true})
	}
	nc.SetDeadline(time.Now().Add(patience))
	return &client{t: t, url: cam.URL(), conn: nc, r: bufio.NewReader(nc)}, nil
}

func (c *client) send(method, url string, headers ...string) {
	c.t.Helper()
	c.cseq++
	text := fmt.Sprintf("%s %s RTSP/1.0\r\nCSeq: %d\r\n", method, url, c.cseq)
	if c.id != "" {
		text += "Session: " + c.id + "\r\n"
	}
	for _, h := range headers {
		text += h + "\r\n"
	}
	if _, err := io.WriteString(c.conn, text+"\r\n"); err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
}

// do sends a request and returns the answer; packets before it are kept.
func (c *client) do(method, url string, headers ...string) answer {
	c.t.Helper()
	c.send(method, url, headers...)
	a, err := c.receive()
	if err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
	if got := a.get("cseq"); got != strconv.Itoa(c.cseq) {
		c.t.Fatalf("%s: CSeq %s, want %d", method, got, c.cseq)
	}
	return a
}

// must wants the status 200.
func (c *client) must(method, url string, headers ...string) answer {
	c.t.Helper()
	a := c.do(method, url, headers...)
	if a.status != 200 {
		c.t.Fatalf("%s %s: status %d", method, url, a.status)
	}
	return a
}

func (c *client) receive() (answer, error) {
	for {
		b, err := c.r.Peek(1)
		if err != nil {
			return answer{}, err
		}
		if b[0] != '$' {
			break
		}
		f, err := c.frame()
		if err != nil {
			return answer{}, err
		}
		c.early = append(c.early, f)
	}
	a := answer{header: map[string][]string{}}
	for first := true; ; first = false {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return a, err
		}
		line = strings.TrimRight(line, "\r\n")
		if first {
			if a.status, err = strconv.Atoi(strings.Fields(line + " 0 0")[1]); err != nil {
				return a, fmt.Errorf("status line %q", line)
			}
			continue
		}
		if line == "" {
			break
		}
		key, value, _ := strings.Cut(line, ": ")
		key = strings.ToLower(key)
		a.header[key] = append(a.header[key], value)
	}
	n, _ := strconv.Atoi(a.get("content-length"))
	body := make([]byte, n)
	_, err := io.ReadFull(c.r, body)
	a.body = string(body)
	return a, err
}

// frame reads a packet; what is none is an error.
func (c *client) frame() (frame, error) {
	var header [4]byte
	if _, err := io.ReadFull(c.r, header[:]); err != nil {
		return frame{}, err
	}
	if header[0] != '$' {
		return frame{}, fmt.Errorf("no packet but %q", header)
	}
	data := make([]byte, binary.BigEndian.Uint16(header[2:]))
	_, err := io.ReadFull(c.r, data)
	return frame{int(header[1]), data, time.Now()}, err
}
