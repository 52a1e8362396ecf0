package config

import (
	"strings"
	"testing"
)

func TestSharedCameras(t *testing.T) {
	tests := []struct {
		name, a, b string
		shared     bool
	}{
		{"same", "rtsp://h/x", "rtsp://h/x", true},
		{"another user", "rtsp://u:p@h/x", "rtsp://v:q@h/x", true},
		{"port by default, letters of the host", "rtsp://H:554/x", "rtsp://h/x", true},
		{"port of a tunnel", "rtsp+http://h:80/x", "rtsp+http://h/x", true},
		{"printer", "bambus://CODE@h", "rtsps://bblp:CODE@h:322/streaming/live/1", true},
		{"ESP32", "http+mjpeg://h:80/stream", "http+mjpeg://h/stream", true},
		{"ONVIF", "onvifs://u:p@h?profile=1", "onvifs://u:p@h:443?profile=1", true},
		{"to fall back on", "rtsp://h/x", "[rtsp://h/x, rtsp://h/sub]", true},
		{"substream", "rtsp://h/x", "rtsp://h/y", false},
		{"channel", "rtsp://h/x?channel=1", "rtsp://h/x?channel=2", false},
		{"another port", "rtsp://h/x", "rtsp://h:8554/x", false},
		{"only to fall back on", "rtsp://h/x", "[rtsp://h/y, rtsp://h/x]", false},
		{"nothing to connect to", "publish", "publish", false},
		{"clip", "demo", "demo", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			quote := func(s string) string {
				if strings.HasPrefix(s, "[") {
					return s
				}
				return "'" + s + "'"
			}
			c, err := Parse([]byte("rtsp: {address: ':9554'}\nstreams:\n  b: {source: "+quote(tt.b)+"}\n  a: {source: "+quote(tt.a)+"}\n"), "c.yaml", nil)
			if err != nil {
				t.Fatal(err)
			}
			if first, shared := c.Shared()["b"]; shared != tt.shared || shared && first != "a" || len(c.Shared()) > 1 {
				t.Errorf("shared: %v", c.Shared())
			}
			if !tt.shared {
				if len(c.Warnings) > 0 {
					t.Error(c.Warnings)
				}
				return
			}
			if len(c.Warnings) != 1 || c.Warnings[0].Place.Line != 3 || !strings.Contains(c.Warnings[0].String(), `"a", or make this a second name of it, with the source rtsp://127.0.0.1:9554/a`) {
				t.Error(c.Warnings)
			}
		})
	}
}
