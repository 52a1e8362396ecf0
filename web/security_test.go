package web

import (
	"strings"
	"testing"
)

func TestCORS(t *testing.T) {
	const page = "https://example.com"
	open := newServer(t, Options{Users: accounts(), Outputs: echoes()})
	local := newServer(t, Options{LoopbackOnly: true, Outputs: echoes()})
	anonymous := newServer(t, Options{Outputs: echoes()})
	some := newServer(t, Options{AllowOrigins: []string{page}, Outputs: echoes()})
	for _, c := range []struct {
		name, method, path, origin, preflight string
		server                                *Server
		code                                  int
		allow                                 string
	}{
		{"preflight without a login", "OPTIONS", "/live/front/whep", page, "POST", open, 204, "*"},
		{"preflight of a session", "OPTIONS", "/live/front/whep/abc", page, "DELETE", open, 204, "*"},
		{"preflight of what is not there", "OPTIONS", "/nope/whep", page, "POST", open, 204, "*"},
		{"preflight of the API", "OPTIONS", "/api/v1/streams", page, "GET", open, 204, "*"},
		{"plain OPTIONS", "OPTIONS", "/live/front/mjpeg", "", "", open, 204, "*"},
		{"an answer without a login", "GET", "/live/front/mjpeg", page, "", open, 401, "*"},
		{"no Origin", "GET", "/healthz", "", "", open, 200, "*"},
		{"loopback: a page from elsewhere", "GET", "/demo/mjpeg", page, "", local, 200, ""},
		{"loopback: its preflight", "OPTIONS", "/demo/whip", page, "POST", local, 204, ""},
		{"loopback: it sends all the same", "POST", "/demo/whip", page, "", local, 403, ""},
		{"loopback: a page without an origin", "POST", "/demo/whip", "null", "", local, 403, ""},
		{"loopback: a page of this machine", "POST", "/demo/whip", "http://localhost:3000", "", local, 200, "http://localhost:3000"},
		{"loopback: another page of this machine", "GET", "/demo/mjpeg", "http://127.0.0.1:8889", "", local, 200, "http://127.0.0.1:8889"},
		{"loopback: no browser", "POST", "/demo/whip", "", "", local, 200, ""},
		{"no users: a page from elsewhere", "GET", "/demo/mjpeg", page, "", anonymous, 200, ""},
		{"listed", "GET", "/demo/mjpeg", page, "", some, 200, page},
		{"not listed", "GET", "/demo/mjpeg", "https://example.org", "", some, 200, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var h []string
			if c.origin != "" {
				h = append(h, "Origin", c.origin)
			}
			if c.preflight != "" {
				h = append(h, "Access-Control-Request-Method", c.preflight, "Access-Control-Request-Headers", "authorization,content-type")
			}
			r := do(c.server, c.method, c.path, h...)
			if got := r.Header.Get("Access-Control-Allow-Origin"); r.StatusCode != c.code || got != c.allow {
				t.Errorf("%d, allows %q, want %d and %q", r.StatusCode, got, c.code, c.allow)
			}
			if r.Header.Get("Access-Control-Allow-Credentials") != "" {
				t.Error("credentials are allowed")
			}
			if c.method == "OPTIONS" && (!strings.Contains(r.Header.Get("Access-Control-Allow-Methods"), "PATCH") ||
				!strings.Contains(r.Header.Get("Access-Control-Allow-Headers"), "Authorization")) {
				t.Errorf("incomplete preflight answer: %v", r.Header)
			}
		})
	}
}

func TestLoopbackOnlyHosts(t *testing.T) {
	s := newServer(t, Options{LoopbackOnly: true})
	for host, code := range map[string]int{
		"localhost": 200, "localhost:8889": 200, "LOCALHOST.": 200, "cam.localhost:8889": 200, "127.0.0.1:8889": 200, "127.9.9.9": 200,
		"[::1]:8889": 200, "[::1]": 200, "::1": 200, "[::ffff:127.0.0.1]:80": 200, "": 200,
		"evil.example:8889": 403, "127.0.0.1.evil.example": 403, "localhost.evil.example": 403, "192.168.1.5:8889": 403, "[fe80::1]:8889": 403,
		"0.0.0.0:8889": 403, "127.1": 403, "notlocalhost": 403,
	} {
		if r := do(s, "GET", "/healthz", "Host", host); r.StatusCode != code {
			t.Errorf("%q: %d, want %d", host, r.StatusCode, code)
		}
	}
	if r := do(newServer(t, Options{}), "GET", "/healthz", "Host", "cam.example"); r.StatusCode != 200 {
		t.Errorf("%d when not only loopback is served", r.StatusCode)
	}
}

func TestSecurityHeaders(t *testing.T) {
	s := newServer(t, Options{})
	for _, path := range []string{"/", "/demo", "/api/v1/streams", "/nope", "/assets/style.css"} {
		r := do(s, "GET", path)
		if r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", path, r.Header)
		}
		html := strings.HasPrefix(r.Header.Get("Content-Type"), "text/html")
		if csp := r.Header.Get("Content-Security-Policy"); html != (csp != "") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "http") {
			t.Errorf("%s: policy %q", path, csp)
		}
	}
}

func TestWithoutSecrets(t *testing.T) {
	for in, want := range map[string]string{
		"rtsp://user:pass@host/x: refused":         "rtsp://host/x: refused",
		`dial "rtsps://a:p@ss/w@rd@h:322/s": oops`: `dial "rtsps://h:322/s": oops`,
		"mail me@example.com":                      "mail me@example.com",
		"rtsp://host/x":                            "rtsp://host/x",
		"two http://a:b@c and http://d:e@f":        "two http://c and http://f",
	} {
		if got := withoutSecrets(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
