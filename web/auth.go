package web

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/camgate/camgate"
)

// permit reports whether the request's user may do that, and answers when not.
func (s *Server) permit(c *gin.Context, action camgate.Action, stream string) bool {
	user, ok := s.user(c)
	if !ok {
		return false
	}
	if err := user.May(action, stream); err != nil {
		s.fail(c, stream, err)
		return false
	}
	return true
}

// user returns who asks, and answers when that is nobody.
func (s *Server) user(c *gin.Context) (camgate.User, bool) {
	if len(s.opts.Users) == 0 {
		everybody := camgate.User{Role: camgate.RoleAdmin}
		c.Set(userKey, everybody)
		return everybody, true
	}
	// What one user sees is not for another one behind the same cache.
	c.Writer.Header().Add("Vary", "Authorization")
	name, password, ok := credentials(c.Request)
	if !ok {
		s.challenge(c)
		s.refuse(c, http.StatusUnauthorized, "", "log in with a name and a password")
		return camgate.User{}, false
	}
	user, err := s.gate.check(c.Request.Context(), remoteIP(c.Request), name, password)
	if err == nil {
		c.Set(userKey, user)
		return user, true
	}
	var refused *camgate.TooManyAttemptsError
	if errors.As(err, &refused) {
		c.Header("Retry-After", strconv.Itoa(int(refused.Wait/time.Second)+1))
	} else {
		s.challenge(c)
	}
	s.fail(c, "", err)
	return camgate.User{}, false
}

// challenge makes browsers ask for a name and a password. They also do that for
// the failed requests of scripts, which is right: nothing works without.
func (s *Server) challenge(c *gin.Context) {
	c.Header("WWW-Authenticate", `Basic realm="camgate", charset="UTF-8"`)
}

// credentials reads a name and a password: HTTP Basic, or "Bearer name:password",
// which is what WHIP clients that only know tokens can be given.
func credentials(r *http.Request) (name, password string, ok bool) {
	if name, password, ok = r.BasicAuth(); ok {
		return name, password, true
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", "", false
	}
	token = strings.TrimSpace(token)
	if name, password, ok = strings.Cut(token, ":"); ok {
		return name, password, true
	}
	// Some clients encode it as for Basic.
	plain, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(plain), ":")
}
