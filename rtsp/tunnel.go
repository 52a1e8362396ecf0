package rtsp

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"github.com/camgate/camgate"
)

// An HTTP tunnel has two connections: a GET that never ends, and a POST whose body is
// all that we send. The library announces 30,000 bytes for that, which reports fill
// within minutes. Most cameras take no notice of the number; of one that does, a
// session ends there, and the next ones announce as much as can be.
const (
	postLength = 30000
	postShort  = "Content-Length: 30000\r\n"
	postLong   = "Content-Length: 2147483647\r\n"
	// postPatience is how much may be sent, by reports and keep-alives, before a camera
	// that does not read them any more ends the session.
	postPatience = 100000
)

// tunnelConn is one of the connections of an HTTP tunnel, or that of a WebSocket. The
// library writes the head of the request first, and from one goroutine at a time.
type tunnelConn struct {
	net.Conn
	pull        *pull
	begun, post bool

	answer   []byte // its head, as far as it has come
	answered bool   // nothing is to be learnt from it any more
}

func (c *tunnelConn) Write(b []byte) (int, error) {
	if !c.begun {
		c.begun, c.post = true, bytes.HasPrefix(b, []byte("POST "))
		if _, err := c.Conn.Write(c.head(b)); err != nil {
			return 0, err
		}
		return len(b), nil
	}
	n, err := c.Conn.Write(b)
	if c.post {
		c.pull.posted.Add(int64(n))
	}
	return n, err
}

// head is that of a request as we want it.
func (c *tunnelConn) head(b []byte) []byte {
	if c.post && c.pull.longPost {
		b = bytes.Replace(b, []byte(postShort), []byte(postLong), 1)
	}
	words := strings.Fields(string(b[:max(bytes.IndexByte(b, '\n'), 0)]))
	if len(words) < 2 || !bytes.HasSuffix(b, []byte("\r\n\r\n")) {
		return b
	}
	value := c.pull.tunnel.authorize(words[0], words[1])
	if value == "" {
		return b
	}
	c.pull.tunnelAsked = true
	return append(slices.Clone(b[:len(b)-2]), "Authorization: "+value+"\r\n\r\n"...)
}

// Read looks at the answer to GET: of that to a tunnel the library only tells the status,
// and of that to a WebSocket only that it was another one.
func (c *tunnelConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.post || c.answered {
		return n, err
	}
	c.answer = append(c.answer, b[:n]...)
	end := bytes.Index(c.answer, []byte("\r\n\r\n"))
	if c.answered = end >= 0 || len(c.answer) > maxHeader; end >= 0 {
		res, wrong := http.ReadResponse(bufio.NewReader(bytes.NewReader(c.answer)), nil)
		if wrong == nil {
			c.pull.tunnelAnswered(res)
			res.Body.Close()
		}
	}
	if c.answered {
		c.answer = nil
	}
	return n, err
}

// tunnelAnswered is what the web server before a camera says, which may want a password,
// too. It asks once for each session.
func (p *pull) tunnelAnswered(res *http.Response) {
	switch res.StatusCode {
	case http.StatusOK, http.StatusSwitchingProtocols:
		p.tunnel.accepted = p.tunnelAsked
	case http.StatusUnauthorized:
		err := p.tunnel.challenged(res.Header["Www-Authenticate"], p.tunnelAsked)
		if p.tunnelAnew = err == nil; err != nil {
			p.refuseTunnel(camgate.ErrAuthFailed, err)
		}
	default: // RTSP has the numbers of HTTP where they mean the same (RFC 2326 section 7.1.1)
		p.refuseTunnel(sentinelOf(base.StatusCode(res.StatusCode)), fmt.Errorf("the camera answers %q", res.Status))
	}
}

func (p *pull) refuseTunnel(kind, why error) {
	name := "HTTP"
	if p.transport == TransportWebSocket {
		name = "WebSocket"
	}
	p.tunnelRefused = fmt.Errorf("%w: the %s tunnel: %w", kind, name, why)
}

// learnTunnel draws a conclusion from a session that ended by itself.
func (s *Source) learnTunnel(p *pull) {
	if p.transport != TransportHTTP {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch n := p.posted.Load(); {
	case p.tunnelAnew || p.tunnelRefused != nil:
	case p.longPost && !p.control.playing.Load(): // it did not like that
		s.longPost = false
	case !p.longPost && n >= postLength && n < postLength+postPatience:
		s.longPost = true
		p.log.Info("the camera ends a tunnel when it is full: the next one is announced to be longer", "source", s.name)
	}
}
