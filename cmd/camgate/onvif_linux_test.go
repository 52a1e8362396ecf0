package main

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/camgate/camgate/cmd/camgate/demo"
	"github.com/camgate/camgate/cmd/camgate/fakecam"
	"github.com/camgate/camgate/internal/onviffake"
)

// runCam runs an RTSP camera until end is called.
func runCam(t *testing.T, path string) (cam *fakecam.Cam, end func()) {
	t.Helper()
	cam, err := fakecam.New(fakecam.Options{Clip: demo.Clip(), Path: path, User: "admin", Password: "s3cret@x"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() { _ = cam.Run(ctx) })
	return cam, func() { cancel(); all.Wait() }
}

// TestONVIF is the way of a user with an address and a password: pictures come, and
// come again from where the camera has its stream then.
func TestONVIF(t *testing.T) {
	first, end := runCam(t, "/main")
	defer func() { end() }()
	at := func(cam *fakecam.Cam) string { // as it is called where nobody reaches it
		return strings.TrimSuffix(strings.Replace(cam.URL(), "127.0.0.1", "192.0.2.77", 1), "main")
	}
	camera := &onviffake.Camera{
		Login: onviffake.Token, User: "admin", Password: "s3cret@x", First: true, Second: true, Clock: -8 * time.Hour, Host: "192.0.2.77",
		StreamURI: at(first), Profiles: []onviffake.Profile{{Token: "main", Name: "Main", Codec: "H264", Width: 640, Height: 360}},
	}
	server := httptest.NewServer(camera)
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	file := filepath.Join(t.TempDir(), "camgate.yaml")
	text := "streams:\n  cam: {source: 'onvif://admin:s3cret@x@" + host + "?profile=Main'}\n" +
		"  wrong: {source: 'onvif://admin:s3cret-not@" + host + "'}\n  none: {source: 'onvif://admin:s3cret@x@" + host + "?profile=sub'}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := launch(t, nil, "-c", file)
	var pages string
	p.await(t, "pictures, and what is wrong with the others", func() bool {
		_, pages = p.get("/api/v1/streams")
		return strings.Contains(pages, `"state":"live"`) && strings.Contains(pages, "refuses the user or the password") &&
			strings.Contains(pages, `the camera has no profile \"sub\"; it has 1: main`)
	})
	end()
	second, end2 := runCam(t, "/main")
	end = end2
	camera.Move(at(second))
	p.await(t, "pictures from elsewhere", func() bool {
		_, page := p.get("/api/v1/streams/cam")
		return strings.Contains(page, `"state":"live"`) && strings.Count(p.printed.String(), "the camera tells where its pictures are") == 2
	})
	log := p.printed.String()
	for _, want := range []string{"clock of the camera is wrong", "corrected", "named=192.0.2.77"} {
		if !strings.Contains(log, want) {
			t.Errorf("no %q in the log:\n%s", want, log)
		}
	}
	if strings.Contains(log+pages, "s3cret") {
		t.Errorf("a secret is shown:\n%s\n%s", pages, log)
	}
}
