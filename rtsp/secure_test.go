package rtsp

import (
	"crypto/tls"
	"strings"
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
	config := &tls.Config{Certificates: []tls.Certificate{certificate(t)}}
	secure := func(s *scripted) { s.tls = config }
	cam := newScripted(t, playing(300), secure)
	refusing := newScripted(t, func(c *scriptedConn, r request) bool {
		if r.method == "SETUP" && strings.Contains(r.header.Get("Transport"), "client_port") {
			c.reply(r, 461, "")
			return true
		}
		return playing(300)(c, r)
	}, secure)
	for _, c := range []struct {
		cam       *scripted
		transport Transport
		want      Session
	}{
		{cam, TransportAuto, Session{Transport: TransportUDP}},
		{cam, TransportTCP, Session{Transport: TransportTCP, Encrypted: true}},
		{refusing, TransportAuto, Session{Transport: TransportTCP, Encrypted: true}},
	} {
		source, s, _ := live(t, SourceOptions{URL: parseURL(t, "rtsps://"+c.cam.addr+"/live"), Transport: c.transport, TLS: anyone(t)})
		eventually(t, "pictures", func() bool { return s.Units() > 10 })
		if got := source.Session(); got.Transport != c.want.Transport || got.Encrypted != c.want.Encrypted {
			t.Errorf("%s: %+v", c.transport, got)
		}
	}
}
