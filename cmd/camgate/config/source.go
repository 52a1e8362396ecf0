package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/camgate/camgate/ingest/camera"
	"github.com/camgate/camgate/ingest/command"
)

// SourceURL is where a stream comes from, which may hold a password: String hides
// it, string(s) is the value.
type SourceURL string

func (s SourceURL) String() string {
	if line, ok := execLine(string(s)); ok { // any word of a command may be a secret
		words, err := command.Words(line)
		if err != nil {
			words = nil
		}
		return command.Name(words)
	}
	// All before the last @ of a single URL, whatever characters it has.
	if scheme, rest, ok := strings.Cut(string(s), "://"); ok {
		if at := strings.LastIndexByte(rest, '@'); at >= 0 {
			return Redact(scheme + "://***@" + rest[at+1:])
		}
	}
	return Redact(string(s))
}

// GoString hides the password from %#v.
func (s SourceURL) GoString() string { return strconv.Quote(s.String()) }

// LogValue hides the password in logs.
func (s SourceURL) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the password in whatever is encoded.
func (s SourceURL) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

var (
	// userinfo is what stands before the host of a URL in running text.
	userinfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^\s"'<>]*@`)
	// parameter is a password in the rest of a URL, as some cameras want it.
	parameter = regexp.MustCompile(`(?i)((?:password|passwd|passwort|pwd|pass|token|secret)=)[^&\s"'/]*`)
)

// Redact replaces users and passwords in all URLs of a text.
func Redact(text string) string {
	if strings.IndexByte(text, '@') >= 0 {
		text = userinfo.ReplaceAllString(text, "${1}***@")
	}
	if strings.IndexByte(text, '=') >= 0 {
		text = parameter.ReplaceAllString(text, "${1}***")
	}
	return text
}

// Scheme is the kind of a source.
type Scheme string

// The schemes there are. The first two stand alone, without a URL behind them.
const (
	SchemeDemo    Scheme = "demo"
	SchemePublish Scheme = "publish"
	SchemeFile    Scheme = "file"
	SchemeRTSP    Scheme = "rtsp"
	SchemeRTSPS   Scheme = "rtsps"
	SchemeMJPEG   Scheme = "http+mjpeg"
	SchemeMJPEGS  Scheme = "https+mjpeg"
	SchemeJPEG    Scheme = "http+jpeg"
	SchemeJPEGS   Scheme = "https+jpeg"
	SchemeBambu   Scheme = "bambu"
	SchemeBambuS  Scheme = "bambus"
	SchemeMPEGTS  Scheme = "udp+mpegts"
	SchemeONVIF   Scheme = "onvif"
	SchemeONVIFS  Scheme = "onvifs"
	SchemeV4L2    Scheme = "v4l2"
	SchemeExec    Scheme = "exec"
	SchemeRPiCam  Scheme = "rpicam"
)

func schemes() []string {
	return []string{
		string(SchemeRTSP), string(SchemeRTSPS), "rtsp+http", "rtsp+ws", "rtsps+http", "rtsps+ws",
		string(SchemeMJPEG), string(SchemeMJPEGS), string(SchemeJPEG), string(SchemeJPEGS),
		string(SchemeBambu), string(SchemeBambuS), string(SchemeMPEGTS), string(SchemeONVIF), string(SchemeONVIFS),
		string(SchemeV4L2), string(SchemeRPiCam), string(SchemeExec), string(SchemeFile), string(SchemePublish), string(SchemeDemo),
	}
}

// Source is a SourceURL taken apart.
type Source struct {
	Scheme Scheme
	URL    *url.URL // of all that are somewhere in a network
	Path   string   // of file, as written; of v4l2, what follows v4l2://
	Words  []string // of exec: the program and its arguments
	Camera int      // of rpicam: its number
}

// execLine returns the command line of an exec source.
func execLine(text string) (string, bool) {
	scheme, line, ok := strings.Cut(strings.TrimSpace(text), ":")
	return line, ok && strings.EqualFold(scheme, string(SchemeExec))
}

// Secure tells whether the source has TLS.
func (s Source) Secure() bool {
	switch s.Scheme {
	case SchemeRTSPS, SchemeMJPEGS, SchemeJPEGS, SchemeBambu, SchemeBambuS, SchemeONVIFS:
		return true
	}
	return false
}

// MayBeSecure tells whether the source has TLS, or may send us to one that has.
func (s Source) MayBeSecure() bool { return s.Secure() || s.Scheme == SchemeONVIF }

// Local tells whether the source is a camera of this machine, which is told what to
// send.
func (s Source) Local() bool { return s.Scheme == SchemeV4L2 || s.Scheme == SchemeRPiCam }

// Still tells whether the source is asked for each picture.
func (s Source) Still() bool {
	switch s.Scheme {
	case SchemeJPEG, SchemeJPEGS:
		return true
	case SchemeONVIF, SchemeONVIFS:
		return s.URL.Query().Get("stills") == "true"
	}
	return false
}

