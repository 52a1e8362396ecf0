package rtsp

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/camgate/camgate"
)

// A web server before the camera may want a password itself, also where the camera does
// not. A wrong one is told once in each attempt.
func TestTunnelWithPassword(t *testing.T) {
	camera, _ := startLibrary(t)
	for _, c := range []struct {
		name, challenge, user string
		says                  string // in the refusal; empty: it plays
		asked                 int32  // by HTTP: a tunnel that works has two requests
	}{
		{"basic", `Basic realm="x"`, "me:s%40c:r@", "", 3},
		{"digest", `Digest realm="x", nonce="n1", qop="auth"`, "me:s%40c:r@", "", 3},
		{"wrong", `Basic realm="x"`, "me:wrong@", "refuses the user or the password (Basic)", 2},
		{"wrong by digest", `Digest realm="x", nonce="n1"`, "me:wrong@", "refuses the user or the password (Digest MD5)", 2},
		{"nobody", `Basic realm="x"`, "", "a user and a password are needed", 1},
		{"unknown", `Negotiate`, "me:s%40c:r@", "no way to log in that is known here (negotiate)", 1},
	} {
		for _, transport := range []Transport{TransportHTTP, TransportWebSocket} {
			t.Run(c.name+" by "+string(transport), func(t *testing.T) {
				var asked atomic.Int32
				address := guarded(t, camera, c.challenge, &asked)
				source, err := NewSource(SourceOptions{URL: parseURL(t, "rtsp+"+string(transport)+"://"+c.user+address+"/cam")})
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
				want := c.asked
				if c.says == "" && transport == TransportWebSocket {
					want-- // there is no POST
				}
				if n := asked.Load(); n != want {
					t.Errorf("%d requests, want %d", n, want)
				}
			})
		}
	}
}

// What else the web server of a tunnel may answer is told as it is.
func TestTunnelAnswers(t *testing.T) {
	for status, want := range map[string]error{
		"403 Forbidden": camgate.ErrAuthFailed, "404 Not Found": camgate.ErrStreamNotFound, "503 Busy": camgate.ErrConnectionFailed,
	} {
		for _, transport := range []Transport{TransportHTTP, TransportWebSocket} {
			address := serveRaw(t, func(conn net.Conn) {
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					fmt.Fprintf(conn, "HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n", status)
				}
			})
			source, err := NewSource(SourceOptions{URL: parseURL(t, "rtsp+"+string(transport)+"://"+address+"/cam")})
			if err != nil {
				t.Fatal(err)
			}
			err = source.Run(t.Context(), camgate.NewRendition("cam", camgate.StreamLimits{}))
			if !errors.Is(err, want) || !strings.Contains(err.Error(), status) {
				t.Errorf("%s by %s: %v", status, transport, err)
			}
		}
	}
}

// guarded is a web server before a camera that wants to know the user me, password s@c:r.
func guarded(t *testing.T, camera, challenge string, asked *atomic.Int32) (address string) {
	return before(t, camera, func(client net.Conn, in *bufio.Reader, server net.Conn) {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		asked.Add(1)
		if user, password, _ := req.BasicAuth(); !rightDigest(req) && (user != "me" || password != "s@c:r") {
			_, _ = io.WriteString(client, "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: "+challenge+"\r\nContent-Length: 0\r\n\r\n")
			return
		}
		var head bytes.Buffer
		fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: x\r\n", req.Method, req.RequestURI)
		req.Header.Del("Authorization") // is none of the camera's business
		_ = req.Header.Write(&head)
		head.WriteString("\r\n")
		if _, err := server.Write(head.Bytes()); err == nil {
			passOn(client, in, server)
		}
	})
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
