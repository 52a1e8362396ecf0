package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/camgate/camgate/ingest/trust"
)

func (t TLS) isZero() bool {
	return len(t.Fingerprint) == 0 && t.CA == "" && t.ServerName == "" && !t.TrustOnFirstUse && !t.Insecure
}

// Trust returns how the certificate of a stream's source is verified. Store and
// Logger are left to the caller.
func (c *Config) Trust(t TLS) (trust.Options, error) {
	out := trust.Options{ServerName: t.ServerName, TrustOnFirstUse: t.TrustOnFirstUse, Insecure: t.Insecure}
	for _, text := range t.Fingerprint {
		pin, err := trust.ParsePin(text)
		if err != nil {
			return out, err
		}
		out.Pins = append(out.Pins, pin)
	}
	if t.CA != "" {
		pool, err := trust.LoadCAs(c.File(t.CA))
		if err != nil {
			return out, err
		}
		out.CAs = pool
	}
	return out, nil
}

// streamTLS checks the section tls of a stream.
func (v *validator) streamTLS(at string, s *Stream) {
	if s.TLS.isZero() {
		return
	}
	secure := slices.ContainsFunc(s.Source, func(text SourceURL) bool {
		source, err := ParseSource(text)
		return err != nil || source.MayBeSecure()
	})
	if !secure {
		v.fail(at, "no source of the stream has TLS: that would be one of rtsps://, https+mjpeg://, https+jpeg://, bambu://, bambus://, onvif://, onvifs://")
	}
	for i, text := range s.TLS.Fingerprint {
		if _, err := trust.ParsePin(text); err != nil {
			v.fail(fmt.Sprintf("%s.fingerprint[%d]", at, i), "%v", err)
		}
	}
	v.contradictions(at, s.TLS)
	if s.TLS.CA != "" {
		if _, err := trust.LoadCAs(v.File(s.TLS.CA)); err != nil {
			v.fail(at+".ca", "%v", err)
		}
	}
}

// contradictions refuses keys of tls beside which others mean nothing.
func (v *validator) contradictions(at string, t TLS) {
	byName := t.CA != "" || t.ServerName != ""
	pinned := len(t.Fingerprint) > 0
	if t.Insecure && (byName || pinned || t.TrustOnFirstUse) {
		v.fail(at+".insecure", "accepts any certificate, so the other keys of tls would mean nothing: remove it or them")
		return
	}
	if pinned && byName {
		v.fail(at+".fingerprint", "accepts exactly that certificate, so ca and server_name would mean nothing: remove it or them")
	}
	if t.TrustOnFirstUse && (byName || pinned) {
		v.fail(at+".trust_on_first_use", "accepts the certificate that comes first, so the other keys of tls would mean nothing: remove it or them")
	}
}

// StateDirectory is the folder for what the gateway remembers; it may not be there yet.
func (c *Config) StateDirectory() string {
	if c.StateDir != "" {
		return c.File(c.StateDir)
	}
	return c.stateDir
}

// defaultStateDir is where a gateway keeps its state: what the service manager gives
// it (systemd.exec(5), StateDirectory=), else what the XDG Base Directory
// Specification names, else the folder of system services.
func defaultStateDir(lookup func(string) (string, bool)) string {
	if dirs, _ := lookup("STATE_DIRECTORY"); dirs != "" {
		first, _, _ := strings.Cut(dirs, ":")
		return first
	}
	// Relative ones are to be ignored, says the specification.
	if dir, _ := lookup("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "camgate")
	}
	if home, _ := lookup("HOME"); filepath.IsAbs(home) && home != "/" && home != "/nonexistent" {
		return filepath.Join(home, ".local", "state", "camgate")
	}
	return "/var/lib/camgate"
}
