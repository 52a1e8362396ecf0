package fakecam_test

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/camgate/camgate/cmd/camgate/fakecam"
)

// digester answers challenges as RFC 7616 says.
type digester struct {
	hash         func(string) string
	realm, nonce string
	qop          bool
	nc           int
}

func newDigester(t *testing.T, a answer, algorithm string) *digester {
	t.Helper()
	d := &digester{hash: func(s string) string { sum := md5.Sum([]byte(s)); return hex.EncodeToString(sum[:]) }}
	if algorithm == "SHA-256" {
		d.hash = func(s string) string { sum := sha256.Sum256([]byte(s)); return hex.EncodeToString(sum[:]) }
	}
	for _, h := range a.header["www-authenticate"] {
		if !strings.HasPrefix(h, "Digest ") || !strings.Contains(h, "realm=") || algorithm != "" && !strings.Contains(h, "algorithm="+algorithm) {
			continue
		}
		d.realm, d.nonce, d.qop = between(h, `realm="`), between(h, `nonce="`), strings.Contains(h, `qop="auth"`)
		return d
	}
	t.Fatalf("status %d, no challenge for %q in %v", a.status, algorithm, a.header)
	return nil
}

func between(s, open string) string {
	_, s, _ = strings.Cut(s, open)
	s, _, _ = strings.Cut(s, `"`)
	return s
}

func (d *digester) header(method, uri, password, algorithm string) string {
	middle, more := d.nonce, ""
	if d.qop {
		d.nc++
		middle += fmt.Sprintf(":%08x:abc:auth", d.nc)
		more = fmt.Sprintf(`, qop=auth, nc=%08x, cnonce="abc"`, d.nc)
	}
	if algorithm != "" {
		more += ", algorithm=" + algorithm
	}
	response := d.hash(d.hash("admin:"+d.realm+":"+password) + ":" + middle + ":" + d.hash(method+":"+uri))
	return fmt.Sprintf(`Authorization: Digest username="admin", realm="%s", nonce="%s", uri="%s", response="%s"%s`, d.realm, d.nonce, uri, response, more)
}

func TestDigest(t *testing.T) {
	tests := []struct {
		faults    string
		algorithm string
		refusals  int // of five requests with the right password
	}{
		{"", "", 0},
		{"digest-md5", "MD5", 0},
		{"digest-sha256", "SHA-256", 0},
		{"digest-qop", "", 0},
		{"digest-qop digest-sha256", "SHA-256", 0},
		{"odd-realm", "", 0},
		{"all-schemes", "SHA-256", 0},
		{"all-schemes", "MD5", 0},
		{"digest-stale=2", "", 2},
		{"realm-change", "", 1},
		{"realm-change odd-realm digest-qop", "", 1},
		{"refuse-password", "", 5},
	}
	for _, tt := range tests {
		t.Run(tt.faults, func(t *testing.T) {
			cam := start(t, fakecam.Options{User: "admin", Password: "p@ss:/%w", Faults: strings.Fields(tt.faults)})
			c := connect(t, cam)
			a := c.do("DESCRIBE", c.url)
			if a.status != 401 {
				t.Fatalf("without a password: %d", a.status)
			}
			d := newDigester(t, a, tt.algorithm)
			if tt.faults == "odd-realm" && !strings.ContainsAny(d.realm, ",=(") {
				t.Errorf("realm %s", d.realm)
			}
			realm, refusals := d.realm, 0
			for range 5 {
				a := c.do("DESCRIBE", c.url, d.header("DESCRIBE", c.url, "p@ss:/%w", tt.algorithm))
				if a.status == 200 {
					continue
				}
				refusals++
				stale := strings.Contains(a.get("www-authenticate"), "stale=TRUE")
				if strings.HasPrefix(tt.faults, "digest-stale") != stale {
					t.Errorf("stale: %v", stale)
				}
				d = newDigester(t, a, tt.algorithm)
				if refusals > 1 || tt.faults == "refuse-password" {
					continue
				}
				if a = c.do("DESCRIBE", c.url, d.header("DESCRIBE", c.url, "p@ss:/%w", tt.algorithm)); a.status != 200 {
					t.Errorf("with the new nonce: %d", a.status)
				}
			}
			if refusals != tt.refusals && !(tt.faults == "digest-stale=2" && refusals > 0) {
				t.Errorf("%d refusals, want %d", refusals, tt.refusals)
			}
			if strings.Contains(tt.faults, "realm-change") == (d.realm == realm) {
				t.Errorf("realm %q after %q", d.realm, realm)
			}
			failures := cam.Status().AuthFailures
			if a := c.do("DESCRIBE", c.url, d.header("DESCRIBE", c.url, "wrong", tt.algorithm)); a.status != 401 || cam.Status().AuthFailures != failures+1 {
				t.Errorf("wrong password: %d, %d failures", a.status, cam.Status().AuthFailures)
			}
			if tt.faults == "digest-qop" {
				d.nc = 0
				if a := c.do("DESCRIBE", c.url, d.header("DESCRIBE", c.url, "p@ss:/%w", tt.algorithm)); a.status != 401 {
					t.Errorf("nc used twice: %d", a.status)
				}
				d.qop = false
				if a := c.do("DESCRIBE", c.url, d.header("DESCRIBE", c.url, "p@ss:/%w", tt.algorithm)); a.status != 401 {
					t.Errorf("without qop: %d", a.status)
				}
			}
		})
	}
}

func TestBasic(t *testing.T) {
	t.Parallel()
	cam := start(t, fakecam.Options{User: "admin", Password: "secret", Faults: []string{"basic", "auth-options"}})
	c := connect(t, cam)
	if a := c.do("OPTIONS", c.url); a.status != 401 {
		t.Errorf("auth-options: %d", a.status)
	}
	a := c.do("DESCRIBE", c.url)
	if got := a.get("www-authenticate"); a.status != 401 || !strings.HasPrefix(got, "Basic realm=") {
		t.Errorf("%d %s", a.status, got)
	}
	header := func(s string) string { return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	if a := c.do("DESCRIBE", c.url, header("admin:wrong")); a.status != 401 {
		t.Errorf("wrong password: %d", a.status)
	}
	c.must("DESCRIBE", c.url, header("admin:secret"))
	cam.Clear()
	if a := c.do("DESCRIBE", c.url, header("admin:secret")); a.status != 401 {
		t.Errorf("Basic where Digest is asked for: %d", a.status)
	}
}
