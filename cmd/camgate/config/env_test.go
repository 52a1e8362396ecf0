package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEnvironmentSetsKeys(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("fr\u00f6m $a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := parse(`
log: {level: info}
users: [{name: tv-1, password: old, role: viewer}]
streams:
  front-door: {source: publish}
  cam: {source: publish}
  cam-tls: {source: publish}
`,
		"CAMGATE_LOG_LEVEL=debug",
		"CAMGATE_RTSP_ADDRESS=:9554",
		"CAMGATE_WEBRTC_PUBLIC_HOSTS=a.example, 192.0.2.1",
		"CAMGATE_WEBRTC_ICE_SERVERS=[stun:h:1, {url: 'turn:h:1', username: u, credential: '${X}'}]",
		"CAMGATE_HLS_PART=100ms",
		"CAMGATE_LIMITS_READER_LAG_BYTES=1k",
		"CAMGATE_USERS_TV_1_PASSWORD_FILE="+file,
		"CAMGATE_USERS_TV_1_STREAMS=a*,b",
		"CAMGATE_USERS_NEW_PASSWORD=p",
		"CAMGATE_USERS_NEW_ROLE=admin",
		"CAMGATE_STREAMS_FRONT_DOOR_SOURCE=rtsp://u:${X}@h/a,b",
		"CAMGATE_STREAMS_FRONT_DOOR_ON_DEMAND=true",
		"CAMGATE_STREAMS_CAM_TLS_SOURCE=rtsps://h/x",
		"CAMGATE_STREAMS_CAM_TLS_TLS_INSECURE=true",
		"CAMGATE_STREAMS_ROOF_SOURCE=rtsp://h/1\nrtsp://h/2",
		"CAMGATE_CONFIG=c.yaml",
		"OTHER=1",
	)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("warnings: %v", c.Warnings)
	}
	got := map[string]any{
		"level": c.Log.Level, "rtsp": c.RTSP.Address, "hosts": c.WebRTC.PublicHosts, "part": c.HLS.Part.String(),
		"lag": int(c.Limits.ReaderLagBytes), "password": string(c.Users[0].Password), "patterns": c.Users[0].Streams,
		"new": c.Users[1].Name + c.Users[1].Role, "source": string(c.Streams["front-door"].Source[0]), "on demand": c.Streams["front-door"].OnDemand,
		"cam": string(c.Streams["cam"].Source[0]), "cam-tls": c.Streams["cam-tls"].TLS.Insecure, "roof": len(c.Streams["roof"].Source),
		"roof's default": c.Streams["roof"].Transport, "turn": string(c.WebRTC.ICEServers[1].Credential),
	}
	want := map[string]any{
		"level": "debug", "rtsp": ":9554", "hosts": []string{"a.example", "192.0.2.1"}, "part": "100ms",
		"lag": 1000, "password": "fr\u00f6m $a file", "patterns": []string{"a*", "b"},
		"new": "newadmin", "source": "rtsp://u:${X}@h/a,b", "on demand": true,
		"cam": "publish", "cam-tls": true, "roof": 2, "roof's default": "auto", "turn": "${X}",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestEnvironmentOfAll(t *testing.T) {
	c, err := Load("", []string{"CAMGATE_STREAMS={a: {source: demo}, b/c: {source: publish}}", "CAMGATE_USERS=[{name: x, password: y, role: admin}]"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b/c"}, c.StreamNames()); diff != "" || c.Users[0].Name != "x" {
		t.Errorf("%s, users %v", diff, c.Users)
	}
}

func TestEnvironmentMessages(t *testing.T) {
	tests := map[string]struct {
		environ       []string
		err, warnings string
	}{
		"no such key":         {[]string{"CAMGATE_FOO=s3cret"}, "", "CAMGATE_FOO: camgate knows no such variable"},
		"nearest":             {[]string{"CAMGATE_RTSP_ADDRESSS=s3cret"}, "", "CAMGATE_RTSP_ADDRESSS: camgate knows no such variable: did you mean CAMGATE_RTSP_ADDRESS?"},
		"bad value":           {[]string{"CAMGATE_LOG_LEVEL=s3cret"}, "CAMGATE_LOG_LEVEL: log.level: is none of debug, info, warn, error", ""},
		"bad duration":        {[]string{"CAMGATE_HLS_PART=s3cret"}, "CAMGATE_HLS_PART: hls.part: is no duration: write a number with its unit, as in 200ms, 10s, 1m30s, 1h", ""},
		"bad YAML":            {[]string{"CAMGATE_STREAMS={a: *s3cret"}, "CAMGATE_STREAMS: there is no such anchor: quote a value that begins with *", ""},
		"bad key":             {[]string{"CAMGATE_USERS=[{nam: s3cret}]"}, "CAMGATE_USERS: users[0]: unknown key \"nam\": did you mean \"name\"?", ""},
		"no file":             {[]string{"CAMGATE_USERS_A_PASSWORD_FILE=/nowhere/x"}, "CAMGATE_USERS_A_PASSWORD_FILE: users[0].password: the file of the secret: there is no such file", ""},
		"no file for this":    {[]string{"CAMGATE_LOG_LEVEL_FILE=/nowhere/x"}, "", "CAMGATE_LOG_LEVEL_FILE: camgate knows no such variable"},
		"stream of a typo":    {[]string{"CAMGATE_STREAMS_CAM_TRANSPORT=tcp"}, `CAMGATE_STREAMS_CAM_TRANSPORT: streams.cam: has no source: name a URL, "publish" or "demo"`, ""},
		"stream without name": {[]string{"CAMGATE_STREAMS_SOURCE=s3cret"}, "", "CAMGATE_STREAMS_SOURCE: camgate knows no such variable"},
		"user without role":   {[]string{"CAMGATE_USERS_A_PASSWORD=s3cret"}, `CAMGATE_USERS_A_PASSWORD: users[0]: user "a" has no role: it is one of admin, viewer, publisher`, ""},
		"bad source":          {[]string{"CAMGATE_STREAMS_CAM_SOURCE=rstp://u:s3cret@h/x"}, `CAMGATE_STREAMS_CAM_SOURCE: streams.cam.source: unknown scheme "rstp": did you mean "rtsp"?`, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := parse("", tt.environ...)
			text := strings.Join(messages(err), "\n")
			if text != tt.err {
				t.Errorf("got  %s\nwant %s", text, tt.err)
			}
			if c != nil && len(c.Warnings) > 0 {
				text = InvalidError(c.Warnings).Error()
				if text != tt.warnings {
					t.Errorf("warns %s\nwant  %s", text, tt.warnings)
				}
			} else if tt.warnings != "" {
				t.Errorf("no warning, want %s", tt.warnings)
			}
			if strings.Contains(text, "s3cret") {
				t.Errorf("a value is shown: %s", text)
			}
		})
	}
}

func TestEveryKeyHasAVariable(t *testing.T) {
	c := Default()
	seen := map[string]string{}
	for _, l := range leaves(reflectConfig(c), "", "") {
		if other, twice := seen[l.name]; twice {
			t.Errorf("%s stands for %s and %s", l.name, other, l.path)
		}
		seen[l.name] = l.path
	}
	if seen["RTSP_TLS_ADDRESS"] != "rtsp.tls_address" || len(seen) < 25 {
		t.Errorf("got %v", seen)
	}
}
