package rtsp

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
)

// challenge is one way in which a camera lets us log in: RFC 7617 (Basic) and RFC
// 7616 (Digest), of which RFC 2069 and RFC 2617 are the older forms.
type challenge struct {
	scheme    string // "basic" or "digest"
	realm     string
	nonce     string
	opaque    string
	algorithm string // as the camera writes it; empty: MD5 that is not named
	hasOpaque bool
	qop       bool // "auth" is offered
	stale     bool
}

// name says what it is to people.
func (c *challenge) name() string {
	if c.scheme == "basic" {
		return "Basic"
	}
	name := c.algorithm
	if name == "" {
		name = "MD5"
	}
	if c.qop {
		name += ", qop=auth"
	}
	return "Digest " + name
}

// rank orders challenges by how little they tell who listens; 0: not supported.
func (c *challenge) rank() int {
	switch {
	case c.scheme == "basic":
		return 1
	case c.scheme != "digest" || c.nonce == "":
		return 0
	}
	switch strings.ToUpper(c.algorithm) {
	case "", "MD5", "MD5-SESS":
		return 2
	case "SHA-256", "SHA-256-SESS", "SHA256":
		return 3
	}
	return 0
}

// chooseChallenge returns the best of the challenges in WWW-Authenticate headers.
func chooseChallenge(values []string) (*challenge, error) {
	var best *challenge
	var offered []string
	for _, v := range values {
		for _, c := range parseChallenges(v) {
			offered = append(offered, c.scheme)
			if best == nil && c.rank() > 0 || best != nil && c.rank() > best.rank() {
				best = &c
			}
		}
	}
	if best == nil {
		return nil, fmt.Errorf("the camera offers no way to log in that is known here (%s)", strings.Join(offered, ", "))
	}
	return best, nil
}

// parseChallenges reads a WWW-Authenticate header, which may hold several of them
// (RFC 9110 section 11.6.1).
func parseChallenges(v string) (out []challenge) {
	for v = strings.TrimLeft(v, " \t,"); v != ""; v = strings.TrimLeft(v, " \t,") {
		word := v
		if end := strings.IndexAny(v, " \t,=\""); end >= 0 {
			word = v[:end]
		}
		rest := strings.TrimLeft(v[len(word):], " \t")
		if word == "" || !strings.HasPrefix(rest, "=") {
			if word == "" {
				v = v[1:] // what no grammar allows here
				continue
			}
			out = append(out, challenge{scheme: strings.ToLower(word)})
			v = rest
			continue
		}
		var value string
		value, v = parameterValue(strings.TrimLeft(rest[1:], " \t"))
		if len(out) > 0 {
			out[len(out)-1].set(strings.ToLower(word), value)
		}
	}
	return out
}

// parameterValue reads a token or a quoted string.
func parameterValue(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		if end := strings.IndexAny(s, " \t,"); end >= 0 {
			return s[:end], s[end:]
		}
		return s, ""
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}

func (c *challenge) set(key, value string) {
	switch key {
	case "realm":
		c.realm = value
	case "nonce":
		c.nonce = value
	case "opaque":
		c.opaque, c.hasOpaque = value, true
	case "algorithm":
		c.algorithm = value
	case "stale":
		c.stale = strings.EqualFold(value, "true")
	case "qop":
		for option := range strings.SplitSeq(value, ",") {
			c.qop = c.qop || strings.EqualFold(strings.TrimSpace(option), "auth")
		}
	}
}

// maxRefused is how often a password may be refused within one attempt, each time
// for a realm that it was not tried for: cameras lock accounts after three to seven.
const maxRefused = 2

var errNoCredentials = errors.New("a user and a password are needed: write them before the host, as in rtsp://USER:PASSWORD@HOST")

// login answers the challenges of one session.
type login struct {
	user, password string
	known          bool // there is a user
	clear          bool // the password must not be sent in clear

	challenge *challenge
	cnonce    string
	count     uint32 // requests with this nonce
	accepted  bool   // what we sent was right at least once
	refused   int
}

// challenged takes the 401 to a request that went with (sent) or without an answer to
// the challenge before. It returns nil when the request is to be sent again. A nonce
// runs out and a realm changes with nothing wrong about the password: it counts as
// refused only if it never was right.
func (l *login) challenged(values []string, sent bool) error {
	c, err := chooseChallenge(values)
	switch {
	case err != nil:
		return err
	case !l.known:
		return errNoCredentials
	case l.clear && c.scheme == "basic":
		return errClearPassword
	}
	if before := l.challenge; sent && before != nil && !l.accepted {
		l.refused++
		if renewed := c.stale && c.nonce != before.nonce || c.realm != before.realm; !renewed || l.refused >= maxRefused {
			return fmt.Errorf("the camera refuses the user or the password (%s)", c.name())
		}
	}
	l.accepted = false // until the next answer is right
	var cnonce [16]byte
	_, _ = rand.Read(cnonce[:])
	l.challenge, l.cnonce, l.count = c, hex.EncodeToString(cnonce[:]), 0
	return nil
}

// authorize makes the Authorization header of a request; empty: none is known to be
// asked for.
func (l *login) authorize(method, uri string) string {
	c := l.challenge
	if c == nil {
		return ""
	}
	if c.scheme == "basic" {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(l.user+":"+l.password))
	}
	digest := digestOf(c.algorithm)
	secret := digest(l.user + ":" + c.realm + ":" + l.password)
	if strings.HasSuffix(strings.ToUpper(c.algorithm), "-SESS") {
		secret = digest(secret + ":" + c.nonce + ":" + l.cnonce)
	}
	request := digest(method + ":" + uri)
	var b strings.Builder
	fmt.Fprintf(&b, `Digest username=%s, realm=%s, nonce=%s, uri=%s`, quoted(l.user), quoted(c.realm), quoted(c.nonce), quoted(uri))
	if c.qop {
		l.count++
		nc := fmt.Sprintf("%08x", l.count)
		fmt.Fprintf(&b, `, response="%s", qop=auth, nc=%s, cnonce="%s"`, digest(secret+":"+c.nonce+":"+nc+":"+l.cnonce+":auth:"+request), nc, l.cnonce)
	} else {
		fmt.Fprintf(&b, `, response="%s"`, digest(secret+":"+c.nonce+":"+request))
		if strings.HasSuffix(strings.ToUpper(c.algorithm), "-SESS") {
			fmt.Fprintf(&b, `, cnonce="%s"`, l.cnonce)
		}
	}
	if c.algorithm != "" {
		b.WriteString(", algorithm=" + c.algorithm)
	}
	if c.hasOpaque {
		b.WriteString(", opaque=" + quoted(c.opaque))
	}
	return b.String()
}

func digestOf(algorithm string) func(string) string {
	make := md5.New
	if strings.HasPrefix(strings.ToUpper(algorithm), "SHA") {
		make = sha256.New
	}
	return func(s string) string { return hexSum(make(), s) }
}

func hexSum(h hash.Hash, s string) string {
	h.Write([]byte(s))
	return hex.EncodeToString(h.Sum(nil))
}

// quoted writes a quoted string (RFC 9110 section 5.6.4).
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
