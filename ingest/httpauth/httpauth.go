// Package httpauth answers what HTTP servers ask of their clients: Basic (RFC 7617)
// and Digest (RFC 7616, RFC 2069) authentication, as cameras have them.
package httpauth

import (
	"crypto/md5" //nolint:gosec // RFC 7616: many cameras know nothing else
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strings"
)

// Challenge is how a server wants to be convinced (RFC 9110 section 11.6.1).
type Challenge struct {
	Scheme string            // in lower case
	Params map[string]string // names in lower case
}

// Parse reads the WWW-Authenticate fields of an answer, each of which may
// have several challenges, with commas between them and between their parameters.
func Parse(fields []string) (list []Challenge) {
	for _, field := range fields {
		for field != "" {
			var word string
			if word, field = cutToken(field); word == "" {
				field = field[1:] // a comma, a space, or what has no place here
				continue
			}
			after := strings.TrimLeft(field, " \t")
			if value, ok := strings.CutPrefix(after, "="); ok && len(list) > 0 {
				value, field = cutValue(strings.TrimLeft(value, " \t"))
				list[len(list)-1].Params[strings.ToLower(word)] = value
				continue
			}
			list = append(list, Challenge{strings.ToLower(word), map[string]string{}})
		}
	}
	return list
}

// cutToken cuts a token (RFC 9110 section 5.6.2) from the beginning.
func cutToken(s string) (token, rest string) {
	i := strings.IndexFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune("()<>@,;:\\\"/[]?={}", r)
	})
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i:]
}

// cutValue cuts a token or a quoted string from the beginning.
func cutValue(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		return cutToken(s)
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
	return b.String(), "" // nobody closed it
}

// Credentials answer challenges. They remember the last one, so that the next request
// need not be refused first.
type Credentials struct {
	User, Password string

	given  *Challenge
	hash   func() hash.Hash // of a Digest
	count  int              // of uses of the nonce
	cnonce string           // "": made anew for each use
}

// Stale tells whether a server refuses the nonce only, and not the password.
func Stale(list []Challenge) bool {
	return slices.ContainsFunc(list, func(c Challenge) bool { return strings.EqualFold(c.Params["stale"], "true") })
}

// Accept chooses the strongest of the challenges; false when it knows none.
func (c *Credentials) Accept(list []Challenge) bool {
	best := 0
	for i := range list {
		rank, hash := list[i].rank()
		if rank > best {
			best, c.given, c.hash, c.count = rank, &list[i], hash, 0
		}
	}
	return best > 0
}

// rank tells how good a challenge is; 0 when camgate cannot answer it.
func (c *Challenge) rank() (int, func() hash.Hash) {
	switch c.Scheme {
	case "basic":
		return 1, nil
	case "digest":
		if qop, ok := c.Params["qop"]; ok && !hasWord(qop, "auth") || c.Params["nonce"] == "" {
			return 0, nil
		}
		switch strings.TrimSuffix(strings.ToUpper(c.Params["algorithm"]), "-SESS") {
		case "", "MD5":
			return 2, md5.New
		case "SHA-256":
			return 3, sha256.New
		}
	}
	return 0, nil
}

func hasWord(list, word string) bool {
	for item := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.TrimSpace(item), word) {
			return true
		}
	}
	return false
}

// Header is the value of Authorization for a request; empty while nothing is asked.
func (c *Credentials) Header(method, uri string) string {
	switch {
	case c.given == nil:
		return ""
	case c.given.Scheme == "basic":
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(c.User+":"+c.Password))
	}
	return c.digest(method, uri)
}

// digest answers as RFC 7616 section 3.4 says, and as RFC 2069 where the server names
// no qop.
func (c *Credentials) digest(method, uri string) string {
	h := func(parts ...string) string {
		sum := c.hash()
		sum.Write([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(sum.Sum(nil))
	}
	p := c.given.Params
	realm, nonce := p["realm"], p["nonce"]
	c.count++
	nc := fmt.Sprintf("%08x", c.count)
	cnonce := c.cnonce
	if cnonce == "" {
		cnonce = rand.Text()
	}
	key := h(c.User, realm, c.Password)
	if strings.HasSuffix(strings.ToUpper(p["algorithm"]), "-SESS") {
		key = h(key, nonce, cnonce)
	}
	var b strings.Builder
	user := c.User
	if strings.EqualFold(p["userhash"], "true") {
		user = h(c.User, realm)
	}
	fmt.Fprintf(&b, "Digest username=%s, realm=%s, nonce=%s, uri=%s", quote(user), quote(realm), quote(nonce), quote(uri))
	if _, ok := p["qop"]; ok {
		fmt.Fprintf(&b, `, response="%s", qop=auth, nc=%s, cnonce=%s`, h(key, nonce, nc, cnonce, "auth", h(method, uri)), nc, quote(cnonce))
	} else {
		fmt.Fprintf(&b, `, response="%s"`, h(key, nonce, h(method, uri)))
	}
	if algorithm := p["algorithm"]; algorithm != "" {
		fmt.Fprintf(&b, ", algorithm=%s", algorithm)
	}
	if opaque, ok := p["opaque"]; ok {
		fmt.Fprintf(&b, ", opaque=%s", quote(opaque))
	}
	if strings.EqualFold(p["userhash"], "true") {
		b.WriteString(", userhash=true")
	}
	return b.String()
}

// quote writes a quoted string (RFC 9110 section 5.6.4).
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
