package camgate

import (
	"context"
	"crypto/subtle"
	"fmt"
	"path"
	"strings"
)

// Role is what a user may do.
type Role string

// The roles. An admin may do everything; a viewer may read, a publisher may
// publish the streams that match the user's patterns.
const (
	RoleAdmin     Role = "admin"
	RoleViewer    Role = "viewer"
	RolePublisher Role = "publisher"
)

// Action is what somebody wants to do.
type Action string

// The actions that are permitted or not.
const (
	ActionRead    Action = "read"    // a stream, by any protocol
	ActionPublish Action = "publish" // a stream
	ActionTalk    Action = "talk"    // to the camera of a stream, where it has a loudspeaker
	ActionList    Action = "list"    // the streams that one may read: dashboard and API
	ActionAdmin   Action = "admin"   // metrics, and all that changes anything
)

// User is one account.
type User struct {
	Name     string
	Password string // in the clear: RTSP Digest needs it; empty when Verify is set
	// Verify checks a password against a stored hash; nil: compare with Password.
	Verify  func(password string) bool
	Role    Role
	Talk    bool     // a viewer may talk, too
	Streams []string // patterns as in path.Match, "*" also matches "/"; empty: all
}

// Users are the accounts of a gateway. With no users at all everything is
// permitted: camgate then listens on loopback only.
type Users []User

// Find returns the account of that name.
func (us Users) Find(name string) (User, bool) {
	for _, u := range us {
		if u.Name == name {
			return u, true
		}
	}
	return User{}, false
}

// Check verifies a password in the clear (HTTP and RTSP Basic).
func (us Users) Check(name, password string) (User, error) {
	u, ok := us.Find(name)
	if !ok {
		return User{}, ErrAuthFailed
	}
	if u.Verify != nil {
		ok = u.Verify(password)
	} else {
		// An account without a password lets nobody in.
		ok = u.Password != "" && subtle.ConstantTimeCompare([]byte(u.Password), []byte(password)) == 1
	}
	if !ok {
		return User{}, ErrAuthFailed
	}
	return u, nil
}

// May returns nil when the user may do that, else ErrForbidden. The stream is
// empty for actions that concern none.
func (u User) May(action Action, stream string) error {
	switch {
	case u.Role == RoleAdmin:
		return nil
	case action == ActionRead && u.Role == RoleViewer, action == ActionTalk && u.Role == RoleViewer && u.Talk, action == ActionPublish && u.Role == RolePublisher:
		if u.matches(stream) {
			return nil
		}
	case action == ActionList && (u.Role == RoleViewer || u.Role == RolePublisher):
		return nil
	}
	what := string(action)
	if stream != "" {
		what += " " + stream
	}
	return fmt.Errorf("%w: user %q (%s) may not %s", ErrForbidden, u.Name, u.Role, what)
}

// permitted is the key of what a request's user may do besides what it asks for.
type permitted struct{}

// PermitTalk notes in the context of a request that its user may talk to a stream's
// camera.
func PermitTalk(ctx context.Context) context.Context {
	return context.WithValue(ctx, permitted{}, ActionTalk)
}

// MayTalk reports what PermitTalk noted.
func MayTalk(ctx context.Context) bool { return ctx.Value(permitted{}) == ActionTalk }

func (u User) matches(stream string) bool {
	if len(u.Streams) == 0 {
		return true
	}
	for _, pattern := range u.Streams {
		if MatchName(pattern, stream) {
			return true
		}
	}
	return false
}

// MatchName reports whether a stream's name matches a pattern: as path.Match, but
// "*" and "?" also match a slash.
func MatchName(pattern, name string) bool {
	const slash = "\x00"
	ok, err := path.Match(strings.ReplaceAll(pattern, "/", slash), strings.ReplaceAll(name, "/", slash))
	return err == nil && ok
}
