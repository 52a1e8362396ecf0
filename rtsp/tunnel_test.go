package rtsp

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest/trust"
)

// library is a camera by the library's server, which has tunnels and multicast.
type library struct {
	stream  *gortsplib.ServerStream
	reports chan rtcp.Packet
}

func (l *library) OnDescribe(*gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return &base.Response{StatusCode: base.StatusOK}, l.stream, nil
}

func (l *library) OnSetup(*gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return &base.Response{StatusCode: base.StatusOK}, l.stream, nil
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
	l.stream = &gortsplib.ServerStream{Server: server, Desc: &description.Session{Medias: []*description.Media{media}}}
	if err := l.stream.Initialize(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.stream.Close)
	end, done := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(end); <-done })
	go func() {
		defer close(done)
		tick := time.NewTicker(40 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			payload := append([]byte{0x65, 0x88}, pattern(200)...)
			_ = l.stream.WritePacketRTP(media, &rtp.Packet{
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

// Both tunnels carry pictures to us and reports back.
func TestTunnels(t *testing.T) {
	address, l := startLibrary(t)
	for _, transport := range []Transport{TransportHTTP, TransportWebSocket} {
		t.Run(string(transport), func(t *testing.T) {
			source, s := tunnelled(t, "rtsp+"+string(transport)+"://"+address+"/cam")
			eventually(t, "pictures", func() bool { return s.Units() > 50 })
			for len(l.reports) > 0 {
				<-l.reports // of the tunnel before
			}
			for {
				select {
				case p := <-l.reports:
					if rr, ok := p.(*rtcp.ReceiverReport); ok && len(rr.Reports) > 0 {
						if got := source.Session(); got.Transport != transport || len(got.Tracks) != 1 || got.Tracks[0].Lost != 0 {
							t.Errorf("%+v", got)
						}
						return
					}
				case <-time.After(5 * time.Second):
					t.Fatal("no reports")
				}
			}
		})
	}
}

// tunnelled is live for the library's server, which answers the GET of a tunnel before
// it knows of it: a POST that is quicker is shut out, and a supervisor tries again.
func tunnelled(t *testing.T, url string) (*Source, *camgate.Stream) {
	t.Helper()
	source, err := NewSource(SourceOptions{URL: parseURL(t, url)})
	if err != nil {
		t.Fatal(err)
	}
	s := camgate.NewRendition("cam", camgate.StreamLimits{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		for {
			err := source.Run(ctx, s)
			if ctx.Err() != nil || s.Units() > 0 || !errors.Is(err, camgate.ErrConnectionFailed) {
				done <- err
				return
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("it ended by itself: %v", err)
		}
	})
	eventually(t, "live", func() bool { return s.Status().State == camgate.StateLive })
	return source, s
}

// GStreamer's server has the HTTP tunnel, too.
func TestTunnelGStreamer(t *testing.T) {
	remote := startRemote(t, freePort(t))
	_, s, _ := live(t, SourceOptions{URL: parseURL(t, fmt.Sprintf("rtsp+http://127.0.0.1:%d/h264", remote.port))})
	eventually(t, "pictures", func() bool { return s.Units() > 50 })
	if s.Status().State != camgate.StateLive {
		t.Error(s.Status())
	}
}

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

// anyone trusts every certificate.
func anyone(t testing.TB) *trust.Dialer {
	t.Helper()
	d, err := trust.New(trust.Options{Insecure: true})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// serveTLS is serveRaw for a scripted camera, with TLS.
func serveTLS(t testing.TB, s *scripted, cert tls.Certificate) string {
	return serveRaw(t, func(conn net.Conn) {
		s.mu.Lock()
		s.conns++
		c := &scriptedConn{scripted: s, Conn: tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{cert}}), number: s.conns}
		s.mu.Unlock()
		defer c.closeUDP()
		c.serve()
	})
}

// strictProxy is in front of a camera as a web server that takes the length of a POST
// for what it says, and hangs up after it.
func strictProxy(t *testing.T, camera string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() { l.Close(); all.Wait() })
	serve := func(client net.Conn) {
		defer client.Close()
		server, err := net.Dial("tcp", camera)
		if err != nil {
			return
		}
		defer server.Close()
		var head bytes.Buffer
		in := bufio.NewReader(client)
		length := int64(-1)
		for line := ""; line != "\r\n"; {
			if line, err = in.ReadString('\n'); err != nil {
				return
			}
			head.WriteString(line)
			_, _ = fmt.Sscanf(line, "Content-Length: %d", &length)
		}
		if _, err := server.Write(head.Bytes()); err != nil {
			return
		}
		if length >= 0 {
			_, _ = io.CopyN(server, in, length)
			return
		}
		all.Go(func() { _, _ = io.Copy(server, in); server.Close() }) // ends when the client does
		_, _ = io.Copy(client, server)
	}
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { serve(client) })
		}
	})
	return l.Addr().String()
}

