package rtsp

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/camgate/camgate/ingest/trust"
)

// library is a camera by the library's server, which has tunnels and multicast.
type library struct {
	stream  atomic.Pointer[gortsplib.ServerStream] // made when the server is up already
	reports chan rtcp.Packet
}

func (l *library) OnDescribe(*gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return &base.Response{StatusCode: base.StatusOK}, l.stream.Load(), nil
}

func (l *library) OnSetup(*gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return &base.Response{StatusCode: base.StatusOK}, l.stream.Load(), nil
}

func (l *library) OnPlay(ctx *gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	ctx.Session.OnPacketRTCPAny(func(_ *description.Media, p rtcp.Packet) {
		select {
		case l.reports <- p:
		default:
		}
	})
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// startLibrary runs one that sends 25 pictures a second.
func startLibrary(t testing.TB) (address string, l *library) {
	t.Helper()
	return runLibrary(t, &gortsplib.Server{RTSPAddress: fmt.Sprintf("127.0.0.1:%d", freePort(t))})
}

func startLibraryTLS(t testing.TB) (address string, l *library) {
	t.Helper()
	port := evenPort(t)
	return runLibrary(t, &gortsplib.Server{
		RTSPAddress: fmt.Sprintf("127.0.0.1:%d", freePort(t)), TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate(t)}},
		UDPRTPAddress: fmt.Sprintf("127.0.0.1:%d", port), UDPRTCPAddress: fmt.Sprintf("127.0.0.1:%d", port+1),
	})
}

func runLibrary(t testing.TB, server *gortsplib.Server) (address string, l *library) {
	t.Helper()
	l = &library{reports: make(chan rtcp.Packet, 1000)}
	server.Handler, address = l, server.RTSPAddress
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	media := &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{&format.H264{PayloadTyp: 96, SPS: testSPS, PPS: testPPS, PacketizationMode: 1}}}
	stream := &gortsplib.ServerStream{Server: server, Desc: &description.Session{Medias: []*description.Media{media}}}
	if err := stream.Initialize(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stream.Close)
	l.stream.Store(stream)
	end, done := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(end); <-done })
	go func() {
		defer close(done)
		tick := time.NewTicker(40 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			payload := append([]byte{0x65, 0x88}, pattern(200)...)
			_ = stream.WritePacketRTP(media, &rtp.Packet{
				Header:  rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: uint16(i), Timestamp: uint32(i) * 3600, SSRC: 5, Marker: true},
				Payload: payload,
			})
			select {
			case <-tick.C:
			case <-end:
				return
			}
		}
	}()
	return address, l
}

// anyone trusts every certificate.
func anyone(t testing.TB) *trust.Dialer {
	t.Helper()
	d, err := trust.New(trust.Options{Insecure: true})
	if err != nil {
		t.Fatal(err)
	}
	return d
}
