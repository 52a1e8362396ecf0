package jpegcam

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// TestOther: what comes in place of pictures is named.
func TestOther(t *testing.T) {
	answer := func(kind string, status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{kind}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	b := string(file(t, 1))
	tests := []struct {
		name, scheme string
		h            http.HandlerFunc
		want         error
		text         string
	}{
		{"a login page", "http+mjpeg", answer("text/html; charset=utf-8", 200, "<html><Title lang=en>\n Please\n log in </title>"), camgate.ErrNoVideoTrack, `"Please log in"`},
		{"a page without a title", "http+mjpeg", answer("text/html", 200, "<html>"), camgate.ErrNoVideoTrack, "a web page (text/html)"},
		{"JSON", "http+mjpeg", answer("application/json", 200, "{}"), camgate.ErrNoVideoTrack, `"application/json"`},
		{"another sort of picture", "http+jpeg", answer("image/png", 200, "x"), camgate.ErrNoVideoTrack, `"image/png"`},
		{"a page in place of a still", "http+jpeg", answer("text/html", 200, "<title>x</title>"), camgate.ErrNoVideoTrack, `"x"`},
		{"a still as a stream", "http+mjpeg", answer("image/jpeg", 200, b), camgate.ErrUnsupportedCodec, "http+jpeg://"},
		{"a stream as a still", "http+jpeg", answer("multipart/x-mixed-replace; boundary=x", 200, b), camgate.ErrUnsupportedCodec, "http+mjpeg://"},
		{"no picture in a stream", "http+mjpeg", answer("multipart/x-mixed-replace; boundary=x", 200, "--x\r\n\r\n"), camgate.ErrNoVideoTrack, "no picture"},
		{"no picture in a still", "http+jpeg", answer("image/jpeg", 200, "x"), camgate.ErrNoVideoTrack, "no JPEG"},
		{"an end", "http+mjpeg", answer("multipart/x-mixed-replace; boundary=x", 200, b+b), camgate.ErrConnectionFailed, "ended"},
		{"404", "http+mjpeg", answer("text/plain", 404, ""), camgate.ErrStreamNotFound, "404 Not Found"},
		{"403", "http+jpeg", answer("text/plain", 403, ""), camgate.ErrAuthFailed, "403"},
		{"503", "http+jpeg", answer("text/plain", 503, ""), camgate.ErrConnectionFailed, "503"},
		{"504", "http+jpeg", answer("text/plain", 504, ""), camgate.ErrTimeout, "504"},
		{"304 out of the blue", "http+jpeg", answer("text/plain", 304, ""), camgate.ErrConnectionFailed, "304"},
		{"no type", "http+mjpeg", answer("", 200, b+b), camgate.ErrConnectionFailed, "ended"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := take(t, newSource(t, Options{}, tt.scheme+"://"+serve(t, tt.h)+"/"), 9)
			if !errors.Is(got.err, tt.want) || !strings.Contains(got.err.Error(), tt.text) {
				t.Errorf("%v; want %v with %q", got.err, tt.want, tt.text)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	silent := l.Addr().String()
	defer l.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := closed.Addr().String()
	closed.Close()
	for _, scheme := range []string{"http+mjpeg", "https+mjpeg", "http+jpeg", "https+jpeg", "bambu"} {
		for host, want := range map[string]error{silent: camgate.ErrTimeout, gone: camgate.ErrConnectionFailed} {
			s := newSource(t, Options{Timeout: 50 * time.Millisecond}, scheme+"://code@"+host+"/")
			if got := take(t, s, 1); !errors.Is(got.err, want) {
				t.Errorf("%s: %v, want %v", scheme, got.err, want)
			}
			if err := s.Knock(t.Context()); (err == nil) != (host == silent) || err != nil && !errors.Is(err, camgate.ErrConnectionFailed) {
				t.Errorf("%s: knocking: %v", scheme, err)
			}
		}
	}
}

func TestNew(t *testing.T) {
	for _, text := range []string{"http+mjpeg:///x", "rtsp://h/", "http://h/", "bambu://h", "bambu://" + strings.Repeat("x", 33) + "@h"} {
		u, err := http.NewRequest(http.MethodGet, text, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(Options{URL: u.URL}); err == nil {
			t.Errorf("%s: taken", text)
		}
	}
	if _, err := New(Options{}); err == nil {
		t.Error("nothing: taken")
	}
}
