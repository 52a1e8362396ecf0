package httpauth

import (
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	tests := map[string][]Challenge{
		``:                          nil,
		`Basic realm="a, b"`:        {{"basic", map[string]string{"realm": "a, b"}}},
		`BASIC realm=x`:             {{"basic", map[string]string{"realm": "x"}}},
		`Basic realm="a \"b\" \\c"`: {{"basic", map[string]string{"realm": `a "b" \c`}}},
		`Basic realm="never closed`: {{"basic", map[string]string{"realm": "never closed"}}},
		`Digest realm="r",nonce = "n" , QOP="auth,auth-int", stale=FALSE`: {{"digest", map[string]string{
			"realm": "r", "nonce": "n", "qop": "auth,auth-int", "stale": "FALSE",
		}}},
		`Negotiate abc==, Digest nonce=n, Basic realm="r"`: {
			{"negotiate", map[string]string{"abc": ""}}, // of which nothing is used
			{"digest", map[string]string{"nonce": "n"}}, {"basic", map[string]string{"realm": "r"}},
		},
		`=,"x" ,;`: {{"x", map[string]string{}}},
	}
	for text, want := range tests {
		got := Parse([]string{text})
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
}

// TestDigest has the examples of RFC 7616 section 3.9.1 and RFC 2617 section 3.5, and
// one of RFC 2069 (as its errata give it).
func TestDigest(t *testing.T) {
	const (
		rfc7616 = `Digest realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
		cnonce  = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
	)
	tests := []struct {
		name, challenge, user, password, uri, cnonce string
		want                                         []string
	}{
		{"SHA-256", rfc7616 + ", algorithm=SHA-256", "Mufasa", "Circle of Life", "/dir/index.html", cnonce, []string{
			`username="Mufasa"`, `realm="http-auth@example.org"`, `uri="/dir/index.html"`, `algorithm=SHA-256`, `nc=00000001`, `qop=auth`,
			`response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"`, `opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`,
		}},
		{"MD5", rfc7616 + ", algorithm=MD5", "Mufasa", "Circle of Life", "/dir/index.html", cnonce, []string{
			`response="8ca523f5e9506fed4657c9700eebdbec"`, `cnonce="` + cnonce + `"`,
		}},
		{
			"without an algorithm", `Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"`,
			"Mufasa", "Circle Of Life", "/dir/index.html", "0a4f113b", []string{`response="6629fae49393a05397450978507c4ef1"`},
		},
		{
			"without qop", `Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"`,
			"Mufasa", "CircleOfLife", "/dir/index.html", "", []string{`response="1949323746fe6a43ef61f9606e7febea"`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := Credentials{User: tt.user, Password: tt.password, cnonce: tt.cnonce}
			if !c.Accept(Parse([]string{tt.challenge})) {
				t.Fatal("refused")
			}
			got := c.Header("GET", tt.uri)
			for _, part := range tt.want {
				if !strings.Contains(got, part) {
					t.Errorf("%s lacks %s", got, part)
				}
			}
			if next := c.Header("GET", tt.uri); strings.Contains(got, "nc=") && !strings.Contains(next, "nc=00000002") {
				t.Errorf("the nonce is used again: %s", next)
			}
		})
	}
}

func TestChoice(t *testing.T) {
	for fields, want := range map[string]string{
		`Basic realm=r`:                         "Basic dTpw",
		`Basic realm=r|Digest realm=r, nonce=n`: "algorithm-free",
		`Digest nonce=n, algorithm=MD5|Digest nonce=n, algorithm=sha-256|Basic realm=r`: "algorithm=sha-256",
		`Digest nonce=n, algorithm=MD5-sess, qop=auth`:                                  "algorithm=MD5-sess",
		`Digest nonce=n, qop=auth-int|Basic realm=r`:                                    "Basic dTpw",
		`Digest realm=r|Negotiate`:                                                      "",
		`Digest nonce=n, algorithm=SHA-999`:                                             "",
	} {
		c := Credentials{User: "u", Password: "p"}
		ok := c.Accept(Parse(strings.Split(fields, "|")))
		got := c.Header("GET", "/")
		if want == "algorithm-free" {
			if !strings.HasPrefix(got, "Digest ") || strings.Contains(got, "algorithm") {
				t.Errorf("%s: %s", fields, got)
			}
			continue
		}
		if ok != (want != "") || !strings.Contains(got, want) {
			t.Errorf("%s: %v, %q, want %q", fields, ok, got, want)
		}
	}
}

// FuzzParse: nothing that a camera asks for breaks the parser, and what it
// accepts can be answered in one line.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`Digest realm="r", nonce="n\"", qop=auth`, `Basic`, `=,"`, "Digest nonce=\"a\r\nb\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := Credentials{User: "u", Password: "p"}
		if !c.Accept(Parse([]string{text})) {
			return
		}
		if h := c.Header("GET", "/"); h == "" || strings.ContainsAny(h, "\r\n") && !strings.ContainsAny(text, "\r\n") {
			t.Fatalf("%q", h)
		}
	})
}
