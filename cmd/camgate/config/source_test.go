package config

import (
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
)

func TestParseSource(t *testing.T) {
	tests := map[string]string{ // URL of the source as text
		"rtsp://h/x":                                 "rtsp://h/x",
		"RTSP://h/x":                                 "rtsp://h/x",
		" rtsp://h ":                                 "rtsp://h",
		"rtsp://h:8554/a/b?c=d&e=f":                  "rtsp://h:8554/a/b?c=d&e=f",
		"rtsp://[fe80::1]:554/x":                     "rtsp://[fe80::1]:554/x",
		"rtsp://u@h/x":                               "rtsp://u@h/x",
		"rtsp://u:p@h/x":                             "rtsp://u:p@h/x",
		"rtsp://u:p%40ss@h/x":                        "rtsp://u:p%40ss@h/x",
		"rtsp://u:p@ss@h/x":                          "rtsp://u:p%40ss@h/x",
		"rtsp://u:a:b@h/x":                           "rtsp://u:a%3Ab@h/x",
		"rtsp://u:100%@h/x":                          "rtsp://u:100%25@h/x",
		"rtsp://u:pa/ss#w?rd@h:554/x":                "rtsp://u:pa%2Fss%23w%3Frd@h:554/x",
		"rtsp://u:s3/c@x@h/y":                        "rtsp://u:s3%2Fc%40x@h/y",
		"rtsp://u:p@ss:w/rd%41#x?y@h:8554/z":         "rtsp://u:p%40ss%3Aw%2FrdA%23x%3Fy@h:8554/z",
		"rtsp://u:p@s s/w@[::1]/z":                   "rtsp://u:p%40s%20s%2Fw@[::1]/z",
		"rtsp://u:pa/ss@h/x@1":                       "rtsp://u:pa%2Fss@h/x@1",
		"rtsp://h:554/user@x":                        "rtsp://h:554/user@x",
		"rtsp://h/user=a&password=b.sdp?x":           "rtsp://h/user=a&password=b.sdp?x",
		"rtsp://h/a%20b":                             "rtsp://h/a%20b",
		"rtsp://h/x#frag":                            "rtsp://h/x",
		"rtsps://bblp:1234@10.0.0.1:322/live":        "rtsps://bblp:1234@10.0.0.1:322/live",
		"HTTP+mjpeg://h/?action=stream":              "http+mjpeg://h/?action=stream",
		"https+mjpeg://u:p@ss@h:81/stream":           "https+mjpeg://u:p%40ss@h:81/stream",
		"http+jpeg://h/snap.jpg?x=1":                 "http+jpeg://h/snap.jpg?x=1",
		"https+jpeg://h":                             "https+jpeg://h",
		"bambu://12345678@10.0.0.1":                  "bambu://12345678@10.0.0.1",
		"bambu://bblp:12345678@10.0.0.1:1/":          "bambu://12345678@10.0.0.1:1",
		"udp+mpegts://239.0.0.1:5004?interface=eth0": "udp+mpegts://239.0.0.1:5004?interface=eth0",
		"onvif://u:p@ss@h:8000?profile=Main Stream":  "onvif://u:p%40ss@h:8000?profile=Main Stream",
		"onvifs://h/onvif/device":                    "onvifs://h/onvif/device",
		"bambus://12345678@10.0.0.1":                 "rtsps://bblp:12345678@10.0.0.1/streaming/live/1",
	}
	for text, want := range tests {
		source, err := ParseSource(SourceURL(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := source.URL.String(); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]Source{
		"demo": {Scheme: SchemeDemo}, "publish": {Scheme: SchemePublish},
		"file:a b.mp4": {Scheme: SchemeFile, Path: "a b.mp4"}, "file:///srv/x.ts": {Scheme: SchemeFile, Path: "/srv/x.ts"},
		"rpicam://1":              {Scheme: SchemeRPiCam, Camera: 1},
		"exec:ffmpeg -i 'a b' -":  {Scheme: SchemeExec, Words: []string{"ffmpeg", "-i", "a b", "-"}},
		" EXEC: /opt/cam a://b@c": {Scheme: SchemeExec, Words: []string{"/opt/cam", "a://b@c"}},
	} {
		if got, err := ParseSource(SourceURL(text)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"http://u:s3cret@h/", "https://h", "http+x://u:s3cret@h/", "bambu://h", "bambu://:@h", "bambu://s3cret@h/x", "bambus://s3cret@h?x", "bambu://s3cret@", "http+jpeg://u:s3cret@",
		"", "rtsp://", "rtsp://u:s3cret@", "rtsp://u:s3cret@:554/x", "rtsp://u:s3cret@h:0/", "rtsp://u:s3cret@a:b:c/",
		"rtsp://u:s3cret@h h/", "file:", "rtsp:u:s3cret@h", "s3:u:s3cret@h", "rtsp://u:s3cret", "rtsp://u:s3cret/x", "x://u:s3cret@h", "rtsp://u:s3cret@[::1/x",
		"rpicam:0", "rpicam://", "rpicam://x", "rpicam://16", "rpicam://-1", "rpicam://0/x",
		"exec:", "exec: ''", "exec:cam 's3cret", "exec:cam s3cret | x", "exec:PASSWORD=s3cret cam",
	} {
		if source, err := ParseSource(SourceURL(text)); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: got %+v, %v", text, source, err)
		}
	}
}

// TestSecure: what the tls section is for.
func TestSecure(t *testing.T) {
	for text, want := range map[string]bool{
		"rtsp://h": false, "rtsps://h": true, "rtsps+http://h": true, "http+mjpeg://h": false, "https+mjpeg://h": true,
		"http+jpeg://h": false, "https+jpeg://h": true, "bambu://c@h": true, "bambus://c@h": true, "onvif://h": false, "onvifs://h": true, "demo": false, "file:x": false,
	} {
		if source, err := ParseSource(SourceURL(text)); err != nil || source.Secure() != want {
			t.Errorf("%s: %v, %v", text, source.Secure(), err)
		}
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	secret := Secret("s3cret")
	source := SourceURL("rtsp://user:s3/cr et@x s3cret@host/x?password=s3cret")
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "a", secret, "b", source, "c", User{Password: secret}, "d", Stream{Source: []SourceURL{source}})
	all := log.String()
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		all += fmt.Sprintf(format+format+format+format, secret, source, User{Password: secret, PasswordHash: secret}, &Stream{Source: []SourceURL{source}})
	}
	for _, part := range []string{"s3cret", "cr et", "user:"} {
		if strings.Contains(all, part) {
			t.Errorf("%q is shown: %s", part, all)
		}
	}
}

// Of a command nothing is shown but the program.
func TestCommandsAreNotShown(t *testing.T) {
	for text, want := range map[string]string{
		"exec:/opt/cam": "exec:cam", "exec:cam --code s3cret rtsp://u:s3cret@h": "exec:cam ...", "exec:cam 's3cret": "exec:",
		" EXEC: cam s3cret": "exec:cam ...",
	} {
		if got := fmt.Sprintf("%v", SourceURL(text)); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestRedact(t *testing.T) {
	for text, want := range map[string]string{
		"nothing to hide":                         "nothing to hide",
		"dial rtsp://u:p@h/x: refused":            "dial rtsp://***@h/x: refused",
		`Get "http://u:p@ss/w@h/x": refused`:      `Get "http://***@h/x": refused`,
		"me@example.org":                          "me@example.org",
		"rtsp://h/?user=a&password=b&channel=1":   "rtsp://h/?user=a&password=***&channel=1",
		"rtsp://h/user=a_password=b_channel=1/x":  "rtsp://h/user=a_password=***/x",
		"rtsp://u@h/x and rtsps://v:w@i/y failed": "rtsp://***@h/x and rtsps://***@i/y failed",
	} {
		if got := Redact(text); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]Size{
		"0": 0, "512": 512, "1k": 1000, "1K": 1000, "1KiB": 1024, "2MiB": 2 << 20, "50M": 50e6, "50 MB": 50e6, "1.5G": 1.5e9, "3GiB": 3 << 30,
	} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("%s: got %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "k", "1T", "-1", "1e30G", "NaN", "Inf", "1 2", "1kk"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%s: got %d", text, got)
		}
	}
}
