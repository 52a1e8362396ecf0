package fakecam_test

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/camgate/camgate/cmd/camgate/fakecam"
)

// datagrams reads n RTP packets of pictures.
func (c *client) datagrams(n int) (out []*rtp.Packet) {
	c.t.Helper()
	buf := make([]byte, 2048)
	for len(out) < n {
		size, err := c.rtp[0].Read(buf)
		if err != nil {
			c.t.Fatal(err)
		}
		p := &rtp.Packet{}
		if err := p.Unmarshal(append([]byte(nil), buf[:size]...)); err != nil {
			c.t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

func (c *client) datagramSR() *rtcp.SenderReport {
	c.t.Helper()
	buf := make([]byte, 2048)
	n, err := c.rtcp[0].Read(buf)
	if err != nil {
		c.t.Fatal(err)
	}
	packets, err := rtcp.Unmarshal(buf[:n])
	if err != nil {
		c.t.Fatal(err)
	}
	return packets[0].(*rtcp.SenderReport)
}

// datagramReport answers where the last report came from.
func (c *client) datagramReport(_ *fakecam.Cam, block rtcp.ReceptionReport) {
	c.t.Helper()
	data, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{block}}})
	if err != nil {
		c.t.Fatal(err)
	}
	_, from, err := c.rtcp[0].ReadFromUDP(make([]byte, 2048))
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.rtcp[0].WriteToUDP(data, from); err != nil {
		c.t.Fatal(err)
	}
}

func TestUDP(t *testing.T) {
	t.Parallel()
	c := connect(t, withFaults(t, "udp-loss=20%"))
	c.play("udp")
	if lost := 150 - count(steps(c.datagrams(150)), 1); lost < 10 || lost > 50 {
		t.Errorf("udp-loss=20%%: %d gaps in 150 packets", lost)
	}
	c = connect(t, withFaults(t, "udp-loss=20%"))
	c.play("tcp")
	if ps := c.packets(0, 100); !plain(ps) {
		t.Error("udp-loss loses packets over TCP")
	}

	c = connect(t, withFaults(t, "udp-silent"))
	c.play("udp")
	c.rtp[0].SetReadDeadline(time.Now().Add(500 * time.Millisecond))
	if _, err := c.rtp[0].Read(make([]byte, 2048)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("udp-silent: %v", err)
	}

	c = connect(t, withFaults(t, "udp-461"))
	sdp := c.must("DESCRIBE", c.url)
	if a := c.do("SETUP", controls(sdp)[0], "Transport: "+c.transport("udp", 0)); a.status != 461 {
		t.Errorf("udp-461: %d", a.status)
	}
	// The first transport that it has, of several, is taken.
	a := c.must("SETUP", controls(sdp)[0], "Transport: RTP/AVP;multicast,"+c.transport("udp", 0)+","+c.transport("tcp", 0))
	if !strings.HasPrefix(a.get("transport"), "RTP/AVP/TCP;") {
		t.Errorf("transport %s", a.get("transport"))
	}

	// Under TLS too.
	c = connect(t, start(t, fakecam.Options{TLS: true}))
	c.play("udp")
	if ps := c.datagrams(50); !plain(ps) {
		t.Errorf("UDP under RTSPS: steps %v", steps(ps))
	}
	// What is not from the client is no report.
	cam := withFaults(t)
	c = connect(t, cam)
	c.play("udp")
	if l, err := net.ListenPacket("udp", "127.0.0.2:0"); err == nil {
		defer l.Close()
		_, from, err := c.rtcp[0].ReadFromUDP(make([]byte, 2048))
		if err != nil {
			t.Fatal(err)
		}
		l.WriteTo([]byte("no RTCP"), from)
	}
	c.datagrams(20)
	if n := cam.Status().BrokenRTCP; n != 0 {
		t.Errorf("%d packets of strangers were read", n)
	}
}
