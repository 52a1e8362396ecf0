package fakecam

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// auth is what one connection was told about passwords.
type auth struct {
	realm string
	nonce string
	uses  int    // of the nonce, by requests with the right password
	count uint64 // the last nc
	moved bool   // realm-change has happened
}

// admit returns nil when a request has the right password, else the answer to it.
func (k *conn) admit(req *request) *response {
	o := k.cam.opts
	if o.User == "" || req.method == "OPTIONS" && !k.has("auth-options") {
		return nil
	}
	a := &k.auth
	if a.nonce == "" {
		k.renew("fakecam")
	}
	given := req.header["authorization"]
	if given == "" {
		return k.challenge(false)
	}
	scheme, rest, _ := strings.Cut(given, " ")
	ok, stale := false, false
	switch strings.ToLower(scheme) {
	case "basic":
		want := base64.StdEncoding.EncodeToString([]byte(o.User + ":" + o.Password))
		ok = (k.has("basic") || k.has("all-schemes")) && strings.TrimSpace(rest) == want
	case "digest":
		ok, stale = k.digest(req.method, parseParams(rest))
	}
	if k.has("refuse-password") || !ok {
		if !stale {
			k.cam.stats.refused()
		}
		return k.challenge(stale)
	}
	if stale {
		k.renew(a.realm)
		return k.challenge(true)
	}
	a.uses++
	if k.has("realm-change") && !a.moved {
		a.moved = true
		k.renew("another fakecam")
	}
	return nil
}

func (k *conn) renew(realm string) {
	if k.has("odd-realm") {
		realm += ", model=X (a;b) = c"
	}
	k.auth.realm, k.auth.nonce, k.auth.uses, k.auth.count = realm, rand.Text(), 0, 0
}

// digest verifies (RFC 2617, 3.2.2; RFC 7616). stale tells that the password is
// right but the nonce is too old.
func (k *conn) digest(method string, p map[string]string) (ok, stale bool) {
	a, o := &k.auth, k.cam.opts
	algorithm := strings.ToUpper(p["algorithm"])
	if algorithm == "" {
		algorithm = "MD5"
	}
	switch {
	case k.has("basic"),
		k.has("digest-sha256") && algorithm != "SHA-256",
		algorithm == "SHA-256" && !k.has("digest-sha256") && !k.has("all-schemes"),
		algorithm != "MD5" && algorithm != "SHA-256",
		p["username"] != o.User, p["realm"] != a.realm:
		return false, false
	}
	hash := func(s string) string {
		if algorithm == "SHA-256" {
			sum := sha256.Sum256([]byte(s))
			return hex.EncodeToString(sum[:])
		}
		sum := md5.Sum([]byte(s))
		return hex.EncodeToString(sum[:])
	}
	ha1 := hash(o.User + ":" + p["realm"] + ":" + o.Password)
	middle := p["nonce"]
	if k.has("digest-qop") {
		nc, err := strconv.ParseUint(p["nc"], 16, 32)
		if p["qop"] != "auth" || err != nil || len(p["nc"]) != 8 || nc <= a.count && p["nonce"] == a.nonce || p["cnonce"] == "" {
			return false, false
		}
		a.count = nc
		middle += ":" + p["nc"] + ":" + p["cnonce"] + ":auth"
	}
	if p["response"] != hash(ha1+":"+middle+":"+hash(method+":"+p["uri"])) {
		return false, false
	}
	if p["nonce"] != a.nonce {
		return false, true
	}
	limit, limited := k.fault("digest-stale")
	return true, limited && a.uses >= int(limit.args[0])
}

// challenge asks for the password.
func (k *conn) challenge(stale bool) *response {
	r := &response{status: 401}
	a := k.auth
	digest := func(algorithm string) {
		text := fmt.Sprintf("Digest realm=%q, nonce=%q", a.realm, a.nonce)
		if algorithm != "" {
			text += ", algorithm=" + algorithm
		}
		if k.has("digest-qop") {
			text += `, qop="auth"`
		}
		if stale {
			text += ", stale=TRUE"
		}
		r.add("WWW-Authenticate", text)
	}
	basic := func() { r.add("WWW-Authenticate", fmt.Sprintf("Basic realm=%q", a.realm)) }
	switch {
	case k.has("basic"):
		basic()
	case k.has("digest-md5"):
		digest("MD5")
	case k.has("digest-sha256"):
		digest("SHA-256")
	case k.has("all-schemes"):
		digest("SHA-256")
		digest("MD5")
		basic()
	default:
		digest("")
	}
	return r
}

// parseParams reads key=value and key="value", with commas between them.
func parseParams(text string) map[string]string {
	out := map[string]string{}
	for {
		text = strings.TrimLeft(text, " \t,")
		key, rest, ok := strings.Cut(text, "=")
		if !ok {
			return out
		}
		var value strings.Builder
		if strings.HasPrefix(rest, `"`) {
			i := 1
			for ; i < len(rest) && rest[i] != '"'; i++ {
				if rest[i] == '\\' && i+1 < len(rest) {
					i++
				}
				value.WriteByte(rest[i])
			}
			rest = rest[min(i+1, len(rest)):]
		} else {
			var plain string
			plain, rest, _ = strings.Cut(rest, ",")
			value.WriteString(strings.TrimSpace(plain))
		}
		out[strings.ToLower(strings.TrimSpace(key))] = value.String()
		text = rest
	}
}
