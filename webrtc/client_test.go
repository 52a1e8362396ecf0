package webrtc

import (
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	pion "github.com/pion/webrtc/v4"
)

// viewer is a WebRTC client.
type client struct {
	t        testing.TB
	pc       *pion.PeerConnection
	location string
	etag     string
	header   http.Header
	answer   string

	mu      sync.Mutex
	packets map[string][]*rtp.Packet // by kind
	reports map[string][]*rtcp.SenderReport
	changed chan struct{}
}

type clientOptions struct {
	sendrecv bool // offer to send, too, as some players do without need
	config   pion.Configuration
	settings func(*pion.SettingEngine)
	answer   func(string) string // changes what the gateway answers
}

// libraryPeer is a connection of the library by UDP, unless change (which may be nil) says
// otherwise. It has no interceptors: the test sees all packets, and reports nothing by itself.
func libraryPeer(t testing.TB, config pion.Configuration, change func(*pion.SettingEngine)) *pion.PeerConnection {
	t.Helper()
	m := &pion.MediaEngine{}
	if err := m.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	settings := pion.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetNetworkTypes([]pion.NetworkType{pion.NetworkTypeUDP4})
	if change != nil {
		change(&settings)
	}
	api := pion.NewAPI(pion.WithMediaEngine(m), pion.WithInterceptorRegistry(&interceptor.Registry{}), pion.WithSettingEngine(settings))
	pc, err := api.NewPeerConnection(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.GracefulClose() })
	return pc
}

// byTCP connects by TCP alone.
func byTCP(s *pion.SettingEngine) { s.SetNetworkTypes([]pion.NetworkType{pion.NetworkTypeTCP4}) }

func offerOf(t testing.TB, o clientOptions) (*pion.PeerConnection, string) {
	t.Helper()
	pc := libraryPeer(t, o.config, o.settings)
	for _, k := range []pion.RTPCodecType{pion.RTPCodecTypeVideo, pion.RTPCodecTypeAudio} {
		if _, err := pc.AddTransceiverFromKind(k, pion.RTPTransceiverInit{Direction: pion.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
	text := gatheredOffer(t, pc)
	if o.sendrecv {
		text = strings.ReplaceAll(text, "a=recvonly", "a=sendrecv")
	}
	return pc, text
}

// gatheredOffer is the offer of a client, with its candidates.
func gatheredOffer(t testing.TB, pc *pion.PeerConnection) string {
	t.Helper()
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered := pion.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	return pc.LocalDescription().SDP
}

// join connects a client and returns when the answer is applied.
func (g *gateway) join(t testing.TB, o clientOptions) *client {
	t.Helper()
	pc, offer := offerOf(t, o)
	c := &client{t: t, pc: pc, packets: map[string][]*rtp.Packet{}, reports: map[string][]*rtcp.SenderReport{}, changed: make(chan struct{}, 1)}
	pc.OnTrack(func(track *pion.TrackRemote, receiver *pion.RTPReceiver) {
		kind := track.Kind().String()
		go c.readReports(kind, receiver)
		for {
			p, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			c.mu.Lock()
			c.packets[kind] = append(c.packets[kind], p)
			c.mu.Unlock()
			c.signal()
		}
	})
	res := g.request(t, "POST", g.url+"?token=x", typeSDP, offer)
	if res.code != http.StatusCreated {
		t.Fatalf("POST: %d %s", res.code, res.body)
	}
	c.location, c.etag, c.header, c.answer = res.header.Get("Location"), res.header.Get("ETag"), res.header, res.body
	answer := res.body
	if o.answer != nil {
		answer = o.answer(answer)
	}
	if err := pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatalf("%v in\n%s", err, res.body)
	}
	return c
}

func (c *client) readReports(kind string, r *pion.RTPReceiver) {
	for {
		packets, _, err := r.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range packets {
			if sr, ok := p.(*rtcp.SenderReport); ok {
				c.mu.Lock()
				c.reports[kind] = append(c.reports[kind], sr)
				c.mu.Unlock()
				c.signal()
			}
		}
	}
}

func (c *client) signal() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// wait waits until ok, called under the client's lock, is true.
func (c *client) wait(what string, ok func() bool) {
	c.t.Helper()
	limit := time.After(10 * time.Second)
	for {
		c.mu.Lock()
		done := ok()
		c.mu.Unlock()
		if done {
			return
		}
		select {
		case <-c.changed:
		case <-limit:
			c.t.Fatalf("no %s", what)
		}
	}
}

// report says that a sender report arrived, as if at once.
func (c *client) report(ssrc, lastSenderReport uint32) {
	c.t.Helper()
	r := &rtcp.ReceiverReport{SSRC: 1, Reports: []rtcp.ReceptionReport{{SSRC: ssrc, LastSenderReport: lastSenderReport}}}
	if err := c.pc.WriteRTCP([]rtcp.Packet{r}); err != nil {
		c.t.Fatal(err)
	}
}

// quietNet is the network of a viewer that hears all and can be made to say nothing.
type quietNet struct{ mute atomic.Bool }

func (q *quietNet) apply(t *testing.T) func(*pion.SettingEngine) {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mux := pion.NewICEUDPMux(nil, quietConn{c, q})
	t.Cleanup(func() { _ = mux.Close() })
	return func(s *pion.SettingEngine) { s.SetICEUDPMux(mux) }
}

type quietConn struct {
	net.PacketConn
	net *quietNet
}

func (c quietConn) WriteTo(b []byte, to net.Addr) (int, error) {
	if c.net.mute.Load() {
		return len(b), nil
	}
	return c.PacketConn.WriteTo(b, to)
}
