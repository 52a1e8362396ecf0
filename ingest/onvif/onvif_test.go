package onvif

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest/trust"
	"github.com/camgate/camgate/internal/onviffake"
)

// network is what a resolver reaches: all names and addresses lead to the server, as
// far as they are known to take connections.
type network struct {
	server string
	open   []string // besides the camera itself
	dialed []string
}

func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.dialed = append(n.dialed, address)
	if !slices.Contains(n.open, address) {
		return nil, errors.New("refused")
	}
	return new(net.Dialer).DialContext(ctx, "tcp", n.server)
}

func mustParse(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// good is a camera without quirks.
func good() *onviffake.Camera {
	return &onviffake.Camera{
		Login: onviffake.Token, User: "admin", Password: "p<&>s s", First: true, Second: true, Prefix: "tt",
		StreamURI: "rtsp://camera/live?a=1&p=", SnapshotURI: "http://camera/snap.jpg",
		Profiles: []onviffake.Profile{
			{Token: "jpeg", Name: "Pictures", Codec: "JPEG", Width: 640, Height: 480},
			{Token: "main", Name: "Main Stream", Codec: "H265", Width: 3840, Height: 2160},
			{Token: "sub", Name: "Sub", Codec: "H264", Width: 640, Height: 360},
		},
	}
}

const user = "onvif://admin:p%3C&%3Es%20s@camera"

func TestCameras(t *testing.T) {
	const main = "rtsp://admin:p%3C&%3Es%20s@camera/live?a=1&p=main"
	sub := strings.Replace(main, "p=main", "p=sub", 1)
	tests := []struct {
		name   string
		url    string
		open   []string
		camera func(c *onviffake.Camera)
		want   string // URL; or what is in the error
		err    error
		failed int
	}{
		{name: "good", want: main},
		{name: "by token", url: user + "?profile=sub", want: sub},
		{name: "by name", url: user + "?profile=sub%20", err: camgate.ErrStreamNotFound, want: `it has 1: jpeg "Pictures" (JPEG 640x480), 2: main "Main Stream" (H265 3840x2160), 3: sub "Sub" (H264 640x360)`},
		{name: "by the full name", url: user + "?profile=Main+Stream", want: main},
		{name: "by number", url: user + "?profile=3", want: sub},
		{name: "by a number there is not", url: user + "?profile=9", err: camgate.ErrStreamNotFound, want: `no profile "9"`},
		{name: "media 1 only", camera: func(c *onviffake.Camera) { c.Second = false }, want: sub},
		{name: "media 2 only", camera: func(c *onviffake.Camera) { c.First = false }, want: main},
		{name: "before GetServices", camera: func(c *onviffake.Camera) { c.OldStyle, c.Second = true, false }, want: sub},
		{name: "no prefix", camera: func(c *onviffake.Camera) { c.Prefix = "" }, want: main},
		{name: "UDP only", camera: func(c *onviffake.Camera) { c.UDPOnly, c.Second = true, false }, want: sub},
		{name: "Digest", camera: func(c *onviffake.Camera) { c.Login = onviffake.Digest }, want: main},
		{name: "Basic", camera: func(c *onviffake.Camera) { c.Login = onviffake.Basic }, want: main},
		{name: "nobody asks", camera: func(c *onviffake.Camera) { c.Login = onviffake.Nobody }, want: main},
		{name: "refuses by 401", camera: func(c *onviffake.Camera) { c.Refusal = "401" }, want: main},
		{name: "refuses by 500", camera: func(c *onviffake.Camera) { c.Refusal = "500" }, want: main},
		{name: "refuses without a word", camera: func(c *onviffake.Camera) { c.Refusal = "plain" }, want: main},
		{name: "clock far behind", camera: func(c *onviffake.Camera) { c.Clock = -56 * 365 * 24 * time.Hour }, want: main},
		{name: "clock ahead", camera: func(c *onviffake.Camera) { c.Clock = 2 * time.Hour }, want: main},
		{name: "clock behind, told by Date only", camera: func(c *onviffake.Camera) { c.Clock, c.SecretClock = -2*time.Hour, true }, want: main},
		{name: "services at a host that nobody reaches", camera: func(c *onviffake.Camera) { c.Host = "10.255.255.1:8080" }, want: main},
		{name: "stream at a host that nobody reaches", open: []string{"camera:554"}, camera: func(c *onviffake.Camera) { c.StreamURI = "rtsp://192.168.1.5:554/x" }, want: "rtsp://admin:p%3C&%3Es%20s@camera:554/xmain"},
		{name: "and at another port", open: []string{"camera:8554", "192.168.1.5:8554"}, camera: func(c *onviffake.Camera) { c.StreamURI = "rtsp://192.168.1.5:8554/" }, want: "rtsp://admin:p%3C&%3Es%20s@camera:8554/main"},
		{name: "port that is closed", open: []string{"camera:554"}, camera: func(c *onviffake.Camera) { c.StreamURI = "rtsp://camera:5554/" }, want: "rtsp://admin:p%3C&%3Es%20s@camera:554/main"},
		{name: "port 0", camera: func(c *onviffake.Camera) { c.StreamURI = "rtsp://camera:0/" }, want: "rtsp://admin:p%3C&%3Es%20s@camera/main"},
		{name: "another host that is there", open: []string{"192.168.1.5:554"}, camera: func(c *onviffake.Camera) { c.StreamURI = "rtsp://a:b@192.168.1.5/" }, want: "rtsp://192.168.1.5:554/main"},
		{name: "this machine", open: []string{"127.0.0.1:554"}, camera: func(c *onviffake.Camera) { c.StreamURI = "rtsp://127.0.0.1/" }, want: "rtsp://admin:p%3C&%3Es%20s@camera:554/main"},
		{name: "a user in the URI", camera: func(c *onviffake.Camera) { c.StreamURI = "rtsp://x:y@camera/" }, want: "rtsp://admin:p%3C&%3Es%20s@camera/main"},
		{name: "stills", url: user + "?stills=true", want: "http://admin:p%3C&%3Es%20s@camera/snap.jpg"},
		{name: "no stills", url: user + "?stills=true", camera: func(c *onviffake.Camera) { c.SnapshotURI = "" }, err: camgate.ErrConnectionFailed, want: "GetSnapshotUri"},
		{name: "no URI", camera: func(c *onviffake.Camera) { c.StreamURI = "x://camera/" }, err: camgate.ErrUnsupportedCodec, want: "scheme"},
		{name: "no profile", camera: func(c *onviffake.Camera) { c.Profiles = nil }, err: camgate.ErrNoVideoTrack, want: "no profile"},
		{name: "wrong password", url: "onvif://admin:s3cret@camera", err: camgate.ErrAuthFailed, want: "refuses the user or the password", failed: 1},
		{name: "wrong password by Digest", url: "onvif://admin:s3cret@camera", camera: func(c *onviffake.Camera) { c.Login = onviffake.Digest }, err: camgate.ErrAuthFailed, want: "refuses", failed: 1},
		{name: "no password", url: "onvif://camera", err: camgate.ErrAuthFailed, want: "wants a user and a password"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			camera := good()
			if tt.camera != nil {
				tt.camera(camera)
			}
			server := httptest.NewServer(camera)
			defer server.Close()
			var log bytes.Buffer
			n := &network{server: server.Listener.Addr().String(), open: append(tt.open, "camera:80")}
			text := tt.url
			if text == "" {
				text = user
			}
			r, err := New(Options{URL: mustParse(t, text), Dial: n.dial, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // attempts
				got, err := r.Resolve(t.Context())
				switch {
				case tt.err != nil && (!errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.want)):
					t.Fatalf("got %v, want %v with %s", err, tt.err, tt.want)
				case tt.err == nil && (err != nil || got.URL.String() != tt.want):
					t.Fatalf("got %v, %v, want %s\nasked: %s\ndialed: %s", got.URL, err, tt.want, camera.Asked(), n.dialed)
				}
				if err != nil && strings.Contains(err.Error(), "s3cret") {
					t.Errorf("the password is shown: %v", err)
				}
			}
			if got := camera.Failed(); got != 2*tt.failed {
				t.Errorf("%d wrong logins, want %d for each attempt", got, tt.failed)
			}
			if text := log.String(); strings.Contains(text, "p<") || strings.Count(text, "clock") > 1 || strings.Count(text, "corrected") > 1 {
				t.Errorf("log: %s", text)
			}
		})
	}
}

