package jpegcam

import (
	"context"
	"crypto/md5"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest/httpauth"
	"github.com/camgate/camgate/ingest/trust"
)

// serve answers all requests with h, and returns host and port.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// stream answers with the pictures again and again.
func stream(list [][]byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "multipart/x-mixed-replace;boundary=--frame")
		for i := 0; r.Context().Err() == nil; i++ {
			b := list[i%len(list)]
			fmt.Fprintf(w, "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n", len(b), b)
			if w.(http.Flusher).Flush(); i > 0 {
				select {
				case <-r.Context().Done():
				case <-time.After(time.Millisecond):
				}
			}
		}
	}
}

func TestMultipart(t *testing.T) {
	list := files(t, 3)
	s := newSource(t, Options{}, "http+mjpeg://u:s3cret@"+serve(t, stream(list))+"/a?action=stream")
	got := take(t, s, 5)
	if !errors.Is(got.err, context.Canceled) || len(got.units) != 5 {
		t.Fatalf("%d pictures, %v", len(got.units), got.err)
	}
	for i, u := range got.units {
		if u.Track.Codec != camgate.MJPEG || !u.RandomAccess || i > 0 && u.PTS <= got.units[i-1].PTS {
			t.Errorf("picture %d: %s at %d", i, u.Track.Codec, u.PTS)
		}
	}
	if p := got.units[0].Track.Params(); p.Width != 64 || p.Height != 48 {
		t.Errorf("size %d x %d", p.Width, p.Height)
	}
	if s.String() != "http+mjpeg://"+s.url.Host+"/a" {
		t.Errorf("it calls itself %s", s)
	}
}

func TestAuthentication(t *testing.T) {
	const user, password = "me", "s3/cr:et@"
	pictures := files(t, 2)
	uses := func(challenges ...string) (http.HandlerFunc, *atomic.Int32) {
		asked := new(atomic.Int32)
		return func(w http.ResponseWriter, r *http.Request) {
			got := r.Header.Get("Authorization")
			u, p, basic := r.BasicAuth()
			switch {
			case basic && u == user && p == password:
			case strings.HasPrefix(got, "Digest") && digestFits(got, user, password, r.RequestURI):
			default:
				asked.Add(1)
				for _, c := range challenges {
					w.Header().Add("WWW-Authenticate", c)
				}
				http.Error(w, "who are you?", http.StatusUnauthorized)
				return
			}
			stream(pictures)(w, r)
		}, asked
	}
	login := "me:s3%2Fcr%3Aet%40@"
	tests := []struct {
		name       string
		challenges []string
		login      string
		want       error
		asked      int32
	}{
		{"basic", []string{`Basic realm="cam"`}, login, context.Canceled, 1},
		{"digest", []string{`Digest realm="cam", nonce="abc", qop="auth"`}, login, context.Canceled, 1},
		{"both", []string{`Basic realm="cam", Digest realm="cam", nonce="abc", qop="auth"`}, login, context.Canceled, 1},
		{"wrong password", []string{`Basic realm="cam"`}, "me:wrong@", camgate.ErrAuthFailed, 2},
		{"wrong password, digest", []string{`Digest realm="cam", nonce="abc", qop="auth"`}, "me:wrong@", camgate.ErrAuthFailed, 2},
		{"always stale", []string{`Digest realm="cam", nonce="abc", qop="auth", stale=true`}, "me:wrong@", camgate.ErrAuthFailed, 3},
		{"none", []string{`Basic realm="cam"`}, "", camgate.ErrAuthFailed, 1},
		{"an unknown scheme", []string{`Bearer realm="cam"`}, login, camgate.ErrAuthFailed, 1},
		{"no scheme", nil, login, camgate.ErrAuthFailed, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, asked := uses(tt.challenges...)
			got := take(t, newSource(t, Options{}, "http+mjpeg://"+tt.login+serve(t, h)+"/s?x=1"), 2)
			if !errors.Is(got.err, tt.want) || asked.Load() != tt.asked {
				t.Errorf("asked %d times, %v; want %d, %v", asked.Load(), got.err, tt.asked, tt.want)
			}
			if got.err != nil && (strings.Contains(got.err.Error(), "s3") || strings.Contains(got.err.Error(), "wrong")) {
				t.Errorf("the password is shown: %v", got.err)
			}
		})
	}
}

