package rtsp

import (
	"encoding/base64"
	"strings"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/headers"

	"github.com/camgate/camgate"
)

// authorize checks who sends a request and whether that user may do it.
func (e *endpoint) authorize(sc *gortsplib.ServerConn, req *base.Request, action camgate.Action, stream string) error {
	users := e.server.opts.Users
	if len(users) == 0 {
		return nil
	}
	user, err := e.login(sc, req)
	if err != nil {
		return err
	}
	return user.May(action, stream)
}

// login authenticates a request. Each one with credentials takes an attempt of its
// address, and gives it back when they are right: passwords cannot be guessed here
// faster than by HTTP. Few are under way at a time, so that a recorder that opens
// all its streams at once is not taken for one that guesses.
func (e *endpoint) login(sc *gortsplib.ServerConn, req *base.Request) (camgate.User, error) {
	if len(req.Header["Authorization"]) == 0 {
		return authenticate(e.server.opts.Users, sc, req)
	}
	select {
	case e.server.logins <- struct{}{}:
		defer func() { <-e.server.logins }()
	case <-e.server.ctx.Done():
		return camgate.User{}, camgate.ErrClosed
	}
	from := stateOf(sc).addr
	if err := e.server.opts.Attempts.Take(from); err != nil {
		return camgate.User{}, err
	}
	user, err := authenticate(e.server.opts.Users, sc, req)
	if err == nil {
		e.server.opts.Attempts.GiveBack(from)
	}
	return user, err
}

func authenticate(users camgate.Users, sc *gortsplib.ServerConn, req *base.Request) (camgate.User, error) {
	st := stateOf(sc)
	authorization := req.Header["Authorization"]
	if len(authorization) == 1 {
		if name, password, ok := parseBasic(authorization[0]); ok {
			// Verifying a hash is slow on purpose: once for each connection.
			if st.user != nil && st.basic == authorization[0] {
				return *st.user, nil
			}
			user, err := users.Check(name, password)
			if err == nil {
				st.user, st.basic = &user, authorization[0]
			}
			return user, err
		}
	}
	var h headers.Authorization
	if err := h.Unmarshal(authorization); err == nil && h.Method == headers.AuthMethodDigest {
		user, ok := users.Find(h.Username)
		if ok && user.Verify == nil && sc.VerifyCredentials(req, user.Name, user.Password) {
			return user, nil
		}
	}
	// Makes the library draw the nonce of the challenge that it is about to send.
	sc.VerifyCredentials(req, "-", "")
	return camgate.User{}, camgate.ErrAuthFailed
}

// parseBasic reads the credentials of RFC 7617. Only the first colon divides them:
// a password may have more.
func parseBasic(header string) (name, password string, ok bool) {
	scheme, encoded, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(b), ":")
}
