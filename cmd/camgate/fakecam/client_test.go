package fakecam_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

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

// controls are the control URLs of the tracks in an SDP.
func controls(a answer) (urls []string) {
	base := a.get("content-base")
	for section := range strings.SplitSeq(a.body, "\r\nm=") {
		for line := range strings.SplitSeq(section, "\r\n") {
			if v, ok := strings.CutPrefix(line, "a=control:"); ok && strings.Contains(v, "trackID") {
				if !strings.Contains(v, "://") {
					v = base + v
				}
				urls = append(urls, v)
			}
		}
	}
	return urls
}

// setup goes as far as SETUP of all tracks.
func (c *client) setup(transport string) answer {
	c.t.Helper()
	sdp := c.must("DESCRIBE", c.url, "Accept: application/sdp")
	for i, u := range controls(sdp) {
		if !strings.Contains(u, "://") {
			u = c.url + "/" + u
		}
		a := c.must("SETUP", u, "Transport: "+c.transport(transport, i))
		c.id, _, _ = strings.Cut(a.get("session"), ";")
	}
	return sdp
}

func (c *client) transport(kind string, track int) string {
	if kind == "tcp" {
		return fmt.Sprintf("RTP/AVP/TCP;unicast;interleaved=%d-%d", 2*track, 2*track+1)
	}
	open := func() *net.UDPConn {
		l, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			c.t.Fatal(err)
		}
		l.SetReadDeadline(time.Now().Add(patience))
		c.t.Cleanup(func() { l.Close() })
		return l
	}
	a, b := open(), open()
	c.rtp, c.rtcp = append(c.rtp, a), append(c.rtcp, b)
	port := func(l *net.UDPConn) int { return l.LocalAddr().(*net.UDPAddr).Port }
	return fmt.Sprintf("RTP/AVP;unicast;client_port=%d-%d", port(a), port(b))
}

// play goes as far as PLAY.
func (c *client) play(transport string) answer {
	c.t.Helper()
	c.setup(transport)
	return c.must("PLAY", c.url)
}

// next is the next packet.
func (c *client) next() (frame, error) {
	if len(c.early) > 0 {
		f := c.early[0]
		c.early = c.early[1:]
		return f, nil
	}
	return c.frame()
}

// media reads RTP and RTCP until stop says so.
func (c *client) media(stop func(track int, p *rtp.Packet, reports []rtcp.Packet) bool) {
	c.t.Helper()
	for {
		f, err := c.next()
		if err != nil {
			c.t.Fatal(err)
		}
		if f.channel%2 == 1 {
			reports, err := rtcp.Unmarshal(f.data)
			if err != nil {
				c.t.Fatalf("RTCP: %v", err)
			}
			if stop(f.channel/2, nil, reports) {
				return
			}
			continue
		}
		p := &rtp.Packet{}
		if err := p.Unmarshal(f.data); err != nil {
			c.t.Fatal(err)
		}
		if stop(f.channel/2, p, nil) {
			return
		}
	}
}

// packets reads n RTP packets of a track.
func (c *client) packets(track, n int) (out []*rtp.Packet) {
	c.t.Helper()
	c.media(func(of int, p *rtp.Packet, _ []rtcp.Packet) bool {
		if p != nil && of == track {
			out = append(out, p)
		}
		return len(out) == n
	})
	return out
}

// report sends a receiver report about a track.
func (c *client) report(track int, r rtcp.ReceptionReport) {
	c.t.Helper()
	data, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: 1, Reports: []rtcp.ReceptionReport{r}}})
	if err != nil {
		c.t.Fatal(err)
	}
	c.sendFrame(2*track+1, data)
}

func (c *client) sendFrame(channel int, data []byte) {
	c.t.Helper()
	b := binary.BigEndian.AppendUint16([]byte{'$', byte(channel)}, uint16(len(data)))
	if _, err := c.conn.Write(append(b, data...)); err != nil {
		c.t.Fatal(err)
	}
}

// silent tells whether nothing comes for a time.
func (c *client) silent(d time.Duration) bool {
	c.conn.SetReadDeadline(time.Now().Add(d))
	defer c.conn.SetReadDeadline(time.Now().Add(patience))
	_, err := c.r.Peek(1)
	return errors.Is(err, os.ErrDeadlineExceeded)
}

// drain reads packets until nothing comes for a time.
func (c *client) drain(d time.Duration) (n int) {
	c.t.Helper()
	for ; !c.silent(d); n++ {
		if _, err := c.frame(); err != nil {
			c.t.Fatal(err)
		}
	}
	return n
}

// ends reads until the connection ends and returns why.
func (c *client) ends() error {
	for {
		if _, err := c.next(); err != nil {
			return err
		}
	}
}
