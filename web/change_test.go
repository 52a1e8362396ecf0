package web

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/camgate/camgate"
)

// desk notes what is changed.
type desk struct{ got []string }

func (d *desk) Settings(stream string) *Settings {
	return &Settings{Enabled: true, Sources: []string{"rtsp://cam"}, Source: "auto"}
}

func (d *desk) Change(_ context.Context, stream string, c Change) error {
	if c.Video["encoder"] == "h264_nvenc" {
		return fmt.Errorf("video: %w: Cannot load libcuda.so.1", camgate.ErrEncoderUnavailable)
	}
	if c.Video["fps"] == "1000" {
		return fmt.Errorf("%w: video.fps: is more than 240", camgate.ErrBadRequest)
	}
	text := stream
	if c.Enabled != nil {
		text += fmt.Sprintf(" enabled=%v", *c.Enabled)
	}
	if c.Source != nil {
		text += fmt.Sprintf(" source=%d", *c.Source)
	}
	d.got = append(d.got, text+fmt.Sprintf(" %v %v", c.Video, c.Controls))
	return nil
}

func TestChange(t *testing.T) {
	const kind = "application/json"
	admin := basic("admin", "a:1 é")
	for name, c := range map[string]struct {
		body, kind, auth, origin string
		code                     int
		want                     string // in the answer
		did                      string
	}{
		"video":           {`{"video": {"bitrate": "1M", "fps": 15, "size": "640x360"}}`, kind, admin, "", 200, `"settings":{"enabled":true`, "live/front map[bitrate:1M fps:15 size:640x360] map[]"},
		"controls":        {`{"controls": {"brightness": 7, "autofocus": true}}`, kind + "; charset=utf-8", admin, "", 200, `"live/front"`, "live/front map[] map[autofocus:true brightness:7]"},
		"no yes or no":    {`{"enabled": "x"}`, kind, admin, "", 400, "enabled: cannot be a string", ""},
		"off":             {`{"enabled": false}`, kind, admin, "", 200, "", "live/front enabled=false map[] map[]"},
		"source":          {`{"source": 1}`, kind, admin, "", 200, "", "live/front source=1 map[] map[]"},
		"any source":      {`{"source": "auto"}`, kind, admin, "", 200, "", "live/front source=-1 map[] map[]"},
		"a new source":    {`{"source": "rtsp://x"}`, kind, admin, "", 400, "new ones come by the config only", ""},
		"half a source":   {`{"source": 1.5}`, kind, admin, "", 400, "source: a number", ""},
		"unknown":         {`{"sources": []}`, kind, admin, "", 400, `unknown field \"sources\"`, ""},
		"a list":          {`{"video": {"fps": [1]}}`, kind, admin, "", 400, "video.fps: want text or a number", ""},
		"out of range":    {`{"video": {"fps": 1000}}`, kind, admin, "", 400, "video.fps: is more than 240", ""},
		"no such encoder": {`{"video": {"encoder": "h264_nvenc"}}`, kind, admin, "", 503, "video: no encoder available: Cannot load libcuda.so.1", ""},
		"no JSON":         {`{`, kind, admin, "", 400, "", ""},
		"two":             {`{} {}`, kind, admin, "", 400, "something follows", ""},
		"a form":          {`{"enabled": false}`, "text/plain", admin, "", 415, "application/json", ""},
		"too large":       {`{"video": {"size": "` + strings.Repeat("x", 300<<10) + `"}}`, kind, admin, "", 400, "too large", ""},
		"a viewer":        {`{"enabled": false}`, kind, basic("tv", "t"), "", 403, "", ""},
		"nobody":          {`{"enabled": false}`, kind, "", "", 401, "", ""},
		"its own page":    {`{"enabled": true}`, kind, admin, "http://cam.example:8889", 200, "", "live/front enabled=true map[] map[]"},
		"another's page":  {`{"enabled": true}`, kind, admin, "https://evil.example", 403, "pages of other hosts", ""},
		"an allowed page": {`{"enabled": true}`, kind, admin, "https://home.example", 200, "", "live/front enabled=true map[] map[]"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &desk{}
			s := newServer(t, Options{Users: accounts(), Control: d, AllowOrigins: []string{"https://home.example"}, Limits: Limits{FailureDelay: time.Nanosecond}})
			r := httptest.NewRequest(http.MethodPatch, "http://cam.example:8889/api/v1/streams/live/front", strings.NewReader(c.body))
			for key, value := range map[string]string{"Content-Type": c.kind, "Authorization": c.auth, "Origin": c.origin} {
				if value != "" {
					r.Header.Set(key, value)
				}
			}
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			if w.Code != c.code || !strings.Contains(w.Body.String(), c.want) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if diff := cmp.Diff(c.did, strings.Join(d.got, "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
	s := newServer(t, Options{})
	if r := do(s, "PATCH", "/api/v1/streams/nope", "Content-Type", kind); r.StatusCode != 404 {
		t.Errorf("a stream that is not there: %d", r.StatusCode)
	}
}

func FuzzReadChange(f *testing.F) {
	for _, s := range []string{`{}`, `{"source": 1}`, `{"source": "auto", "enabled": null}`, `{"video": {"fps": 1e3}, "controls": {"a": true}}`, `[1]`, `{"video": {"": null}}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := readChange(strings.NewReader(s))
		if err == nil && c.Source != nil && *c.Source < -1 {
			t.Errorf("%q: source %d", s, *c.Source)
		}
	})
}