// A tunnel through which more goes up than it was announced for ends once at the most.
func TestFullTunnel(t *testing.T) {
	camera, _ := startLibrary(t)
	for name, address := range map[string]string{"camera": camera, "strict": strictProxy(t, camera)} {
		t.Run(name, func(t *testing.T) {
			source, err := NewSource(SourceOptions{URL: parseURL(t, "rtsp+http://"+address+"/cam")})
			if err != nil {
				t.Fatal(err)
			}
			s := camgate.NewRendition("cam", camgate.StreamLimits{})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var live atomic.Int64 // sessions that were
			done := make(chan struct{})
			go func() {
				defer close(done)
				for ctx.Err() == nil {
					before := s.Units()
					_ = source.Run(ctx, s)
					if s.Units() > before {
						live.Add(1)
					}
				}
			}()
			defer func() { cancel(); <-done }()
			send := func(bytes int64) { // of one session
				t.Helper()
				eventually(t, "pictures", func() bool { return s.Status().State == camgate.StateLive })
				session := func() *pull {
					source.mu.Lock()
					defer source.mu.Unlock()
					return source.session
				}
				for p := session(); p.posted.Load() < bytes && p == session(); {
					p.feedbacks[0].report(time.Now())
					time.Sleep(100 * time.Microsecond) // the library drops what it has no room for
				}
			}
			send(postLength + 5000)
			if name == "strict" {
				eventually(t, "the tunnel ends", func() bool { return live.Load() == 1 })
			}
			units := s.Units()
			eventually(t, "pictures", func() bool { return s.Units() > units+25 })
			before := live.Load()
			send(2 * postLength)
			units = s.Units()
			eventually(t, "pictures go on", func() bool { return s.Units() > units+25 })
			if live.Load() != before {
				t.Error("the tunnel ended again")
			}
		})
	}
}

// A web server before the camera may want a password itself, also where the camera does
// not. A wrong one is told once in each attempt.
func TestTunnelWithPassword(t *testing.T) {
	camera, _ := startLibrary(t)
	for _, c := range []struct {
		name, challenge, user string
		says                  string // in the refusal; empty: it plays
		asked                 int32
	}{
		{"basic", `Basic realm="x"`, "me:s%40c:r@", "", 3},
		{"digest", `Digest realm="x", nonce="n1", qop="auth"`, "me:s%40c:r@", "", 3},
		{"wrong", `Basic realm="x"`, "me:wrong@", "refuses the user or the password (Basic)", 2},
		{"wrong by digest", `Digest realm="x", nonce="n1"`, "me:wrong@", "refuses the user or the password (Digest MD5)", 2},
		{"nobody", `Basic realm="x"`, "", "a user and a password are needed", 1},
		{"unknown", `Negotiate`, "me:s%40c:r@", "no way to log in that is known here (negotiate)", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var asked atomic.Int32
			address := guarded(t, camera, c.challenge, &asked)
			source, err := NewSource(SourceOptions{URL: parseURL(t, "rtsp+http://"+c.user+address+"/cam")})
			if err != nil {
				t.Fatal(err)
			}
			s := camgate.NewRendition("cam", camgate.StreamLimits{})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan error, 1)
			go func() { done <- source.Run(ctx, s) }()
			if c.says == "" {
				eventually(t, "pictures", func() bool { return s.Units() > 10 })
				cancel()
			}
			err = <-done
			if c.says != "" && (!errors.Is(err, camgate.ErrAuthFailed) || !strings.Contains(err.Error(), c.says)) {
				t.Error(err)
			}
			if n := asked.Load(); n != c.asked {
				t.Errorf("%d requests, want %d", n, c.asked)
			}
		})
	}
}

// guarded is a web server before a camera that wants to know the user me, password s@c:r.
func guarded(t *testing.T, camera, challenge string, asked *atomic.Int32) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() { l.Close(); all.Wait() })
	serve := func(client net.Conn) {
		defer client.Close()
		in := bufio.NewReader(client)
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		asked.Add(1)
		if user, password, _ := req.BasicAuth(); !rightDigest(req) && (user != "me" || password != "s@c:r") {
			_, _ = io.WriteString(client, "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: "+challenge+"\r\nContent-Length: 0\r\n\r\n")
			return
		}
		server, err := net.Dial("tcp", camera)
		if err != nil {
			return
		}
		defer server.Close()
		head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\nX-Sessioncookie: %s\r\nAccept: %s\r\nContent-Type: application/x-rtsp-tunnelled\r\nContent-Length: 30000\r\n\r\n",
			req.Method, req.RequestURI, req.Header.Get("X-Sessioncookie"), req.Header.Get("Accept"))
		if _, err := io.WriteString(server, head); err != nil {
			return
		}
		all.Go(func() { _, _ = io.Copy(server, in); server.Close() }) // ends when the client does
		_, _ = io.Copy(client, server)
	}
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { serve(client) })
		}
	})
	return l.Addr().String()
}

// rightDigest checks an answer to the challenges of the test above (RFC 7616 section 3.4).
func rightDigest(req *http.Request) bool {
	rest, ok := strings.CutPrefix(req.Header.Get("Authorization"), "Digest ")
	if !ok {
		return false
	}
	field := map[string]string{}
	for part := range strings.SplitSeq(rest, ", ") {
		key, value, _ := strings.Cut(part, "=")
		field[key] = strings.Trim(value, `"`)
	}
	sum := func(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }
	middle := "n1"
	if field["qop"] != "" {
		middle += ":" + field["nc"] + ":" + field["cnonce"] + ":auth"
	}
	return field["uri"] == req.RequestURI && field["response"] == sum(sum("me:x:s@c:r")+":"+middle+":"+sum(req.Method+":"+field["uri"]))
}
