package web

import (
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/camgate/camgate"
)

// problem is the body of every error of the API and of the outputs' paths.
type problem struct {
	Error  string `json:"error"`
	Stream string `json:"stream,omitempty"`
}

// fail answers with an error, by the table.
func (s *Server) fail(c *gin.Context, stream string, err error) {
	code, retryAfter := Status(err)
	if retryAfter > 0 {
		c.Header("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
	}
	text := err.Error()
	var se *camgate.StreamError
	if errors.As(err, &se) && se.Stream == stream {
		text = se.Err.Error() // the answer names the stream anyway
	}
	s.refuse(c, code, stream, text)
}

// refuse ends a request with a status and the reason: a page for people who asked
// for one, else JSON.
func (s *Server) refuse(c *gin.Context, code int, stream, reason string) {
	c.Header("Cache-Control", "no-store")
	reason = withoutSecrets(reason)
	if wantsPage(c.Request) {
		s.errorPage(c, code, stream, reason)
	} else {
		c.JSON(code, problem{Error: reason, Stream: stream})
	}
	c.Abort()
}

// wantsPage tells a browser that navigates from programs, images and players.
func wantsPage(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && !isAPI(r) &&
		strings.Contains(r.Header.Get("Accept"), "text/html")
}

// userinfo is the part of a URL that may hold a password. It goes up to the last
// "@", as passwords in hand-written URLs hold anything.
var userinfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^\s"'<>]*@`)

// withoutSecrets is the last line of defence for texts that leave the gateway:
// whoever made them was to leave passwords out.
func withoutSecrets(text string) string {
	if !strings.Contains(text, "@") {
		return text
	}
	return userinfo.ReplaceAllString(text, "$1")
}
