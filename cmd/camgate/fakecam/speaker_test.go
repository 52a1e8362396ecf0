package fakecam_test

import (
	"encoding/binary"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/camgate/camgate/cmd/camgate/fakecam"
)

const backChannel = "Require: www.onvif.org/ver20/backchannel"

func TestBackChannel(t *testing.T) {
	t.Parallel()
	heard := make(chan fakecam.Heard, 8)
	cam := start(t, fakecam.Options{BackChannel: "pcma", Heard: func(h fakecam.Heard) { heard <- h }})
	if body := connect(t, cam).must("DESCRIBE", cam.URL()).body; strings.Contains(body, "sendonly") {
		t.Errorf("nobody has asked for it:\n%s", body)
	}
	for _, transport := range []string{"tcp", "udp"} {
		c := connect(t, cam)
		sdp := c.must("DESCRIBE", c.url, backChannel)
		if !strings.Contains(sdp.body, "m=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=control:backchannel\r\na=sendonly\r\n") {
			t.Fatalf("SDP:\n%s", sdp.body)
		}
		a := c.must("SETUP", c.url+"/backchannel", backChannel, "Transport: "+c.transport(transport, 0))
		c.id, _, _ = strings.Cut(a.get("session"), ";")
		packet, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 8, SequenceNumber: 7}, Payload: []byte("hello")}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		c.must("PLAY", c.url, backChannel)
		if transport == "tcp" {
			_, err = c.conn.Write(append(binary.BigEndian.AppendUint16([]byte{'$', 0}, uint16(len(packet))), packet...))
		} else {
			_, err = c.rtp[0].WriteToUDP(packet, serverOf(t, a))
		}
		if err != nil {
			t.Fatal(err)
		}
		select {
		case h := <-heard:
			if h.Transport != transport || h.Packet.SequenceNumber != 7 || string(h.Packet.Payload) != "hello" {
				t.Errorf("heard %+v", h)
			}
		case <-time.After(patience):
			t.Fatalf("%s: nothing is heard", transport)
		}
		c.must("TEARDOWN", c.url)
	}
	c := connect(t, withFaults(t))
	if a := c.do("DESCRIBE", c.url, backChannel); a.status != 551 || a.get("unsupported") == "" {
		t.Errorf("a camera without one: %d", a.status)
	}
}

// serverOf is where the camera takes RTP.
func serverOf(t *testing.T, a answer) *net.UDPAddr {
	t.Helper()
	_, rest, _ := strings.Cut(a.get("transport"), "server_port=")
	first, _, _ := strings.Cut(rest, "-")
	port, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
}