// ParseSource takes a source apart. Its error never shows a password.
func ParseSource(s SourceURL) (Source, error) {
	text := strings.TrimSpace(string(s))
	switch Scheme(text) {
	case "":
		return Source{}, fmt.Errorf("it is empty: name a URL, %q or %q", SchemePublish, SchemeDemo)
	case SchemePublish, SchemeDemo:
		return Source{Scheme: Scheme(text)}, nil
	}
	if line, ok := execLine(text); ok {
		words, err := command.Words(line)
		return Source{Scheme: SchemeExec, Words: words}, err
	}
	scheme, rest, ok := strings.Cut(text, ":")
	switch {
	case !ok && strings.HasPrefix(text, "/"):
		return Source{}, fmt.Errorf("a file is written as file:%s", text)
	case !ok:
		return Source{}, fmt.Errorf("%q is no URL: it begins with one of %s", printable(text), strings.Join(schemes(), ", "))
	}
	lower := strings.ToLower(scheme)
	switch Scheme(lower) {
	case SchemeMJPEG, SchemeMJPEGS, SchemeJPEG, SchemeJPEGS, SchemeMPEGTS, SchemeONVIF, SchemeONVIFS:
		u, err := parseURL(lower, rest)
		return Source{Scheme: Scheme(lower), URL: &u}, err
	case SchemeV4L2:
		target, ok := strings.CutPrefix(rest, "//")
		if !ok {
			target = "" // its error says how it is written
		}
		_, err := camera.ParseTarget(target)
		return Source{Scheme: SchemeV4L2, Path: target}, err
	case SchemeBambu, SchemeBambuS:
		return parseBambu(Scheme(lower), rest)
	case SchemeRPiCam:
		return parseRPiCam(rest)
	case "http", "https":
		return Source{}, fmt.Errorf("%s is %s+mjpeg:// for a stream of pictures, %s+jpeg:// for single ones", lower, lower, lower)
	}
	base, tunnel, _ := strings.Cut(lower, "+")
	switch Scheme(base) {
	case SchemeFile:
		if tunnel == "" {
			return parseFile(rest)
		}
	case SchemeRTSP, SchemeRTSPS:
		if tunnel == "" || tunnel == "http" || tunnel == "ws" {
			u, err := parseURL(lower, rest)
			return Source{Scheme: Scheme(base), URL: &u}, err
		}
	case SchemeDemo, SchemePublish:
		return Source{}, fmt.Errorf("%q stands alone, without a colon", base)
	}
	return Source{}, fmt.Errorf("unknown scheme %q: %s", printable(scheme), suggest(scheme, schemes()))
}

// parseBambu takes bambu://CODE@HOST, and the same for the printers with RTSP.
func parseBambu(scheme Scheme, rest string) (Source, error) {
	u, err := parseURL(string(scheme), rest)
	if err != nil {
		return Source{}, err
	}
	code := u.User.Username()
	if password, ok := u.User.Password(); ok { // as in rtsps://bblp:CODE@HOST
		code = password
	}
	if code == "" {
		return Source{}, fmt.Errorf("the access code that the printer shows stands before the host: %s://CODE@HOST", scheme)
	}
	if u.Path != "" && u.Path != "/" || u.RawQuery != "" {
		return Source{}, fmt.Errorf("nothing follows the host: %s://CODE@HOST", scheme)
	}
	u.Path, u.RawPath, u.User = "", "", url.User(code)
	if scheme == SchemeBambuS {
		// The X1, H2 and P2 series: RTSP as they have it, all over one connection.
		u.Scheme, u.Path, u.User = string(SchemeRTSPS), "/streaming/live/1", url.UserPassword("bblp", code)
	}
	return Source{Scheme: scheme, URL: &u}, nil
}

// parseRPiCam takes rpicam://0.
func parseRPiCam(rest string) (Source, error) {
	number, ok := strings.CutPrefix(rest, "//")
	n, err := strconv.ParseUint(number, 10, 4)
	if !ok || err != nil {
		return Source{}, errors.New(`the camera's number stands behind the slashes: rpicam://0; "rpicam-hello --list-cameras" shows which there are`)
	}
	return Source{Scheme: SchemeRPiCam, Camera: int(n)}, nil
}

// parseFile takes file:clip.mp4, file:/srv/clip.mp4 and file:///srv/clip.mp4.
func parseFile(rest string) (Source, error) {
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		if !strings.HasPrefix(after, "/") {
			return Source{}, fmt.Errorf("a file of this machine has three slashes, or none: file:///srv/clip.mp4, file:clip.mp4")
		}
		rest = after
	}
	if rest == "" {
		return Source{}, fmt.Errorf("it names no file: write file:clip.mp4")
	}
	return Source{Scheme: SchemeFile, Path: rest}, nil
}
