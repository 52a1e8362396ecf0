package config

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// parse is Parse of a file "c.yaml" with an environment.
func parse(text string, environ ...string) (*Loaded, error) {
	return Parse([]byte(text), "c.yaml", environ)
}

// messages are the lines of an error.
func messages(err error) []string {
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}

const aUser = "users: [{name: a, password: b, role: admin}]\n"

func TestMessages(t *testing.T) {
	const cam = "streams:\n  cam:\n    source: publish\n"
	tests := map[string]struct {
		text string
		want []string
	}{
		"empty":          {"", nil},
		"comment only":   {"# nothing\n", nil},
		"empty sections": {"log:\nusers:\nstreams:\n", nil},
		"anchors":        {"x-common: &c {source: publish}\nstreams: {a: {<<: *c}, b: *c}\n", nil},
		"unknown key": {"rtps: {}\n", []string{
			`c.yaml:1:1: unknown key "rtps": did you mean "rtsp"?`}},
		"unknown key without a near one": {"recording: on\n", []string{
			`c.yaml:1:1: unknown key "recording": known are: allow_anonymous, state_dir, log, http, rtsp, webrtc, hls, mjpeg, limits, users, streams`}},
		"unknown key of a stream": {"streams:\n  front-door:\n    sorce: publish\n", []string{
			`c.yaml:2:3: streams.front-door: has no source: name a URL, "publish" or "demo"`,
			`c.yaml:3:5: streams.front-door: unknown key "sorce": did you mean "source"?`}[1:]},
		"all at once": {"log: {level: loud}\nhls:\n  part: 10\nlimits:\n  streams: many\n", []string{
			`c.yaml:1:14: log.level: "loud" is none of debug, info, warn, error`,
			`c.yaml:3:9: hls.part: "10" is no duration: write a number with its unit, as in 200ms, 10s, 1m30s, 1h`,
			`c.yaml:5:12: limits.streams: "many" is no whole number`}},
		"key twice": {"log: {}\nhttp: {}\nlog: {}\n", []string{
			`c.yaml:3:1: the key "log" is here twice, first in line 1`}},
		"stream twice": {"streams:\n  a: {source: publish}\n  a: {source: demo}\n", []string{
			`c.yaml:3:3: streams: the key "a" is here twice, first in line 2`}},
		"section wanted":  {"rtsp: yes\n", []string{`c.yaml:1:7: rtsp: want a section of keys and values, not one value`}},
		"list wanted":     {"users: {name: a}\n", []string{`c.yaml:1:8: users: want a list, not a section: begin each entry with a dash`}},
		"names wanted":    {"streams: [a]\n", []string{`c.yaml:1:10: streams: want names with a section each, not a list`}},
		"value wanted":    {"log: {level: [info]}\n", []string{`c.yaml:1:14: log.level: want one value, not a list`}},
		"no value":        {"http:\n  address:\n", []string{`c.yaml:2:11: http.address: has no value`}},
		"no section":      {"streams:\n  cam: rtsp://host/x\n", []string{`c.yaml:2:8: streams.cam: want a section of keys and values, not one value`}},
		"no boolean":      {"allow_anonymous: perhaps\n", []string{`c.yaml:1:18: allow_anonymous: "perhaps" is neither true nor false`}},
		"size":            {"limits: {gop_cache_bytes: lots}\n", []string{`c.yaml:1:27: limits.gop_cache_bytes: "lots" is no size: write bytes, or a unit as in 500k, 50M, 2MiB`}},
		"too much":        {"mjpeg: {quality: 101}\n", []string{`c.yaml:1:18: mjpeg.quality: "101" is more than 100`}},
		"two documents":   {"log: {}\n---\nlog: {}\n", []string{`c.yaml:2:1: a second document begins here: a config is one document`}},
		"syntax":          {"log:\n  level: a: b\n", []string{`c.yaml:2:1: mapping values are not allowed in this context`}},
		"missing brace":   {"log: {}\nhttp:\n  address: {a: b\nrtsp: {}\n", []string{`c.yaml:3:1: did not find expected ',' or '}'`}},
		"missing bracket": {"log: [1\n\nrtsp: {}\n", []string{`c.yaml:3:1: did not find expected ',' or ']'`}},
		"indentation":     {"log:\n  level: info\n format: text\n", []string{`c.yaml:3:1: did not find expected key`}},
		"unquoted":        {"log: {level: ${X}}\n", []string{`c.yaml:1:1: did not find expected ',' or '}': between braces, quote a value with ${...} in it`}},
		"tab":             {"log:\n\tlevel: info\n", []string{`c.yaml:2:1: a tab: YAML is indented with spaces`}},
		"unknown anchor":  {"log: {}\nhttp: {address: *s3cret}\n", []string{`c.yaml:2:17: there is no such anchor: quote a value that begins with *`}},
		"not yet":         {cam + "    transport: carrier\n", []string{`c.yaml:4:16: streams.cam.transport: "carrier" is none of auto, tcp, udp, multicast, http, ws`}},
		"unknown tls key": {cam + "    tls: {verify: true}\n", []string{`c.yaml:4:11: streams.cam.tls: unknown key "verify": known are: fingerprint, ca, server_name, trust_on_first_use, insecure`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := parse(tt.text)
			if diff := cmp.Diff(tt.want, messages(err)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestValues(t *testing.T) {
	c, err := parse(`
log: {level: debug, format: json}
http: {allow_origins: "*"}
rtsp: {address: ""}
webrtc: {ice_servers: ["stun:a:1", {url: "turn:b", username: u, credential: p}]}
hls: {part: 150ms}
limits: {reader_lag_bytes: 2MiB, gop_cache_bytes: 1.5M}
users:
- {name: a, password: 007, role: viewer, streams: x*}
- {name: b, password: yes, role: admin}
streams:
  one: {source: "rtsp://h/x", on_demand: yes}
  live/two: {source: [ "rtsp://h/x", "demo" ], transport: tcp, linger: 1m}
`)
	if err != nil {
		t.Fatal(err)
	}
	type values struct {
		Level, Format          string
		Origins                []string
		ICE                    int
		Part, Warm             time.Duration
		LagBytes, Cache        Size
		Passwords              [2]string
		Patterns               []string
		One, Two               int
		OnDemand               bool
		Transport, OneTransort string
		Linger                 time.Duration
	}
	two := c.Streams["live/two"]
	got := values{
		c.Log.Level, c.Log.Format, c.HTTP.AllowOrigins, len(c.WebRTC.ICEServers), c.HLS.Part, c.HLS.Warm,
		c.Limits.ReaderLagBytes, c.Limits.GOPCacheBytes,
		[2]string{string(c.Users[0].Password), string(c.Users[1].Password)}, c.Users[0].Streams,
		len(c.Streams["one"].Source), len(two.Source), c.Streams["one"].OnDemand, two.Transport, c.Streams["one"].Transport, two.Linger,
	}
	want := values{
		"debug", "json", []string{"*"}, 2, 150 * time.Millisecond, time.Minute, 2 << 20, 1_500_000,
		[2]string{"007", "yes"}, []string{"x*"}, 1, 2, true, "tcp", "auto", time.Minute,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestExpansion(t *testing.T) {
	tests := map[string]struct {
		value string
		want  string
		err   string
	}{
		"variable":           {"a${X}b", "avalueb", ""},
		"default":            {"${NONE:other}", "other", ""},
		"default not needed": {"${X:other}", "value", ""},
		"empty default":      {"${NONE:}", "", ""},
		"empty variable":     {"${EMPTY:other}", "", ""},
		"literal":            {"$${X}", "${X}", ""},
		"dollars":            {"$a$$b${c${;}", "$a$$b${c${;}", ""},
		"not again":          {"${NESTED}", "${X}", ""},
		"undefined":          {"${NONE}", "", `c.yaml:1:16: mjpeg.ffmpeg: the environment has no NONE: set it, write ${NONE:default}, or $${NONE} for these characters themselves`},
		"as in a shell":      {"${X:-other}", "", `c.yaml:1:16: mjpeg.ffmpeg: ${X:-...}: write the default without the dash, ${X:...}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := parse("mjpeg: {ffmpeg: '"+tt.value+"'}\nusers: []\n", "X=value", "EMPTY=", "NESTED=${X}")
			if tt.want == "" && tt.err == "" {
				if err == nil || !strings.Contains(err.Error(), "mjpeg.ffmpeg: it is empty") {
					t.Fatalf("got %v, want an empty value", err)
				}
				return
			}
			if err != nil {
				if strings.ReplaceAll(err.Error(), ":1:17", ":1:16") != tt.err {
					t.Errorf("got %v\nwant %v", err, tt.err)
				}
				return
			}
			if c.MJPEG.FFmpeg != tt.want {
				t.Errorf("got %q, want %q", c.MJPEG.FFmpeg, tt.want)
			}
		})
	}
}

func TestAliasesAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("x-a0: &a0 {source: publish}\n")
	for i := range 30 {
		b.WriteString("x-" + name(i+1) + ": &" + name(i+1) + " {<<: [*" + name(i) + ", *" + name(i) + ", *" + name(i) + "]}\n")
	}
	text := strings.Replace(b.String(), "x-a0: &a0", "x-"+name(0)+": &"+name(0), 1) + "streams: {a: *" + name(30) + "}\n"
	_, err := parse(text)
	if err == nil || !strings.Contains(err.Error(), "merge keys lead too deep") && !strings.Contains(err.Error(), "more than") {
		t.Errorf("got %v", err)
	}
	if _, err := parse("streams: &s {a: {<<: *s}}\n"); err == nil {
		t.Error("a cycle was accepted")
	}
}

func name(i int) string { return "n" + string(rune('a'+i/26)) + string(rune('a'+i%26)) }

func TestMissingFile(t *testing.T) {
	_, err := Load("/nowhere/camgate.yaml", nil)
	if got := messages(err); !cmp.Equal(got, []string{"/nowhere/camgate.yaml: there is no such file"}) {
		t.Errorf("got %q", got)
	}
	var problems InvalidError
	if !errors.As(err, &problems) {
		t.Errorf("got %T, want an InvalidError", err)
	}
}