// digestFits checks an answer to a challenge with MD5 and qop=auth by the book.
func digestFits(header, user, password, uri string) bool {
	p := httpauth.Parse([]string{header})[0].Params
	h := func(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }
	want := h(h(user+":cam:"+password) + ":abc:" + p["nc"] + ":" + p["cnonce"] + ":auth:" + h("GET:"+uri))
	return p["response"] == want && p["uri"] == uri && p["username"] == user
}

func TestRedirects(t *testing.T) {
	var leaked atomic.Bool
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.Header.Get("Referer") != "" {
			leaked.Store(true)
		}
		if r.URL.Path == "/secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="other"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		stream(files(t, 2))(w, r)
	})
	_, port, _ := net.SplitHostPort(other)
	host := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if _, p, _ := r.BasicAuth(); p != "s3cret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="cam"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		switch r.URL.Path {
		case "/same":
			http.Redirect(w, r, "video", http.StatusFound)
		case "/other":
			http.Redirect(w, r, "http://localhost:"+port+"/", http.StatusTemporaryRedirect)
		case "/port":
			http.Redirect(w, r, "http://"+other+"/", http.StatusMovedPermanently)
		case "/secret":
			http.Redirect(w, r, "http://x:y@"+other+"/secret", http.StatusMovedPermanently)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/rtsp":
			w.Header().Set("Location", "rtsp://elsewhere/")
			w.WriteHeader(http.StatusFound)
		case "/nowhere":
			w.WriteHeader(http.StatusFound)
		default:
			stream(files(t, 2))(w, r)
		}
	})
	for path, want := range map[string]error{
		"/same": context.Canceled, "/other": context.Canceled, "/port": context.Canceled,
		"/secret": camgate.ErrAuthFailed, "/loop": camgate.ErrConnectionFailed, "/rtsp": camgate.ErrConnectionFailed, "/nowhere": camgate.ErrConnectionFailed,
	} {
		got := take(t, newSource(t, Options{}, "http+mjpeg://me:s3cret@"+host+path), 2)
		if !errors.Is(got.err, want) {
			t.Errorf("%s: %v, want %v", path, got.err, want)
		}
	}
	if leaked.Load() {
		t.Error("another host got the password")
	}
}

func TestTrusts(t *testing.T) {
	for _, tt := range []struct {
		from, to string
		want     bool
	}{
		{"http+mjpeg://h/", "http://h:80/x", true},
		{"http+mjpeg://h/", "http://H/x", true},
		{"http+mjpeg://h/", "https://h/x", true},
		{"http+mjpeg://h:81/", "http://h/x", false},
		{"https+mjpeg://h/", "https://h:443/x", true},
		{"https+mjpeg://h/", "http://h/x", false},
		{"https+mjpeg://h/", "https://h.example/x", false},
	} {
		c := newSource(t, Options{}, tt.from).newClient()
		to, err := redirected(c.origin, tt.to)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.trusts(to); got != tt.want {
			t.Errorf("%s to %s: %v", tt.from, tt.to, got)
		}
	}
}

// TestTLS: a certificate that nobody vouches for is refused with its fingerprint.
func TestTLS(t *testing.T) {
	server := httptest.NewTLSServer(stream(files(t, 2)))
	defer server.Close()
	target := "https+mjpeg://" + server.Listener.Addr().String() + "/"
	if got := take(t, newSource(t, Options{}, target), 2); !errors.Is(got.err, camgate.ErrConnectionFailed) || !strings.Contains(got.err.Error(), "fingerprint") {
		t.Errorf("got %v", got.err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	secure, err := trust.New(trust.Options{CAs: pool})
	if err != nil {
		t.Fatal(err)
	}
	if got := take(t, newSource(t, Options{TLS: secure}, target), 2); !errors.Is(got.err, context.Canceled) {
		t.Errorf("got %v", got.err)
	}
}
