package rtsp

import (
	"bytes"
	"net"
	"strings"

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

// tunnelConn is one of the connections of an HTTP tunnel. The library writes the head
// of the request first, and from one goroutine at a time.
type tunnelConn struct {
	net.Conn
	pull        *pull
	begun, post bool
}

func (c *tunnelConn) Write(b []byte) (int, error) {
	if !c.begun {
		c.begun, c.post = true, bytes.HasPrefix(b, []byte("POST "))
		if c.post && c.pull.longPost {
			if _, err := c.Conn.Write(bytes.Replace(b, []byte(postShort), []byte(postLong), 1)); err != nil {
				return 0, err
			}
			return len(b), nil
		}
		return c.Conn.Write(b)
	}
	n, err := c.Conn.Write(b)
	if c.post {
		c.pull.posted.Add(int64(n))
	}
	return n, err
}

// learnTunnel draws a conclusion from a session that ended by itself.
func (s *Source) learnTunnel(p *pull) {
	if p.transport != TransportHTTP {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch n := p.posted.Load(); {
	case p.longPost && !p.control.playing.Load(): // it did not like that
		s.longPost = false
	case !p.longPost && n >= postLength && n < postLength+postPatience:
		s.longPost = true
		p.log.Info("the camera ends a tunnel when it is full: the next one is announced to be longer", "source", s.name)
	}
}

// sentinelOfTunnel reads the status with which a tunnel was refused, of which the
// library makes a text.
func sentinelOfTunnel(err error) error {
	_, status, ok := strings.Cut(err.Error(), "bad status code: ")
	switch {
	case !ok:
	case status == "401", status == "403":
		return camgate.ErrAuthFailed
	case status == "404":
		return camgate.ErrStreamNotFound
	}
	return camgate.ErrConnectionFailed
}
