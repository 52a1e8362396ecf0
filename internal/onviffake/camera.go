// Package onviffake is an ONVIF camera for tests: the services that a client needs to
// find a stream, with the habits of cameras as switches. It shares nothing with what it
// is there to test. Whether it is like real cameras is known only as far as other
// clients understand it.
package onviffake

import (
	"crypto/md5" //nolint:gosec // what cameras use
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Login is how a camera wants to know who asks.
type Login string

// The logins.
const (
	Nobody Login = ""
	Token  Login = "token"  // WS-UsernameToken
	Digest Login = "digest" // of HTTP
	Basic  Login = "basic"
)

// Camera answers SOAP requests; it is a http.Handler. Its fields are set before.
type Camera struct {
	Login          Login
	User, Password string
	Clock          time.Duration // by which its clock is ahead
	First, Second  bool          // the media services that it has
	OldStyle       bool          // it knows GetCapabilities, not GetServices
	SecretClock    bool          // it tells the time to those who are logged in only
	Refusal        string        // "": as ONVIF says; "500": in a way of its own; "401": by status only; "plain": 400 and no word
	Prefix         string        // of the names in its answers; "": no prefix
	Host           string        // it takes for its own; default: that of the request
	StreamURI      string        // that of all profiles has their token after it
	SnapshotURI    string
	UDPOnly        bool // asked for RTSP it has no URI
	Profiles       []Profile

	mu     sync.Mutex
	nonces map[string]bool
	asked  []string
	failed int
}

// Profile is one of a camera's.
type Profile struct {
	Token, Name, Codec string
	Width, Height      int
}

// Asked returns what the camera was asked, in order.
func (c *Camera) Asked() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.asked...)
}

// Failed returns how many logins were wrong.
func (c *Camera) Failed() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed
}

// Move changes the URI of the streams.
func (c *Camera) Move(uri string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.StreamURI = uri
}

func (c *Camera) stream(token string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return escape(c.StreamURI + token)
}

// message is what a client asks.
type message struct {
	Header struct {
		User     string `xml:"Security>UsernameToken>Username"`
		Password string `xml:"Security>UsernameToken>Password"`
		Nonce    string `xml:"Security>UsernameToken>Nonce"`
		Created  string `xml:"Security>UsernameToken>Created"`
	} `xml:"http://www.w3.org/2003/05/soap-envelope Header"`
	Body struct {
		Any struct {
			XMLName  xml.Name
			Token    string `xml:"ProfileToken"`
			Protocol string `xml:"Protocol"`
			Old      string `xml:"StreamSetup>Transport>Protocol"`
		} `xml:",any"`
	} `xml:"http://www.w3.org/2003/05/soap-envelope Body"`
}

const (
	device = "http://www.onvif.org/ver10/device/wsdl"
	media  = "http://www.onvif.org/ver10/media/wsdl"
	media2 = "http://www.onvif.org/ver20/media/wsdl"
)

func (c *Camera) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	data, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	var m message
	if err := xml.Unmarshal(data, &m); err != nil || r.Method != http.MethodPost {
		http.Error(w, "what is this", http.StatusBadRequest)
		return
	}
	w.Header().Set("Date", time.Now().Add(c.Clock).UTC().Format(http.TimeFormat))
	what := m.Body.Any.XMLName
	c.mu.Lock()
	c.asked = append(c.asked, what.Local)
	c.mu.Unlock()
	open := what.Space == device && (what.Local != "GetSystemDateAndTime" || !c.SecretClock)
	if !open && !c.knows(w, r, m) {
		return
	}
	host := c.Host
	if host == "" {
		host = r.Host
	}
	if body := c.answer(m, "http://"+host); body != "" {
		c.write(w, http.StatusOK, body)
		return
	}
	c.fault(w, http.StatusBadRequest, "ter:ActionNotSupported", "Optional Action Not Implemented")
}