// TestLog: what is corrected is told.
func TestLog(t *testing.T) {
	camera := good()
	camera.Clock, camera.StreamURI = -48*time.Hour, "rtsp://192.168.1.5/"
	server := httptest.NewServer(camera)
	defer server.Close()
	var log bytes.Buffer
	n := &network{server: server.Listener.Addr().String(), open: []string{"camera:80", "camera:554"}}
	r, err := New(Options{URL: mustParse(t, user), Dial: n.dial, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Resolve(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"clock of the camera is wrong", "ahead=-48h0m", "corrected", "named=192.168.1.5", "used=camera:554"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %q in %s", want, &log)
		}
	}
}

// TestOthers: what answers in place of a camera.
func TestOthers(t *testing.T) {
	page := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			fmt.Fprint(w, text)
		}
	}
	deep := strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100)
	tests := []struct {
		name    string
		handler http.HandlerFunc
		want    string
	}{
		{"a web server", page(404, "not found"), "no ONVIF service here, the answer is 404 Not Found"},
		{"a web page", page(200, "<html><body>Welcome</body></html>"), `no ONVIF service here, the answer is "text/html"`},
		{"nothing", page(200, ""), "no ONVIF service here"},
		{"another envelope", page(200, `<Envelope><Body><Other/></Body></Envelope>`), "one to another question"},
		{"no end", page(200, strings.Repeat("x", maxMessage+1)), "more XML"},
		{"deep", page(200, deep), "more elements"},
		{"away", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://evil/")
			w.WriteHeader(302)
		}, "another place"},
		{"round and round", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Location", "/x"); w.WriteHeader(307) }, "another place"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(tt.handler)
			defer server.Close()
			n := &network{server: server.Listener.Addr().String(), open: []string{"camera:80"}}
			r, err := New(Options{URL: mustParse(t, user), Dial: n.dial})
			if err != nil {
				t.Fatal(err)
			}
			_, err = r.Resolve(t.Context())
			if !errors.Is(err, camgate.ErrConnectionFailed) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if slices.ContainsFunc(n.dialed, func(s string) bool { return s != "camera:80" }) {
				t.Errorf("dialed %s", n.dialed)
			}
		})
	}
	n := &network{}
	r, err := New(Options{URL: mustParse(t, user), Dial: n.dial})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = r.Resolve(t.Context()); !errors.Is(err, camgate.ErrConnectionFailed) {
		t.Errorf("nobody there: %v", err)
	}
	if err := r.Knock(t.Context()); !errors.Is(err, camgate.ErrConnectionFailed) {
		t.Errorf("nobody there: %v", err)
	}
}

