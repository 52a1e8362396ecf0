package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/camgate/camgate"
)

func TestDevices(t *testing.T) {
	get := func(o Options) (int, string) {
		o.Registry = camgate.NewRegistry(0)
		s, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/api/v1/devices", nil)
		s.Handler().ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	if code, body := get(Options{Devices: func(context.Context) any { return []string{"/dev/video0"} }}); code != 200 || body != `{"devices":["/dev/video0"]}` {
		t.Error(code, body)
	}
	if code, body := get(Options{}); code != 501 || !strings.Contains(body, "local cameras") {
		t.Error(code, body)
	}
}
