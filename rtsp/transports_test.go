package rtsp

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/headers"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/camgate/camgate/egress/burst"
)

// viewer is a reader by the library's client. It counts what it gets.
type viewer struct {
	client *gortsplib.Client

	mu       sync.Mutex
	packets  int
	gaps     int
	numbers  []int // of the pictures, in order
	reports  int
	begun    bool
	next     uint16
	finished chan struct{} // closed when until was reached
	until    int
}

// view plays a stream; the returned viewer closes finished when it has seen the
// picture with number until. Sound is counted with the packets.
func view(t testing.TB, url string, protocol gortsplib.Protocol, tlsConfig *tls.Config, until int) *viewer {
	t.Helper()
	u, err := base.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	v := &viewer{until: until, finished: make(chan struct{})}
	v.client = &gortsplib.Client{
		Scheme: u.Scheme, Host: u.Host, Protocol: &protocol, TLSConfig: tlsConfig,
		OnPacketsLost: func(uint64) {}, OnDecodeError: func(error) {}, OnTransportSwitch: func(error) {},
		ListenPacket: roomy,
	}
	if err := v.client.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.client.Close)
	desc, _, err := v.client.Describe(u)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.client.SetupAll(desc.BaseURL, desc.Medias); err != nil {
		t.Fatal(err)
	}
	v.client.OnPacketRTPAny(v.packet)
	v.client.OnPacketRTCPAny(func(_ *description.Media, p rtcp.Packet) {
		if _, ok := p.(*rtcp.SenderReport); ok {
			v.mu.Lock()
			v.reports++
			v.mu.Unlock()
		}
	})
	if _, err := v.client.Play(nil); err != nil {
		t.Fatal(err)
	}
	return v
}

// roomy listens with room for all that a test sends: what a viewer that gets no CPU
// loses is not the gateway's.
func roomy(network, address string) (net.PacketConn, error) {
	conn, err := net.ListenPacket(network, address)
	if err != nil {
		return nil, err
	}
	return conn, conn.(*net.UDPConn).SetReadBuffer(2 << 20)
}

func (v *viewer) packet(_ *description.Media, f format.Format, p *rtp.Packet) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.packets++
	if _, ok := f.(*format.H264); !ok {
		return
	}
	if v.begun && p.SequenceNumber != v.next {
		v.gaps++
	}
	v.begun, v.next = true, p.SequenceNumber+1
	if p.Marker {
		n := number(p)
		v.numbers = append(v.numbers, n)
		if n == v.until {
			close(v.finished)
		}
	}
}

// wait returns when the viewer has seen its last picture, and checks that it has
// seen all others before it.
func (v *viewer) wait(t testing.TB, first int) {
	t.Helper()
	select {
	case <-v.finished:
	case <-time.After(20 * time.Second):
		t.Fatalf("picture %d does not come; %v came", v.until, v.numbers)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.gaps > 0 {
		t.Errorf("%d gaps", v.gaps)
	}
	for i, n := range v.numbers {
		if n != first+i {
			t.Fatalf("pictures %v, want all from %d on", v.numbers, first)
		}
	}
}

// UDP readers get each packet once, in order, whichever way bursts are sent.
func TestPlayUDP(t *testing.T) {
	for _, mode := range []burst.Mode{burst.Auto, burst.Plain, burst.Batch, burst.Segment} {
		t.Run(mode.String(), func(t *testing.T) {
			g := newGateway(t, func(o *Options) { o.RTPAddress, o.udpMode = "any", mode })
			s := g.stream(t, "cam")
			cam := newCamera(t, s, true)
			cam.size = 20_000
			cam.gop(10)
			v := view(t, g.url("cam"), gortsplib.ProtocolUDP, nil, 40)
			stop := cam.run()
			v.wait(t, 0)
			stop()
			eventually(t, "sender reports", func() bool { v.mu.Lock(); defer v.mu.Unlock(); return v.reports >= 2 })
			if info := s.Info(); viewers(s) != 1 || info.BytesOut < 40*20_000 {
				t.Errorf("%+v", info.Readers)
			}
		})
	}
}

// A UDP session lives without its connection while the reader reports, and ends by
// TEARDOWN on another one.
func TestUDPOutlivesConnection(t *testing.T) {
	g := newGateway(t, withUDP)
	s := g.stream(t, "cam")
	newCamera(t, s, false).gop(2)
	rtpConn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer rtpConn.Close()
	port := rtpConn.LocalAddr().(*net.UDPAddr).Port
	w := dialWire(t, g.url("cam"))
	rep := w.want(200, "SETUP", w.base+"/trackID=0", fmt.Sprintf("Transport: RTP/AVP;unicast;client_port=%d-%d", port, port+1))
	var th headers.Transport
	if err := th.Unmarshal([]string{rep.header.Get("Transport")}); err != nil {
		t.Fatal(err)
	}
	w.want(200, "PLAY", w.base)
	buf := make([]byte, 2000)
	_ = rtpConn.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, from, err := rtpConn.ReadFromUDP(buf)
	if err != nil {
		t.Fatal(err)
	}
	if from.Port != th.ServerPorts[0] {
		t.Errorf("from port %d, announced %d", from.Port, th.ServerPorts[0])
	}
	if p := parseRTP(t, buf[:n]); p.SSRC != *th.SSRC {
		t.Errorf("SSRC %x, announced %x", p.SSRC, *th.SSRC)
	}
	w.conn.Close()
	other := dialWire(t, g.url("cam"))
	other.id = w.id
	if viewers(s) != 1 {
		t.Error("the reader is gone")
	}
	other.want(200, "TEARDOWN", other.base)
	eventually(t, "no readers", func() bool { return viewers(s) == 0 })
}

func TestPlayTLS(t *testing.T) {
	cert := certificate(t)
	g := newGateway(t, func(o *Options) { o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}} })
	cam := newCamera(t, g.stream(t, "cam"), true)
	cam.size = 40_000 // several TLS records
	cam.gop(10)
	v := view(t, fmt.Sprintf("rtsps://%s/cam", g.TLSAddr()), gortsplib.ProtocolTCP, &tls.Config{InsecureSkipVerify: true}, 30)
	stop := cam.run()
	defer stop()
	v.wait(t, 0)
	// UDP would not be secret.
	conn, err := tls.Dial("tcp", g.TLSAddr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "SETUP rtsps://h/cam/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP;unicast;client_port=5000-5001\r\n\r\n")
	buf := make([]byte, 100)
	if n, err := conn.Read(buf); err != nil || !strings.HasPrefix(string(buf[:n]), "RTSP/1.0 461 ") {
		t.Errorf("%q, %v", buf[:n], err)
	}
}

// What the library and we write at the same time does not mix.
func TestRequestsWhilePlaying(t *testing.T) {
	g := newGateway(t, nil)
	cam := newCamera(t, g.stream(t, "cam"), true)
	cam.size = 50_000
	cam.gop(5)
	stop := cam.run()
	defer stop()
	w := dialWire(t, g.url("cam"))
	w.setup(0)
	w.setup(1)
	w.want(200, "PLAY", w.base)
	answered, frames := 0, 0
	for i := 0; answered < 200; i++ {
		w.send([]string{"GET_PARAMETER", "OPTIONS"}[i%2], w.base)
		for {
			rep, frame := w.next() // fails when anything but a frame or a response begins
			if frame != nil {
				frames++
				continue
			}
			if rep.status != 200 {
				t.Fatal(rep.status)
			}
			answered++
			break
		}
	}
	if frames == 0 {
		t.Error("nothing but responses")
	}
}