// TestSilent: a camera that does not answer costs a bounded time.
func TestSilent(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	n := &network{server: server.Listener.Addr().String(), open: []string{"camera:80"}}
	r, err := New(Options{URL: mustParse(t, user), Dial: n.dial, Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Resolve(t.Context()); !errors.Is(err, camgate.ErrTimeout) {
		t.Errorf("got %v, want a timeout", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Resolve(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestTLS: by onvifs, and by a redirect to it; the certificate is verified.
func TestTLS(t *testing.T) {
	server := httptest.NewTLSServer(good())
	defer server.Close()
	over := httptest.NewServer(http.RedirectHandler("https://camera/onvif/device_service", http.StatusMovedPermanently))
	defer over.Close()
	dial := func(ctx context.Context, _, address string) (net.Conn, error) {
		to := server.Listener.Addr().String()
		if strings.HasSuffix(address, ":80") {
			to = over.Listener.Addr().String()
		}
		return new(net.Dialer).DialContext(ctx, "tcp", to)
	}
	accept, err := trust.New(trust.Options{Insecure: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"onvifs://admin:p%3C&%3Es%20s@camera", user} {
		r, err := New(Options{URL: mustParse(t, text), Dial: dial, TLS: accept})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Resolve(t.Context()); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if r, err = New(Options{URL: mustParse(t, text), Dial: dial}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Resolve(t.Context()); err == nil || !strings.Contains(err.Error(), "fingerprint") {
			t.Errorf("%s: a certificate that nobody knows: %v", text, err)
		}
	}
}

func TestURLs(t *testing.T) {
	for _, text := range []string{"http://h", "onvif://", "onvif://h?x=1", "onvif://h?profile=", "onvif://h?profile=a&profile=b", "onvif://h?stills=yes", "onvif://h?%"} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(Options{URL: u}); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}