// write sends names with the camera's prefix: "~" stands for it.
func (c *Camera) write(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/soap+xml; charset=utf-8")
	w.WriteHeader(status)
	prefix, declared := c.Prefix, `xmlns="http://www.onvif.org/ver10/schema"`
	if prefix != "" {
		declared = `xmlns:` + prefix + `="http://www.onvif.org/ver10/schema"`
		prefix += ":"
	}
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+`<env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope" xmlns:ter="http://www.onvif.org/ver10/error" %s><env:Body>%s</env:Body></env:Envelope>`,
		declared, strings.ReplaceAll(body, "~", prefix))
}

func (c *Camera) fault(w http.ResponseWriter, status int, code, reason string) {
	c.write(w, status, `<env:Fault><env:Code><env:Value>env:Sender</env:Value><env:Subcode><env:Value>`+code+
		`</env:Value></env:Subcode></env:Code><env:Reason><env:Text xml:lang="en">`+reason+`</env:Text></env:Reason></env:Fault>`)
}

// knows tells whether a request is logged in, and refuses it if not.
func (c *Camera) knows(w http.ResponseWriter, r *http.Request, m message) bool {
	tried, good := false, false
	switch c.Login {
	case Nobody:
		return true
	case Token:
		tried, good = m.Header.User != "", c.token(m)
	case Digest:
		tried, good = r.Header.Get("Authorization") != "", c.digest(r)
	case Basic:
		user, password, ok := r.BasicAuth()
		tried, good = ok, user == c.User && password == c.Password
	}
	if good {
		return true
	}
	if tried {
		c.mu.Lock()
		c.failed++
		c.mu.Unlock()
	}
	switch {
	case c.Login == Digest:
		w.Header().Set("WWW-Authenticate", `Digest realm="camera", qop="auth", nonce="5f2e", algorithm=MD5`)
		http.Error(w, "<html>401</html>", http.StatusUnauthorized)
	case c.Login == Basic:
		w.Header().Set("WWW-Authenticate", `Basic realm="camera"`)
		http.Error(w, "<html>401</html>", http.StatusUnauthorized)
	case c.Refusal == "500":
		c.fault(w, http.StatusInternalServerError, "env:Receiver", "internal error")
	case c.Refusal == "401":
		w.WriteHeader(http.StatusUnauthorized)
	case c.Refusal == "plain" && !tried:
		w.WriteHeader(http.StatusBadRequest)
	default:
		c.fault(w, http.StatusBadRequest, "ter:NotAuthorized", "Sender not Authorized")
	}
	return false
}

// token checks a UsernameToken: by the camera's clock it may be 30 s old, and each
// nonce is good once.
func (c *Camera) token(m message) bool {
	h := m.Header
	nonce, err := base64.StdEncoding.DecodeString(strings.TrimSpace(h.Nonce))
	created, err2 := time.Parse(time.RFC3339Nano, h.Created)
	if err != nil || err2 != nil || time.Now().Add(c.Clock).Sub(created).Abs() > 30*time.Second {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nonces == nil {
		c.nonces = map[string]bool{}
	}
	if c.nonces[h.Nonce] {
		return false
	}
	c.nonces[h.Nonce] = true
	sum := sha1.Sum([]byte(string(nonce) + h.Created + c.Password)) //nolint:gosec // what the profile says
	return h.User == c.User && h.Password == base64.StdEncoding.EncodeToString(sum[:])
}

func (c *Camera) digest(r *http.Request) bool {
	part := func(name string) string {
		found := regexp.MustCompile(`[ ,]` + name + `="?([^",]*)"?`).FindStringSubmatch(r.Header.Get("Authorization"))
		if found == nil {
			return ""
		}
		return found[1]
	}
	h := func(parts ...string) string {
		sum := md5.Sum([]byte(strings.Join(parts, ":"))) //nolint:gosec // see above
		return hex.EncodeToString(sum[:])
	}
	want := h(h(c.User, "camera", c.Password), "5f2e", part("nc"), part("cnonce"), "auth", h(r.Method, r.URL.RequestURI()))
	return part("response") == want && part("uri") == r.URL.RequestURI()
}
