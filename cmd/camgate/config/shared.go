package config

import (
	"fmt"
	"net"
	"strings"
)

// camera names what a source connects to, whoever logs in: two sources of the same name
// are one camera's stream, which is sent twice. Empty: it connects to nothing.
func (s Source) camera() string {
	if s.Scheme == SchemeRPiCam {
		return fmt.Sprintf("rpicam://%d", s.Camera)
	}
	if s.URL == nil {
		return ""
	}
	scheme, rest, _ := strings.Cut(s.URL.Scheme, "+")
	port := s.URL.Port()
	if port == "" {
		port = defaultPort(scheme, rest != "")
	}
	return scheme + "://" + net.JoinHostPort(strings.ToLower(s.URL.Hostname()), port) + s.URL.EscapedPath() + "?" + s.URL.RawQuery
}

// defaultPort is the port of a URL that names none.
func defaultPort(scheme string, http bool) string {
	switch {
	case scheme == "rtsp" && !http:
		return "554"
	case scheme == "rtsps" && !http:
		return "322"
	case scheme == "bambu":
		return "6000"
	case strings.HasSuffix(scheme, "s"):
		return "443"
	}
	return "80"
}

// Shared tells which streams begin with the camera of another one, and which that is:
// the first in the order of names. Sources to fall back on are not looked at, as they
// do not run.
func (c *Config) Shared() map[string]string {
	first, shared := map[string]string{}, map[string]string{}
	for _, name := range c.StreamNames() {
		sources := c.Streams[name].Source
		if len(sources) == 0 {
			continue
		}
		source, err := ParseSource(sources[0])
		if err != nil || source.camera() == "" {
			continue
		}
		if other, ok := first[source.camera()]; ok {
			shared[name] = other
		} else {
			first[source.camera()] = name
		}
	}
	return shared
}

// TellShared says what is wrong with a second stream of a camera, and what to do.
func (c *Config) TellShared(first string) string {
	first = printable(first)
	text := fmt.Sprintf("its camera is that of the stream %q, too, and has to send everything twice: let all watch %q", first, first)
	if _, port, err := net.SplitHostPort(c.RTSP.Address); err == nil {
		login := ""
		if len(c.Users) > 0 {
			login = "USER:PASSWORD@"
		}
		text += fmt.Sprintf(", or make this a second name of it, with the source rtsp://%s127.0.0.1:%s/%s", login, port, first)
	}
	return text
}

// shared warns of cameras that have to send the same more than once.
func (v *validator) shared() {
	for name, first := range v.Shared() {
		at := join("streams", printable(name)) + ".source"
		if len(v.Streams[name].Source) > 1 {
			at += "[0]"
		}
		v.warn(at, "%s", v.TellShared(first))
	}
}
