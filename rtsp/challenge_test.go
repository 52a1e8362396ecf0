package rtsp

import (
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/auth"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/google/go-cmp/cmp"
)

func TestParseChallenges(t *testing.T) {
	cases := []struct {
		header string
		want   []challenge
	}{
		{`Basic realm="IP Camera"`, []challenge{{scheme: "basic", realm: "IP Camera"}}},
		{`Digest realm="a, b=c", nonce="0f", stale="FALSE"`, []challenge{{scheme: "digest", realm: "a, b=c", nonce: "0f"}}},
		{`digest REALM = "x" ,nonce=ab,  qop="auth,auth-int", algorithm=SHA-256, opaque="", stale=true`, []challenge{
			{scheme: "digest", realm: "x", nonce: "ab", qop: true, algorithm: "SHA-256", hasOpaque: true, stale: true},
		}},
		{`Digest realm="a",nonce="b",Basic realm="c"`, []challenge{{scheme: "digest", realm: "a", nonce: "b"}, {scheme: "basic", realm: "c"}}},
		{`Digest realm="say \"hi\"", nonce="a\\b"`, []challenge{{scheme: "digest", realm: `say "hi"`, nonce: `a\b`}}},
		{`Digest realm="open`, []challenge{{scheme: "digest", realm: "open"}}},
		{`Bearer`, []challenge{{scheme: "bearer"}}},
		{`=, "x"`, []challenge{{scheme: "x"}}},
		{``, nil},
	}
	for _, c := range cases {
		got := parseChallenges(c.header)
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(challenge{})); diff != "" {
			t.Errorf("%s: %s", c.header, diff)
		}
	}
}

func FuzzChallenges(f *testing.F) {
	f.Add(`Digest realm="a",nonce="b", Basic realm="c\"`)
	f.Fuzz(func(t *testing.T, s string) {
		for _, c := range parseChallenges(s) {
			l := login{user: "u", password: "p", known: true, challenge: &c}
			if got := l.authorize("PLAY", "rtsp://x/"); strings.Contains(got, "\n") && !strings.Contains(s, "\n") {
				t.Errorf("%q", got)
			}
		}
	})
}

func TestChooseChallenge(t *testing.T) {
	cases := []struct {
		headers []string
		want    string // name of the chosen one; empty: an error
	}{
		{[]string{`Basic realm="a"`, `Digest realm="a", nonce="b"`}, "Digest MD5"},
		{[]string{`Digest realm="a", nonce="b", algorithm="MD5", qop="auth"`, `Digest realm="a", nonce="c", algorithm=SHA-256, qop="auth"`}, "Digest SHA-256, qop=auth"},
		{[]string{`Digest realm="a", nonce="b", algorithm=SHA-512-256`, `Basic realm="a"`}, "Basic"},
		{[]string{`Digest realm="a"`, `Bearer`}, ""},
		{nil, ""},
	}
	for _, c := range cases {
		got, err := chooseChallenge(c.headers)
		if err != nil {
			if c.want != "" {
				t.Errorf("%q: %v", c.headers, err)
			}
		} else if got.name() != c.want {
			t.Errorf("%q: %s", c.headers, got.name())
		}
	}
}

