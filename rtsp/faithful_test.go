package rtsp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/camgate/camgate"
)

// live runs a source until its stream is live, and returns how to go on.
func live(t *testing.T, o SourceOptions) (*Source, *camgate.Stream, time.Duration) {
	t.Helper()
	o.URL = parseURL(t, o.URL.String())
	source, err := NewSource(o)
	if err != nil {
		t.Fatal(err)
	}
	s := camgate.NewRendition("cam", camgate.StreamLimits{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	begin := time.Now()
	go func() { done <- source.Run(ctx, s) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("it ended by itself: %v", err)
		}
	})
	eventually(t, "live", func() bool { return s.Status().State == camgate.StateLive })
	return source, s, time.Since(begin)
}

// playing answers PLAY and begins to send.
func playing(n int) func(c *scriptedConn, r request) bool {
	return func(c *scriptedConn, r request) bool {
		if r.method != "PLAY" {
			return false
		}
		c.good(r)
		c.stream(n)
		return true
	}
}

// Reports are on the wire, by UDP and TCP, with the numbers of what was lost, and
// nobody else's.
func TestReportsOnTheWire(t *testing.T) {
	for _, transport := range []Transport{TransportTCP, TransportUDP} {
		t.Run(string(transport), func(t *testing.T) {
			t.Parallel()
			cam := newScripted(t, func(c *scriptedConn, r request) bool {
				if r.method != "PLAY" {
					return false
				}
				c.good(r)
				for i := range 20 {
					if i != 5 && i != 6 {
						c.packet(uint16(65530+i), uint32(i)*3600)
					}
				}
				c.senderReport(0x1122_3344_5566_7788, 0)
				return true
			})
			source, _, _ := live(t, SourceOptions{URL: parseURL(t, cam.url("")), Transport: transport})
			var at *rtcp.ReceptionReport
			eventually(t, "the answer to the sender report", func() bool {
				for _, b := range cam.received() {
					pkts, err := rtcp.Unmarshal(b)
					if err != nil {
						t.Errorf("% x: %v", b, err)
					}
					rr, ok := pkts[0].(*rtcp.ReceiverReport)
					if !ok || len(rr.Reports) > 0 && len(pkts) != 2 {
						t.Errorf("not a report of ours: %v", pkts)
					} else if len(rr.Reports) > 0 && rr.Reports[0].LastSenderReport != 0 {
						at = &rr.Reports[0]
					}
				}
				return at != nil && at.LastSequenceNumber == 1<<16+13
			})
			if at == nil {
				return
			}
			if at.SSRC != 77 || at.LastSequenceNumber != 1<<16+13 || at.TotalLost != 2 || at.LastSenderReport != 0x3344_5566 || at.Delay > 2*65536 {
				t.Errorf("%+v", at)
			}
			before := len(cam.received())
			begin := time.Now()
			eventually(t, "more of them in the silence", func() bool { return len(cam.received()) >= before+8 })
			if d := time.Since(begin); d > 4*time.Second {
				t.Errorf("8 reports took %s", d)
			}
			if s := source.Session(); s.Transport != transport || len(s.Tracks) != 1 || s.Tracks[0].Lost != 2 || s.Tracks[0].SenderReports != 1 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// A wrong password is sent once in an attempt, whatever the camera says to it.
func TestPasswordsAreSentOnce(t *testing.T) {
	nonce := 0
	challenges := map[string]func() string{
		"basic":                   func() string { return `Basic realm="a"` },
		"digest":                  func() string { return `Digest realm="a", nonce="b"` },
		"a nonce for each answer": func() string { nonce++; return fmt.Sprintf(`Digest realm="a", nonce="%d", qop="auth"`, nonce) },
	}
	for name, challenge := range challenges {
		t.Run(name, func(t *testing.T) {
			cam := newScripted(t, func(c *scriptedConn, r request) bool {
				if r.method == "OPTIONS" {
					return false
				}
				c.reply(r, 401, "", "WWW-Authenticate: "+challenge())
				return true
			})
			for range 2 {
				if err := attempt(t, SourceOptions{URL: parseURL(t, cam.url("u:secret@"))}); !errors.Is(err, camgate.ErrAuthFailed) || strings.Contains(err.Error(), "secret") {
					t.Error(err)
				}
			}
			sent := 0
			for _, r := range cam.all("") {
				if r.header.Get("Authorization") != "" {
					sent++
				}
			}
			if sent != 2 {
				t.Errorf("the password was sent %d times in two attempts", sent)
			}
		})
	}
}

// Nonces run out between requests and while the session is kept alive; realms change.
func TestLoginSurvives(t *testing.T) {
	current, realm := "1", "one"
	authorized := func(r request) bool {
		l := login{user: "us@er", password: "p:/%41@", challenge: &challenge{scheme: "digest", realm: realm, nonce: current, algorithm: "SHA-256"}}
		return r.header.Get("Authorization") == l.authorize(r.method, r.url)
	}
	kept := make(chan string, 100)
	cam := newScripted(t, func(c *scriptedConn, r request) bool {
		switch r.method {
		case "SETUP":
			if realm == "one" {
				realm = "two"
			}
		case "PLAY":
			if current == "1" {
				current = "2"
			}
		}
		if !authorized(r) {
			stale := ""
			if current != "1" {
				stale = ", stale=true"
			}
			c.reply(r, 401, "", fmt.Sprintf(`WWW-Authenticate: Digest realm="%s", nonce="%s", algorithm=SHA-256%s`, realm, current, stale))
			return true
		}
		switch r.method {
		case "SETUP":
			c.reply(r, 200, "", "Session: 1 ; timeout = 3", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
		case "PLAY":
			c.reply(r, 200, "")
			c.stream(300)
		case "GET_PARAMETER":
			c.reply(r, 200, "")
			kept <- current
			current = "9"
		default:
			return false
		}
		return true
	})
	source, _, _ := live(t, SourceOptions{URL: parseURL(t, cam.url("us%40er:p%3A%2F%2541%40@")), Transport: TransportTCP})
	for _, want := range []string{"2", "9"} {
		select {
		case got := <-kept:
			if got != want {
				t.Errorf("kept alive with nonce %s, want %s", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("the session is not kept alive")
		}
	}
	if got := source.Session().Login; got != "Digest SHA-256" {
		t.Errorf("logged in by %q", got)
	}
}
