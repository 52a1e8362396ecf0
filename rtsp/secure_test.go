package rtsp

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// The library's server with TLS gives the keys for SRTP, and media go by UDP.
func TestSRTP(t *testing.T) {
	address, l := startLibraryTLS(t)
	source, s, _ := live(t, SourceOptions{URL: parseURL(t, "rtsps://"+address+"/cam"), TLS: anyone(t)})
	eventually(t, "pictures", func() bool { return s.Units() > 50 })
	for {
		select {
		case p := <-l.reports:
			if rr, ok := p.(*rtcp.ReceiverReport); ok && len(rr.Reports) > 0 {
				if got := source.Session(); got.Transport != TransportUDP || !got.Encrypted || got.Tracks[0].Lost != 0 {
					t.Errorf("%+v", got)
				}
				return
			}
		case <-time.After(5 * time.Second):
			t.Fatal("no reports")
		}
	}
}

// A camera that has TLS for its signalling only may send its media by UDP as they
// are; with tcp they stay in the connection.
func TestUDPUnderTLS(t *testing.T) {
	cert := certificate(t)
	cam := newScripted(t, playing(300))
	cam.addr = serveTLS(t, cam, cert)
	for transport, want := range map[Transport]Session{
		TransportAuto: {Transport: TransportUDP}, TransportTCP: {Transport: TransportTCP, Encrypted: true},
	} {
		source, s, _ := live(t, SourceOptions{URL: parseURL(t, "rtsps://"+cam.addr+"/live"), Transport: transport, TLS: anyone(t)})
		eventually(t, "pictures", func() bool { return s.Units() > 10 })
		if got := source.Session(); got.Transport != want.Transport || got.Encrypted != want.Encrypted {
			t.Errorf("%s: %+v", transport, got)
		}
	}
}
