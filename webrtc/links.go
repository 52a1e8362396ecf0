package webrtc

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what TURN servers ask for; a MAC is no place for collisions
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// defaultCredentialTTL is for how long credentials of TURN servers are good that are
// made for each viewer.
const defaultCredentialTTL = time.Hour

// ICEServer is a STUN or TURN server.
type ICEServer struct {
	URL string // "stun:host:3478", "turn:host:3478?transport=udp"
	// Username and Credential are told to viewers as they are.
	Username, Credential string
	// Secret is shared with the TURN server (coturn's use-auth-secret). It makes
	// credentials of its own for each viewer, which are good for TTL (default 1 h), and is
	// told to nobody.
	Secret string
	TTL    time.Duration
}

// credentials returns what a viewer logs in with at the server. Those made of a secret
// follow draft-uberti-behave-turn-rest: the name is the time in Unix seconds when they
// end, and an identity; the password is its MAC.
func (i ICEServer) credentials(now time.Time) (name, password string) {
	if i.Secret == "" {
		return i.Username, i.Credential
	}
	ttl := i.TTL
	if ttl == 0 {
		ttl = defaultCredentialTTL
	}
	id := i.Username
	if id == "" {
		id = random(4) // servers count what each user has
	}
	name = strconv.FormatInt(now.Add(ttl).Unix(), 10) + ":" + id
	mac := hmac.New(sha1.New, []byte(i.Secret))
	mac.Write([]byte(name))
	return name, base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// links tells the viewer which STUN and TURN servers to use (RFC 9725 section 4.6).
func (s *Server) links(w http.ResponseWriter) {
	now := time.Now()
	for _, i := range s.opts.ICEServers {
		link := "<" + i.URL + `>; rel="ice-server"`
		if name, password := i.credentials(now); name != "" {
			link += "; username=" + quoted(name) + "; credential=" + quoted(password) + `; credential-type="password"`
		}
		w.Header().Add("Link", link)
	}
	if len(s.opts.ICEServers) > 0 {
		w.Header().Set("Cache-Control", "no-store") // credentials are for one viewer
	}
}

// quoted is a quoted-string (RFC 9110 section 5.6.4).
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