// The examples of RFC 7616 section 3.9.1 and of RFC 2617 section 3.5.
func TestDigestOfTheRFCs(t *testing.T) {
	cases := []struct {
		algorithm, cnonce, nonce, user, password, want string
	}{
		{"MD5", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "Mufasa", "Circle of Life", "8ca523f5e9506fed4657c9700eebdbec"},
		{"SHA-256", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "Mufasa", "Circle of Life", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
	}
	for _, c := range cases {
		l := login{
			user: c.user, password: c.password, cnonce: c.cnonce,
			challenge: &challenge{scheme: "digest", realm: "http-auth@example.org", nonce: c.nonce, algorithm: c.algorithm, qop: true},
		}
		if got := l.authorize("GET", "/dir/index.html"); !strings.Contains(got, `response="`+c.want+`"`) || !strings.Contains(got, "nc=00000001") {
			t.Errorf("%s: %s", c.algorithm, got)
		}
		if got := l.authorize("GET", "/dir/index.html"); !strings.Contains(got, "nc=00000002") || strings.Contains(got, c.want) {
			t.Errorf("the second request: %s", got)
		}
	}
}

// The library's server agrees with us, whatever is in the name and the password.
func TestAuthorizeVerified(t *testing.T) {
	methods := map[string]auth.VerifyMethod{"basic": auth.VerifyMethodBasic, "MD5": auth.VerifyMethodDigestMD5, "SHA-256": auth.VerifyMethodDigestSHA256}
	for name, method := range methods {
		for _, password := range []string{"simple", "p@ss:w/rd%41", "%", "ä ö", ""} {
			if name == "basic" && strings.Contains(password, ":") {
				continue // the library's server cannot have that
			}
			l := login{user: "us@r/%", password: password, known: true}
			if err := l.challenged(auth.GenerateWWWAuthenticate([]auth.VerifyMethod{method}, "realm", "nonce"), false); err != nil {
				t.Fatal(err)
			}
			u, _ := base.ParseURL("rtsp://host/path?a=b")
			req := &base.Request{Method: base.Describe, URL: u, Header: base.Header{"Authorization": {l.authorize("DESCRIBE", u.String())}}}
			if err := auth.Verify(req, "us@r/%", password, []auth.VerifyMethod{method}, "realm", "nonce"); err != nil {
				t.Errorf("%s, %q: %v", name, password, err)
			}
		}
	}
}

// When a request is sent again, and when the password counts as wrong.
func TestLogin(t *testing.T) {
	digest := func(realm, nonce, more string) []string {
		return []string{`Digest realm="` + realm + `", nonce="` + nonce + `"` + more}
	}
	type step struct {
		headers []string
		sent    bool
		accept  bool // what was sent then was right
		again   bool
	}
	cases := []struct {
		name  string
		steps []step
	}{
		{"wrong password, same nonce", []step{{digest("a", "1", ""), false, false, true}, {digest("a", "1", ""), true, false, false}}},
		{"wrong password, a nonce for each request", []step{{digest("a", "1", ""), false, false, true}, {digest("a", "2", ""), true, false, false}}},
		{"stale at once", []step{{digest("a", "1", ""), false, false, true}, {digest("a", "2", ", stale=true"), true, true, true}}},
		{"stale for ever", []step{{digest("a", "1", ""), false, false, true}, {digest("a", "2", ", stale=true"), true, false, true}, {digest("a", "3", ", stale=true"), true, false, false}}},
		{"stale, but the same nonce", []step{{digest("a", "1", ""), false, false, true}, {digest("a", "1", ", stale=true"), true, false, false}}},
		{"a nonce that runs out, not called stale", []step{{digest("a", "1", ""), false, true, true}, {digest("a", "2", ""), true, true, true}, {digest("a", "3", ""), true, true, true}}},
		{"another realm for another request", []step{{digest("a", "1", ""), false, false, true}, {digest("b", "2", ""), true, true, true}}},
		{"another realm each time", []step{{digest("a", "1", ""), false, false, true}, {digest("b", "2", ""), true, false, true}, {digest("c", "2", ""), true, false, false}}},
		{"right once, then the password changes", []step{{digest("a", "1", ""), false, true, true}, {digest("a", "2", ""), true, false, true}, {digest("a", "3", ""), true, false, false}}},
		{"Basic refused", []step{{[]string{`Basic realm="a"`}, false, false, true}, {[]string{`Basic realm="a"`}, true, false, false}}},
		{"nothing that we know", []step{{[]string{`Negotiate`}, false, false, false}}},
	}
	for _, c := range cases {
		l := login{user: "u", password: "secret", known: true}
		for i, s := range c.steps {
			err := l.challenged(s.headers, s.sent)
			if (err == nil) != s.again {
				t.Errorf("%s, step %d: %v", c.name, i, err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: a secret in %v", c.name, err)
			}
			if err == nil && s.accept {
				l.accepted = true
			}
		}
	}
	if err := (&login{}).challenged([]string{`Basic realm="a"`}, false); err != errNoCredentials {
		t.Errorf("without a user: %v", err)
	}
}
