package fakecam_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

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
