package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// TestMachine asks what is known of the gateway's machine.
func TestMachine(t *testing.T) {
	get := func(o Options, what string, login ...string) (int, string) {
		o.Registry = camgate.NewRegistry(0)
		s, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/api/v1/"+what, nil)
		for _, l := range login {
			r.Header.Set("Authorization", l)
		}
		s.Handler().ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	all := Options{
		Devices:  func(context.Context) any { return []string{"/dev/video0"} },
		Encoders: func(context.Context) any { return map[string]string{"state": "proving"} },
	}
	for _, tt := range []struct{ what, want, missing string }{
		{"devices", `{"devices":["/dev/video0"]}`, "local cameras"},
		{"encoders", `{"state":"proving"}`, "encoders"},
	} {
		o := all
		if code, body := get(o, tt.what); code != 200 || body != tt.want {
			t.Error(code, body)
		}
		if code, body := get(Options{}, tt.what); code != 501 || !strings.Contains(body, tt.missing) {
			t.Error(code, body)
		}
		o.Users, o.Limits.FailureDelay = accounts(), time.Nanosecond
		for login, want := range map[string]int{basic("admin", "a:1 é"): 200, basic("tv", "t"): 403} {
			if code, body := get(o, tt.what, login); code != want {
				t.Error(tt.what, code, body)
			}
		}
		if code, body := get(o, tt.what); code != 401 {
			t.Error(tt.what, code, body)
		}
	}
}
