package config

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/camgate/camgate"
)

// validator looks for what is wrong with values that are well formed.
type validator struct {
	*Config
	problems, warnings []Problem
}

func (v *validator) fail(path, format string, args ...any) {
	v.problems = append(v.problems, Problem{v.at.of(path), path + ": " + fmt.Sprintf(format, args...)})
}

func (v *validator) warn(path, format string, args ...any) {
	v.warnings = append(v.warnings, Problem{v.at.of(path), path + ": " + fmt.Sprintf(format, args...)})
}

func (v *validator) all() {
	v.listeners()
	v.certificate()
	v.outputs()
	v.users()
	v.streams()
	v.shared()
}

// outputs checks what shapes the outputs and bounds them.
func (v *validator) outputs() {
	for path, d := range map[string]time.Duration{
		"hls.part": v.HLS.Part, "hls.segment": v.HLS.Segment,
		"limits.reader_lag": v.Limits.ReaderLag, "limits.reader_timeout": v.Limits.ReaderTimeout,
		"limits.gop_cache_time": v.Limits.GOPCacheTime,
	} {
		if d < time.Millisecond {
			v.fail(path, "has to be longer than nothing")
		}
	}
	for path, n := range map[string]Size{
		"limits.reader_lag_bytes": v.Limits.ReaderLagBytes, "limits.gop_cache_bytes": v.Limits.GOPCacheBytes,
	} {
		if n == 0 {
			v.fail(path, "has to be more than nothing")
		}
	}
	if v.HLS.Part > v.HLS.Segment {
		v.fail("hls.part", "a part (%s) is not longer than a segment (%s)", v.HLS.Part, v.HLS.Segment)
	}
	if name := v.HTTP.DefaultStream; name != "" && v.Streams[name] == nil && v.Streams[path.Dir(name)] == nil {
		v.fail("http.default_stream", "there is no stream %q", printable(name))
	}
	if v.MJPEG.FFmpeg == "" {
		v.fail("mjpeg.ffmpeg", "it is empty: name the program, as in ffmpeg or /usr/bin/ffmpeg")
	}
	for i, server := range v.WebRTC.ICEServers {
		at := fmt.Sprintf("webrtc.ice_servers[%d]", i)
		kind, _, _ := strings.Cut(server.URL, ":")
		if strings.ContainsFunc(server.URL+server.Username+string(server.Credential), func(r rune) bool { return r < ' ' || r > '~' }) ||
			strings.ContainsAny(server.URL, "<> \"") {
			v.fail(at, "url, username and credential are told to browsers in a header: ASCII only, and no spaces or brackets in the url")
			continue
		}
		switch kind {
		case "stun", "stuns":
		case "turn", "turns":
			switch {
			case server.Secret != "" && server.Credential != "":
				v.fail(at, "either credential or secret: a secret makes credentials of its own")
			case server.Secret == "" && (server.Username == "" || server.Credential == ""):
				v.fail(at, "a TURN server needs username and credential, or a secret")
			case server.TTL != 0 && (server.Secret == "" || server.TTL < time.Minute):
				v.fail(at+".ttl", "it is for a secret, and at least 1m")
			}
		default:
			v.fail(at, "the url begins with stun:, stuns:, turn: or turns:")
		}
	}
	for i, host := range v.WebRTC.PublicHosts {
		if _, err := netip.ParseAddr(host); err != nil && (host == "" || strings.ContainsAny(host, ":/ @")) {
			v.fail(fmt.Sprintf("webrtc.public_hosts[%d]", i), "%q is neither an IP address nor a name: no scheme, no port", printable(host))
		}
	}
}

// certificate checks that the files of RTSPS can be used.
func (v *validator) certificate() {
	switch cert, key := v.RTSP.TLSCert, v.RTSP.TLSKey; {
	case cert == "" && key == "":
	case key == "":
		v.fail("rtsp.tls_key", "is missing: tls_cert needs its key")
	case cert == "":
		v.fail("rtsp.tls_cert", "is missing: tls_key needs its certificate")
	default:
		if _, err := tls.LoadX509KeyPair(v.File(cert), v.File(key)); err != nil {
			v.fail("rtsp.tls_cert", "%v", err)
		}
	}
}

// The password in the example files.
const (
	examplePassword     = "change-me"
	examplePasswordHash = "$argon2id$v=19$m=19456,t=2,p=1$daDIzHUcU7t6qxiGuz1p9w$bS4NdQOUpcVPBu81sJF+5ycBqcLp2LZvkDrKoMpUELw"
)

