package web

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camgate/camgate"
)

func accounts() camgate.Users {
	return camgate.Users{
		{Name: "admin", Password: "a:1 é", Role: camgate.RoleAdmin},
		{Name: "tv", Password: "t", Role: camgate.RoleViewer, Streams: []string{"live/*"}},
		{Name: "obs", Password: "o", Role: camgate.RolePublisher, Streams: []string{"demo"}},
	}
}

func basic(name, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

func TestAuthTable(t *testing.T) {
	s := newServer(t, Options{Users: accounts(), Outputs: echoes(), Limits: Limits{FailureDelay: time.Nanosecond, Failures: 1000}})
	const none, wrong, admin, tv, obs = "", "wrong", "admin", "tv", "obs"
	headers := map[string]string{wrong: basic("tv", "x"), admin: basic("admin", "a:1 é"), tv: basic("tv", "t"), obs: basic("obs", "o")}
	for _, c := range []struct {
		method, path string
		want         map[string]int
	}{
		{"GET", "/healthz", map[string]int{none: 200, wrong: 200, tv: 200}},
		{"GET", "/readyz", map[string]int{none: 200, wrong: 200, tv: 200}},
		{"GET", "/assets/style.css", map[string]int{none: 200, wrong: 200}},
		{"GET", "/", map[string]int{none: 401, wrong: 401, admin: 200, tv: 200, obs: 200}},
		{"GET", "/api/v1/streams", map[string]int{none: 401, wrong: 401, admin: 200, tv: 200, obs: 200}},
		{"GET", "/api/v1/streams/demo", map[string]int{none: 401, admin: 200, tv: 403, obs: 403}},
		{"GET", "/api/v1/streams/live/front", map[string]int{none: 401, admin: 200, tv: 200, obs: 403}},
		{"GET", "/metrics", map[string]int{none: 401, wrong: 401, admin: 200, tv: 403, obs: 403}},
		{"GET", "/demo", map[string]int{none: 401, admin: 200, tv: 403, obs: 403}},
		{"GET", "/demo/", map[string]int{none: 401, admin: 301, tv: 403}},
		{"GET", "/live/front", map[string]int{none: 401, wrong: 401, admin: 200, tv: 200, obs: 403}},
		{"POST", "/live/front/whep", map[string]int{none: 401, wrong: 401, admin: 200, tv: 200, obs: 403}},
		{"PATCH", "/live/front/whep/1", map[string]int{none: 401, admin: 200, tv: 200, obs: 403}},
		{"OPTIONS", "/live/front/whep", map[string]int{none: 401, tv: 200}}, // no preflight: a question to the output
		{"GET", "/live/front/index.m3u8", map[string]int{none: 401, admin: 200, tv: 200, obs: 403}},
		{"GET", "/live/front/mjpeg", map[string]int{none: 401, admin: 200, tv: 200, obs: 403}},
		{"GET", "/live/front/snapshot.jpg", map[string]int{none: 401, admin: 200, tv: 200, obs: 403}},
		{"POST", "/demo/whip", map[string]int{none: 401, wrong: 401, admin: 200, tv: 403, obs: 200}},
		{"POST", "/live/front/whip", map[string]int{none: 401, admin: 200, tv: 403, obs: 403}},
		// Who may not read a stream does not learn whether it is there.
		{"GET", "/nope", map[string]int{none: 401, wrong: 401, admin: 404, tv: 403, obs: 403}},
		{"GET", "/live/front/nope", map[string]int{none: 401, admin: 404, tv: 404, obs: 403}},
	} {
		for who, want := range c.want {
			t.Run(fmt.Sprintf("%s %s by %q", c.method, c.path, who), func(t *testing.T) {
				var h []string
				if who != none {
					h = []string{"Authorization", headers[who]}
				}
				r := do(s, c.method, c.path, h...)
				if r.StatusCode != want {
					t.Errorf("%d, want %d: %s", r.StatusCode, want, body(t, r))
				}
				challenge := r.Header.Get("WWW-Authenticate")
				if (r.StatusCode == 401) != strings.HasPrefix(challenge, `Basic realm="camgate"`) {
					t.Errorf("%d with challenge %q", r.StatusCode, challenge)
				}
			})
		}
	}
}

func TestListIsFiltered(t *testing.T) {
	s := newServer(t, Options{Users: accounts()})
	for who, want := range map[string]string{basic("admin", "a:1 é"): "demo live live/front", basic("tv", "t"): "live/front", basic("obs", "o"): ""} {
		var list streamList
		decode(t, do(s, "GET", "/api/v1/streams", "Authorization", who), &list)
		var names []string
		for _, stream := range list.Streams {
			names = append(names, stream.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestCredentials(t *testing.T) {
	for header, want := range map[string]string{
		basic("admin", "a:1"):   "admin/a:1",
		"Bearer admin:a:1":      "admin/a:1",
		"bearer admin:a":        "admin/a",
		"Bearer YWRtaW46YTox":   "admin/a:1",
		"Bearer whatever":       "",
		"Bearer":                "",
		"Basic !!":              "",
		"Digest username=admin": "",
		"":                      "",
	} {
		r, _ := http.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", header)
		name, password, ok := credentials(r)
		got := name + "/" + password
		if !ok {
			got = ""
		}
		if got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
}

// slowUsers has one user whose password is dear to verify.
func slowUsers(verified *atomic.Int64, cost time.Duration) camgate.Users {
	return camgate.Users{{Name: "u", Role: camgate.RoleViewer, Verify: func(password string) bool {
		verified.Add(1)
		time.Sleep(cost) // on the bubble's clock
		return password == "right"
	}}}
}

var home = netip.MustParseAddr("192.0.2.1")

func TestGateRemembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var verified atomic.Int64
		s := newServer(t, Options{Users: slowUsers(&verified, 50*time.Millisecond)})
		for range 5 {
			if _, err := s.gate.check(t.Context(), home, "u", "right"); err != nil {
				t.Fatal(err)
			}
		}
		if n := verified.Load(); n != 1 {
			t.Errorf("verified %d times within a minute", n)
		}
		time.Sleep(s.opts.Limits.RememberLogin + time.Second)
		if _, err := s.gate.check(t.Context(), home, "u", "right"); err != nil || verified.Load() != 2 {
			t.Errorf("%v, verified %d times after a minute", err, verified.Load())
		}
		for id := range s.gate.known {
			if strings.Contains(string(id[:]), "right") {
				t.Error("a password is kept")
			}
		}
	})
}

func TestGateDelaysAndLimitsFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var verified atomic.Int64
		s := newServer(t, Options{Users: slowUsers(&verified, 50*time.Millisecond)})
		limits := s.opts.Limits
		if _, err := s.gate.check(t.Context(), home, "u", "right"); err != nil {
			t.Fatal(err)
		}
		for i := range limits.Failures {
			start := time.Now()
			name := []string{"u", "nobody"}[i%2]
			if code, _ := Status(err2(s.gate.check(t.Context(), home, name, "wrong"))); code != 401 {
				t.Errorf("attempt %d: %d", i, code)
			}
			if took := time.Since(start); took != limits.FailureDelay {
				t.Errorf("attempt %d by %s took %v, want always %v", i, name, took, limits.FailureDelay)
			}
		}
		before := verified.Load()
		err := err2(s.gate.check(t.Context(), home, "u", "wrong"))
		if code, _ := Status(err); code != 429 || verified.Load() != before {
			t.Errorf("over the limit: %v, verified %d", err, verified.Load()-before)
		}
		// Neither who is logged in nor another address suffers.
		if err := err2(s.gate.check(t.Context(), home, "u", "right")); err != nil {
			t.Errorf("a known login: %v", err)
		}
		if err := err2(s.gate.check(t.Context(), netip.MustParseAddr("192.0.2.2"), "u", "right")); err != nil {
			t.Errorf("another address: %v", err)
		}
		time.Sleep(limits.FailureWindow)
		if code, _ := Status(err2(s.gate.check(t.Context(), home, "u", "wrong"))); code != 401 {
			t.Errorf("after the window: %d", code)
		}
	})
}

func TestGateManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var verified, refused atomic.Int64
		s := newServer(t, Options{Users: slowUsers(&verified, 50*time.Millisecond)})
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				if code, _ := Status(err2(s.gate.check(t.Context(), home, "u", "wrong"))); code == 429 {
					refused.Add(1)
				}
			})
		}
		wg.Wait()
		if limit := int64(s.opts.Limits.Failures); verified.Load() != limit || refused.Load() != 200-limit {
			t.Errorf("verified %d, refused %d, the limit is %d", verified.Load(), refused.Load(), limit)
		}
	})
}

func TestGateIsBounded(t *testing.T) {
	s := newServer(t, Options{Users: camgate.Users{{Name: "u", Role: camgate.RoleViewer, Verify: func(string) bool { return true }}},
		Limits: Limits{RememberedUsers: 5}})
	for i := range 50 {
		if err := err2(s.gate.check(t.Context(), home, "u", fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.gate.known) > 5 {
		t.Errorf("%d logins", len(s.gate.known))
	}
}

// A page that asks for many things at once with the right password does not guess.
func TestGateManyRightOnesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(password string) bool {
			time.Sleep(50 * time.Millisecond) // on the fake clock
			return password == "right"
		}
		s := newServer(t, Options{Users: camgate.Users{{Name: "u", Role: camgate.RoleViewer, Verify: slow}}})
		var wg sync.WaitGroup
		for range 60 {
			wg.Go(func() {
				if err := err2(s.gate.check(t.Context(), home, "u", "right")); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

func TestTooManyFailuresAnswer(t *testing.T) {
	s := newServer(t, Options{Users: accounts(), Limits: Limits{FailureDelay: time.Nanosecond, Failures: 1}})
	do(s, "GET", "/", "Authorization", basic("tv", "x"))
	r := do(s, "GET", "/", "Authorization", basic("tv", "x"))
	if r.StatusCode != 429 || r.Header.Get("Retry-After") == "" || r.Header.Get("WWW-Authenticate") != "" {
		t.Errorf("%d %v", r.StatusCode, r.Header)
	}
}

func err2(_ camgate.User, err error) error { return err }