func (v *validator) users() {
	first := map[string]int{}
	for i, u := range v.Users {
		at := fmt.Sprintf("users[%d]", i)
		switch earlier, twice := first[u.Name]; {
		case u.Name == "":
			v.fail(at, "the user has no name")
		case strings.ContainsFunc(u.Name, func(r rune) bool { return r == ':' || r < ' ' || r == '"' || r == 0x7f }):
			v.fail(at+".name", "%q cannot be a user's name: colons, quotes and control characters have no place in it", printable(u.Name))
		case twice:
			v.fail(at+".name", "user %q is here twice, first as users[%d]", u.Name, earlier)
		default:
			first[u.Name] = i
		}
		switch {
		case u.Password == "" && u.PasswordHash == "":
			v.fail(at, `user %q has no password: "camgate user add NAME" makes one`, u.Name)
		case u.Password != "" && u.PasswordHash != "":
			v.fail(at, "user %q has a password and a password_hash: one of them is enough", u.Name)
		case u.PasswordHash != "":
			if _, err := parseHash(string(u.PasswordHash)); err != nil {
				v.fail(at+".password_hash", "of user %q: %v", u.Name, err)
			}
		}
		if u.Password == examplePassword || u.PasswordHash == examplePasswordHash {
			v.warn(at, "user %q has the password of the example, which everybody knows: change it", u.Name)
		}
		if u.Role == "" {
			v.fail(at, "user %q has no role: it is one of admin, viewer, publisher", u.Name)
		}
		if u.Talk && u.Role == string(camgate.RolePublisher) {
			v.fail(at+".talk", "user %q is a publisher, who cannot watch: it is for viewers", u.Name)
		}
		for j, pattern := range u.Streams {
			if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
				v.fail(fmt.Sprintf("%s.streams[%d]", at, j), "of user %q: %q is no pattern: * stands for any characters, ? for one, [ab] for one of these", u.Name, printable(pattern))
			}
		}
	}
	if v.AllowAnonymous && len(v.Users) > 0 {
		v.fail("allow_anonymous", "has no place beside users, who would need no password then: remove one of both")
	}
}

func (v *validator) streams() {
	if n := len(v.Streams) + v.renditions(); n > v.Limits.Streams {
		v.fail("streams", "there are %d, more than limits.streams, which is %d", n, v.Limits.Streams)
	}
	running := 0
	for _, name := range v.StreamNames() {
		at := join("streams", printable(name))
		if s := v.Streams[name]; !s.OnDemand && !slices.Equal(s.Source, []SourceURL{SourceURL(SchemePublish)}) {
			running++
		}
		if err := camgate.ValidName(name); err != nil {
			v.fail(at, "%v", err)
		}
		if parent := path.Dir(name); v.Streams[parent] != nil && isOutput(path.Base(name)) {
			v.fail(at, "its page would stand where an output of the stream %q is: give it another name", printable(parent))
		}
		v.stream(at, v.Streams[name])
	}
	if running > v.Limits.Sources {
		v.fail("streams", "%d sources run all the time, more than limits.sources, which is %d: raise it, or set on_demand", running, v.Limits.Sources)
	}
}

// isOutput tells what follows the name of a stream in the URLs of its outputs.
func isOutput(segment string) bool {
	switch segment {
	case "whep", "whip", "publish", "mjpeg", "snapshot.jpg":
		return true
	}
	return path.Ext(segment) == ".m3u8"
}

// StreamNames returns the names of all streams, sorted.
func (c *Config) StreamNames() []string {
	names := make([]string, 0, len(c.Streams))
	for name := range c.Streams {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// File returns the path of a file that the config names.
func (c *Config) File(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(c.dir, name)
}

// DemoStream is the name of the stream that is served when there is no config.
const DemoStream = "demo"

// DefaultStream returns a stream of which nothing is said, not even its source.
func DefaultStream() *Stream {
	return newDefault(reflect.TypeFor[Stream]()).Addr().Interface().(*Stream)
}

// AddDemo adds the stream that shows what camgate does.
func (c *Config) AddDemo() {
	s := DefaultStream()
	s.Source = []SourceURL{SourceURL(SchemeDemo)}
	c.Streams = map[string]*Stream{DemoStream: s}
}
